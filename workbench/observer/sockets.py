"""Where processes of multiprocessing meet to hand over files: in a folder that is removed however they end.

A process that gives another one a file (a loader worker each tensor of its batches) listens at a socket for that. Each
such process makes a folder `pymp-...` for its socket, and removes it when it ends by itself; that of one which is
killed would stay for ever.
"""

from __future__ import annotations

import contextlib
import os
from types import ModuleType

from .imports import After

#: Name of the folder of sockets. A path to a socket may have no more than 108 characters.
SOCKETS = "sockets"


def hooks(folder: str) -> dict[str, After]:
    """What is done after which module was imported.

    Args:
        folder: In which the folder of sockets is to lie.
    """
    return {"multiprocessing.process": lambda module: meet_in(folder, module)}


def meet_in(folder: str, process: ModuleType) -> None:
    """Have this process, and those that it starts from now on, keep their sockets below a folder.

    Args:
        folder: There is one, or it can be made; else everything stays as it is.
        process: `multiprocessing.process`.
    """
    place = os.path.join(folder, SOCKETS)
    with contextlib.suppress(OSError):
        os.makedirs(place, mode=0o700, exist_ok=True)
        process.current_process()._config.setdefault("tempdir", place)
