"""Image decoders: the functions of libraries that make pixels of a file, each as the stage `decode`."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from .images import Images
from .imports import After
from .lane import current
from .session import Session
from .strategies.chosen import chosen
from .timed import is_timed, marked, timed

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
    images = Images(session)
    found: dict[str, After] = {
        name: functools.partial(_look_at_functions, session, images, names) for name, names in _FUNCTIONS.items()
    }
    found["PIL.Image"] = functools.partial(_look_at_opening, session)
    found["PIL.ImageFile"] = functools.partial(_look_at_pillow, session, images)
    return found


def _look_at_functions(session: Session, images: Images, names: tuple[str, ...], module: ModuleType) -> None:
    for name in names:
        if callable(getattr(module, name, None)) and not is_timed(getattr(module, name)):
            session.patch(module, name, functools.partial(_timed, images))


def _timed(images: Images, decode: Any) -> Any:
    decoded = chosen().decoded

    def kept(*args: Any, **kwargs: Any) -> Any:
        # Outside of what is looked at, the script's own data set is left alone.
        return decode(*args, **kwargs) if current.lane is None else decoded.of_function(decode, args, kwargs)

    timed_decode = timed(functools.wraps(decode)(kept) if decoded.is_wanted else decode, DECODE)

    @functools.wraps(decode)
    def seen(*args: Any, **kwargs: Any) -> Any:
        if args:
            images.of_file(args[0])
        return timed_decode(*args, **kwargs)

    return marked(seen)


def _look_at_opening(session: Session, module: ModuleType) -> None:
    """Pillow's `open` reads the header alone; what it takes belongs to decoding all the same."""
    session.patch(module, "open", lambda read_header: timed(read_header, DECODE))


def _look_at_pillow(session: Session, images: Images, module: ModuleType) -> None:
    session.patch(module.ImageFile, "load", functools.partial(_timed_load, images))


def _timed_load(images: Images, load: Any) -> Any:
    decoded = chosen().decoded

    @functools.wraps(load)
    def timed_load(self: Any) -> Any:
        lane = current.lane
        # Without tiles the pixels are there already; every access to an image asks.
        if lane is None or not getattr(self, "tile", None):
            return load(self)
        images.of_pillow(self)
        lane.enter(DECODE)
        try:
            return decoded.of_pillow(load, self) if decoded.is_wanted else load(self)
        finally:
            lane.leave()

    return timed_load
