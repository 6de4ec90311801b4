"""`cache=decoded` and `knock_out=decode`: what an image decoder gives is kept, and given again.

The cache keeps it by file and arguments, one copy for all processes. The knock-out keeps one image of every size, in
each process, and gives it for all others: the samples are not valid then, and show what is left if decoding were free.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from ..image_header import header_of
from ..session import Session

#: Modes of Pillow whose pixels are all that an image is.
_PLAIN_MODES = ("L", "RGB", "RGBA")


class Decoded:
    """Keeps what decoders give.

    Args:
        session: Its folder holds the cache; its settings say whether one is asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.is_cache = session.settings.get("cache") == "decoded"
        self.is_knock_out = "decode" in (session.settings.get("knock_out") or ())
        self._folder = f"{session.folder}/decoded"
        self._kept: dict[Any, Any] = {}
        self._is_full = False
        self._is_off = False
        if self.is_cache:
            os.makedirs(self._folder, exist_ok=True)

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be kept."""
        return self.is_cache or self.is_knock_out

    def of_function(self, decode: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a function gives for a file (or its content), as an array or a tensor."""
        key = self._safely(self._key_of_call, decode, args, kwargs)
        kept = None if key is None else self._safely(self._kept_array, key)
        if kept is not None:
            return kept
        made = decode(*args, **kwargs)
        if key is not None:
            self._safely(self._keep_array, key, made)
        return made

    def of_pillow(self, load: Callable[[Any], Any], image: Any) -> Any:
        """Decode an image of Pillow, or give it the pixels that it had before."""
        key = self._safely(self._key_of_image, image)
        pixels = None if key is None else self._safely(self._kept_pixels, key)
        if pixels is not None:
            self._safely(_fill, image, pixels)  # what is then left to be decoded is nothing, or all of it
            return load(image)
        loaded = load(image)
        if key is not None and image.mode in _PLAIN_MODES:
            self._safely(self._keep_pixels, key, image)
        return loaded

    def _safely(self, call: Callable[..., Any], *args: Any) -> Any:
        """What a call of ours gives; None where it fails, of which there is a note."""
        if self._is_off:
            return None
        try:
            return call(*args)
        except Exception as error:
            self._is_off = True
            self._session.tell("note", text=f"decoded images are not kept any more: {type(error).__name__}: {error}")
            return None

    def _key_of_call(self, decode: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.is_knock_out:
            return self._name(decode.__name__, args, kwargs)
        header = header_of(args[0]) if args else None
        if header is None:
            return None
        return decode.__name__, header.width, header.height, repr(args[1:]), repr(kwargs)

    def _key_of_image(self, image: Any) -> Any:
        if image.mode not in _PLAIN_MODES:
            return None
        form = image.size, image.mode
        if self.is_knock_out:
            return form
        return self._name("pillow", (getattr(image, "filename", "") or "",), {"form": form})

    def _kept_array(self, key: Any) -> Any:
        if not self.is_knock_out:
            return self._read(key)
        return _copy(self._kept[key]) if key in self._kept else None

    def _keep_array(self, key: Any, made: Any) -> None:
        if self.is_knock_out:
            self._kept[key] = _copy(made)
        elif hasattr(made, "dtype"):
            self._write(key, made)

    def _kept_pixels(self, key: Any) -> bytes | None:
        return self._kept.get(key) if self.is_knock_out else self._read_bytes(key)

    def _keep_pixels(self, key: Any, image: Any) -> None:
        if self.is_knock_out:
            self._kept[key] = image.tobytes()
        else:
            self._write_bytes(key, b"", image.tobytes())

    def _name(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The name of a decoded image: by its file, or its content, and all arguments; None where it has none."""
        if not args:
            return None
        digest = hashlib.blake2b(digest_size=16)
        source = args[0]
        if isinstance(source, (str, os.PathLike)):
            try:
                status = os.stat(source)
            except OSError:
                return None
            digest.update(f"{os.path.realpath(source)} {status.st_mtime_ns} {status.st_size}".encode())
        else:
            content = _content(source)
            if content is None:
                return None
            digest.update(content)
        digest.update(f"{kind} {args[1:]!r} {sorted(kwargs.items())!r}".encode())
        return digest.hexdigest()

    def _read(self, name: str) -> Any:
        pixels = self._read_bytes(name)
        if pixels is None:
            return None
        head, _, content = pixels.partition(b"\n")
        form = json.loads(head)
        numpy = sys.modules["numpy"]
        array = numpy.frombuffer(bytearray(content), dtype=form["dtype"]).reshape(form["shape"])
        return sys.modules["torch"].from_numpy(array) if form["is_tensor"] else array

    def _write(self, name: str, value: Any) -> None:
        is_tensor = hasattr(value, "numpy")
        array = value.numpy() if is_tensor else value
        form = {"dtype": str(array.dtype), "shape": list(array.shape), "is_tensor": is_tensor}
        self._write_bytes(name, json.dumps(form).encode() + b"\n", array.tobytes())

    def _read_bytes(self, name: str) -> bytes | None:
        try:
            with open(f"{self._folder}/{name}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def _write_bytes(self, name: str, head: bytes, content: bytes) -> None:
        if self._is_full:
            return
        partial = f"{self._folder}/{name}.{os.getpid()}"
        try:
            with open(partial, "wb") as file:
                file.write(head)
                file.write(content)
            os.rename(partial, f"{self._folder}/{name}")
        except OSError as error:
            self._is_full = True
            self._session.tell("note", text=f"cache=decoded holds only part of the data set: {error.strerror}")
            if os.path.exists(partial):
                os.unlink(partial)


def _content(source: Any) -> bytes | None:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if hasattr(source, "tobytes"):
        return bytes(source.tobytes())
    return bytes(source.numpy().tobytes()) if hasattr(source, "numpy") else None


def _copy(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value.copy()


def _fill(image: Any, pixels: bytes) -> None:
    """Give an image of Pillow pixels in place of those of its file."""
    made = sys.modules["PIL.Image"].frombytes(image.mode, image.size, pixels)
    image.im = made.im
    image.tile = []
    image.readonly = 0
    if getattr(image, "_exclusive_fp", False) and getattr(image, "_close_exclusive_fp_after_loading", False):
        image.fp.close()
    image.fp = None
