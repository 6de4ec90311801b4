"""Where things lie (notebooks, samples, results, caches, the files of a data set), and what child processes inherit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import BadInput, Problem

#: What every process has set that the workbench starts, and that runs user code. albumentations asks the network for a
#: newer version of itself when it is imported; nothing that is measured asks anybody.
QUIET_LIBRARIES: Mapping[str, str] = {"NO_ALBUMENTATIONS_UPDATE": "1"}

#: What lies in `cache_dir()`, which is cleaned by these names: prepared pages in files that end so, and in folders the
#: engines that were built, the words that the shipped detector has found, surveys of large data sets, and stamps of
#: what has been compiled.
PAGES_SUFFIX, ENGINES, FOUND_WORDS, SURVEYS, COMPILED = ".pages", "engines", "words", "surveys", "compiled"

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
_BUNDLED = _PACKAGE / "_bundled"


def notebooks_dir() -> Path:
    """The folder of the committed notebooks, in a checkout or in an installed wheel."""
    return _shipped("notebooks")


def sample_pages_dir() -> Path:
    """The folder of the embedded sample pages, in a checkout or in an installed wheel."""
    return _shipped("data_samples")


def reports_dir() -> Path:
    """Where results go when nobody says otherwise: `reports/` of the checkout, else of the current folder."""
    return checkout_dir() / "reports"


def checkout_dir() -> Path:
    """The checkout that the package runs from; without one, the current folder."""
    return _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else Path.cwd()


def cache_dir() -> Path:
    """Where caches that survive a run lie: `WORKBENCH_CACHE`, else `workbench` in the user's cache folder."""
    named = os.environ.get("WORKBENCH_CACHE")
    if named:
        return expanded(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"


def expanded(path: str | Path) -> Path:
    """A path as a person writes it, with the home folder in place of ``~``.

    Raises:
        BadInput: For ``~name``, where there is nobody of that name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        what = f"there is no home folder for '{Path(path).parts[0]}'"
        raise BadInput(str(path), [Problem(what, remedy="Write the path in full")]) from None


def files_below(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, sorted. Links are followed; what is hidden, or no file, is left out.

    Raises:
        BadInput: For a folder that cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(place)
        if real in seen:  # a link to what has been walked already, maybe to a folder above
            folders.clear()
            continue
        seen.add(real)
        # Hidden are .ipynb_checkpoints with old annotations, and the ._ files that other systems put beside each file.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        no_files = _no_files(place)
        found += [Path(place, name) for name in names if not name.startswith(".") and name not in no_files]
    return sorted(found, key=lambda path: path.parts)  # their own order takes ten times as long


def _no_files(folder: str) -> set[str]:
    """The pipes, sockets and devices in a folder: to open one may take for ever."""
    with os.scandir(folder) as entries:
        others = [Path(entry) for entry in entries if not entry.is_file(follow_symlinks=False)]
    # Links to nothing stay: to open one fails at once.
    return {path.name for path in others if path.exists() and not path.is_file() and not path.is_dir()}


def examples_root() -> Path:
    """The folder of the package `examples`, in a checkout or in an installed wheel: what `sys.path` has to hold."""
    return _shipped("examples").parent


def import_path() -> str:
    """A PYTHONPATH for processes that run in another folder: modules of this one are found, and the examples."""
    parts = (os.environ.get("PYTHONPATH", ""), str(examples_root()), str(Path.cwd()))
    return os.pathsep.join(dict.fromkeys(filter(None, parts)))


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that the workbench starts: this process's own, and `QUIET_LIBRARIES`.

    Args:
        extra: Variables that only this child gets.
    """
    return {**os.environ, **QUIET_LIBRARIES, **(extra or {})}


def _shipped(name: str) -> Path:
    bundled = _BUNDLED / name
    return bundled if bundled.is_dir() else _CHECKOUT / name


def _refuse(error: OSError) -> None:
    raise BadInput(str(error.filename), [Problem(f"cannot be read ({error.strerror})")])
