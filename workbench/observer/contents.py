"""What a sample holds, as bytes: equal samples have equal ones."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any


def equal(sample: Any, other: Any) -> bool:
    """Whether two samples hold the same values."""
    return _bytes_of(sample) == _bytes_of(other)


def _bytes_of(value: Any) -> bytes:
    """All that a sample holds, as bytes that two equal ones share."""
    return b"".join(name.encode() + content for name, content in _contents(value, ""))


def _contents(value: Any, name: str) -> Iterator[tuple[str, bytes]]:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        yield f"{name}{value.dtype}{tuple(value.shape)}", content_of(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _contents(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _contents(part, f"{name}.{number}")
    elif hasattr(value, "tobytes"):  # an image
        yield name, value.tobytes()
    else:
        yield name, repr(value).encode() if isinstance(value, (str, bytes, int, float, bool, type(None))) else b""


def content_of(value: Any) -> bytes:
    """The values of a tensor or an array, as they lie in memory."""
    if hasattr(value, "detach"):
        tensor = value.detach().cpu().contiguous()
        return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() else b""
    return bytes(value.tobytes())
