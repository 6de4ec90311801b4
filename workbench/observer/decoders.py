"""Image decoders: the functions of libraries that make pixels of a file, each as the stage `decode`."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from .imports import After
from .lane import current
from .session import Session
from .strategies.chosen import chosen

DECODE = "decode"

#: Functions that decode, by module.
_FUNCTIONS = {
    "cv2": ("imread", "imdecode", "imreadmulti"),
    "torchvision.io": ("read_image", "decode_image", "decode_jpeg", "decode_png"),
    "torchvision.io.image": ("read_image", "decode_image", "decode_jpeg", "decode_png"),
    "simplejpeg": ("decode_jpeg",),
    "imageio.v2": ("imread",),
    "imageio.v3": ("imread",),
    "imageio": ("imread",),
    "skimage.io": ("imread",),
}


def hooks(session: Session) -> dict[str, After]:
    """What is done after which module was imported."""
    found: dict[str, After] = {
        name: functools.partial(_look_at_functions, session, names) for name, names in _FUNCTIONS.items()
    }
    found["PIL.Image"] = lambda module: session.patch(module, "open", _timed_open)
    found["PIL.ImageFile"] = functools.partial(_look_at_pillow, session)
    return found


def _look_at_functions(session: Session, names: tuple[str, ...], module: ModuleType) -> None:
    for name in names:
        if callable(getattr(module, name, None)) and not hasattr(getattr(module, name), "_workbench"):
            session.patch(module, name, _timed)


def _timed_open(read_header: Any) -> Any:
    """Pillow's `open` reads the header alone; what it takes belongs to decoding all the same."""

    @functools.wraps(read_header)
    def timed_open(*args: Any, **kwargs: Any) -> Any:
        lane = current.lane
        if lane is None:
            return read_header(*args, **kwargs)
        lane.enter(DECODE)
        try:
            return read_header(*args, **kwargs)
        finally:
            lane.leave()

    return timed_open


def _timed(decode: Any) -> Any:
    decoded = chosen().decoded

    @functools.wraps(decode)
    def timed_decode(*args: Any, **kwargs: Any) -> Any:
        lane = current.lane
        if lane is None:
            return decode(*args, **kwargs)
        lane.enter(DECODE)
        try:
            return decoded.of_function(decode, args, kwargs) if decoded.is_wanted else decode(*args, **kwargs)
        finally:
            lane.leave()

    timed_decode._workbench = True  # type: ignore[attr-defined]
    return timed_decode


def _look_at_pillow(session: Session, module: ModuleType) -> None:
    session.patch(module.ImageFile, "load", _timed_load)


def _timed_load(load: Any) -> Any:
    decoded = chosen().decoded

    @functools.wraps(load)
    def timed_load(self: Any) -> Any:
        lane = current.lane
        # Without tiles the pixels are there already; every access to an image asks.
        if lane is None or not getattr(self, "tile", None):
            return load(self)
        lane.enter(DECODE)
        try:
            return decoded.of_pillow(load, self) if decoded.is_wanted else load(self)
        finally:
            lane.leave()

    return timed_load
