"""Where the large arrays of a batch are made: in ordinary memory, or where the loader wants to have them.

A collate function that asks here for its arrays saves the loader a copy: they are then made in the memory in which the
batch travels. One that doesn't ask loses nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Allocate = Callable[[tuple[int, ...], npt.DTypeLike], npt.NDArray[Any]]

_current: list[Allocate] = []


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of any content, contiguous, like `numpy.empty`."""
    return _current[-1](shape, dtype) if _current else np.empty(shape, dtype)


@contextmanager
def made_by(allocate: Allocate) -> Iterator[None]:
    """Within this block (of the one thread that collates) arrays are made by a function of the loader's."""
    _current.append(allocate)
    try:
        yield
    finally:
        _current.pop()
