"""What a loader is called: the line that makes it, in the script's own code."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from typing import Any, NamedTuple

_LIBRARIES = tuple(
    os.path.realpath(path)
    for path in {sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"], sysconfig.get_paths()["stdlib"]}
)
_OWN = os.path.dirname(os.path.abspath(__file__))


class CallSite(NamedTuple):
    """Where a call comes from.

    Attributes:
        name: File and line of the innermost frame of the script's own, `train.py:12`.
        chain: All frames of the script's own, the innermost first.
        is_direct: Whether the script calls by itself, and no library for it.
    """

    name: str
    chain: tuple[str, ...]
    is_direct: bool


def behind(loader: Any) -> Any:
    """The loader that a script knows, where a library gives torch another object in its place.

    fastai's stands in for loader and data set alike; what it stands for is its `d`.
    """
    is_stand_in = getattr(loader, "dataset", None) is loader and hasattr(loader, "d")
    return loader.d if is_stand_in else loader


def call_site() -> CallSite:
    """Where the caller's caller was called from; where all of it is library code, the innermost that isn't torch's."""
    own: list[str] = []
    other: list[str] = []
    before = 0  # frames of libraries between torch and the script
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((_OWN, "<")):
            place = f"{os.path.basename(path)}:{frame.f_lineno}"
            if not is_library(path):
                own.append(place)
            elif f"{os.sep}torch{os.sep}" not in path:
                other.append(place)
                before += not own
        frame = frame.f_back  # type: ignore[assignment]
    found = own or other or ["<unknown>"]
    return CallSite(found[0], tuple(found[:6]), is_direct=bool(own) and not before)


def is_library(path: str) -> bool:
    """Whether a file belongs to an installed package or to Python itself."""
    real = os.path.realpath(path)
    if any(real.startswith(entry + os.sep) for entry in _installed(tuple(sys.path))):
        return True
    return "site-packages" in real or "dist-packages" in real or real.startswith(_LIBRARIES)


@functools.lru_cache(maxsize=8)
def _installed(path: tuple[str, ...]) -> tuple[str, ...]:
    """Folders of the module path into which packages were installed, wherever they are."""
    found = []
    for entry in path:
        try:
            if entry and any(name.endswith(".dist-info") for name in os.listdir(entry)):
                found.append(os.path.realpath(entry))
        except OSError:  # a zip file, or nothing
            continue
    return tuple(found)
