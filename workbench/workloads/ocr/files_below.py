"""Lists the files of a data set."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import BadInput, Problem


def files_below(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, sorted. Links are followed; what is hidden is left out.

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
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise BadInput(str(error.filename), [Problem(f"cannot be read ({error.strerror})")])
