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
    return b"".join(name.encode() + _content(leaf) for name, leaf in leaves(value, ""))


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The parts of a sample or batch that have no parts themselves, each with where it lies."""
    if is_array(value):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from leaves(part, f"{name}.{number}")
    elif not hasattr(value, "tobytes") and any(map(is_array, getattr(value, "__dict__", {}).values())):
        for key, part in vars(value).items():
            if is_array(part):
                yield f"{name}.{key}", part
    else:
        yield name, value


def is_array(value: Any) -> bool:
    """Whether it is a tensor or an array."""
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _content(leaf: Any) -> bytes:
    if is_array(leaf):
        return f"{leaf.dtype}{tuple(leaf.shape)}".encode() + content_of(leaf)
    if hasattr(leaf, "tobytes"):  # an image
        return bytes(leaf.tobytes())
    return repr(leaf).encode() if isinstance(leaf, (str, bytes, int, float, bool, type(None))) else b""


def content_of(value: Any) -> bytes:
    """The values of a tensor or an array, as they lie in memory."""
    if hasattr(value, "detach"):
        tensor = value.detach().cpu().contiguous()
        return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() else b""
    return bytes(value.tobytes())
