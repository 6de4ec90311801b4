"""Where libraries keep their settings, for a command whose user has no home that can be written.

There each process of IPython and of matplotlib makes a folder of its own beside the temporary files. Nobody removes it
where the process is killed, or ends at once: they all get one, which goes with the command.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

#: By the variable that says where it lies: the folder of settings in the home of a user, and its variable.
_SETTINGS: Mapping[str, tuple[str, str | None]] = {
    "IPYTHONDIR": (".ipython", None),
    "MPLCONFIGDIR": (".config/matplotlib", "XDG_CONFIG_HOME"),
}


@contextlib.contextmanager
def place_for_settings() -> Iterator[None]:
    """Within the block, this process and those that it starts keep settings where they can; nothing stays of it."""
    missing = [name for name in _SETTINGS if name not in os.environ and not _can_be_kept(*_SETTINGS[name])]
    with contextlib.ExitStack() as stack:
        if missing:
            with contextlib.suppress(OSError):  # no room there either: libraries may say so
                place = stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="workbench-home-", ignore_cleanup_errors=True)
                )
                for name in missing:
                    os.environ[name] = str(Path(place, name.lower()))
                    Path(os.environ[name]).mkdir()
        try:
            yield
        finally:
            for name in missing:
                os.environ.pop(name, None)


def _can_be_kept(folder: str, variable: str | None) -> bool:
    """Whether settings can be kept in a folder of the user's home, or could be once it is made."""
    named = os.environ.get(variable) if variable else None
    try:
        path = Path(named, Path(folder).name) if named else Path.home() / folder
    except RuntimeError:  # nobody knows a home
        return False
    there = next((place for place in (path, *path.parents) if place.exists()), None)
    return there is not None and os.access(there, os.W_OK)
