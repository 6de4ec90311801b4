"""Pages kept from one epoch to the next: fields of arrays, one of each for every page, in one block of bytes.

What is kept is decided by the knobs `cache` and `targets` (`cache.fields`), where it lies by `cache_store`
(`cache.stores`). A cache is filled before the workers start; they read it, and count their readings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import get_worker_info

from workbench.memory import SharedMemory
from workbench.workloads.ocr.cache.stores import STORES, MappedStore

Array = npt.NDArray[Any]

#: Arrays begin at multiples of this many bytes, so that every type is aligned, to cache lines at that.
_ALIGNMENT = 64

#: One counter of readings for each worker, and one for the main process.
_COUNTERS = 65


@dataclass(frozen=True)
class Field:
    """One array for every page.

    Attributes:
        name: What it is.
        dtype: Its type.
        shapes: Its shape for each page.
    """

    name: str
    dtype: npt.DTypeLike
    shapes: tuple[tuple[int, ...], ...]

    def sizes(self) -> npt.NDArray[np.int64]:
        """int64 [N]: bytes of each page's array."""
        counts = [int(np.prod(shape)) for shape in self.shapes]
        return np.array(counts, np.int64) * np.dtype(self.dtype).itemsize

    @property
    def is_regular(self) -> bool:
        """Whether the arrays of all pages have one shape, so that they lie side by side as one."""
        return len(set(self.shapes)) == 1


class PageCache:
    """A cache, filled or being filled.

    Attributes:
        was_filled: Whether the content was there already, from an earlier run.
    """

    def __init__(self, kind: str, fields: Sequence[Field], key: str) -> None:
        self._fields = {field.name: field for field in fields}
        self._offsets: dict[str, npt.NDArray[np.int64]] = {}
        end = 0
        for field in fields:
            sizes = field.sizes()
            room = sizes if field.is_regular else _aligned(sizes)
            self._offsets[field.name] = end + np.concatenate([[0], np.cumsum(room)])
            end = int(_aligned(self._offsets[field.name][-1]))
        self._store = STORES[kind](end, key)
        self._readings = SharedMemory(_COUNTERS * 8, name="workbench-readings")
        self.was_filled = self._store.filled

    def __contains__(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._fields

    def array(self, name: str, number: int) -> Array:
        """A page's array of a field, in place. Callers don't write into it."""
        field = self._fields[name]
        shape = field.shapes[number]
        offset = int(self._offsets[name][number])
        return np.frombuffer(self._store.view, field.dtype, int(np.prod(shape)), offset).reshape(shape)

    def block(self, name: str) -> Array:
        """The arrays of all pages as one, [N, ...], in place.

        Raises:
            ValueError: Where they have different shapes.
        """
        field = self._fields[name]
        if not field.is_regular:
            raise ValueError(f"the pages' arrays of '{name}' have different shapes")
        shape = (len(field.shapes), *field.shapes[0])
        offset = int(self._offsets[name][0])
        return np.frombuffer(self._store.view, field.dtype, int(np.prod(shape)), offset).reshape(shape)

    def lend(self, name: str, first: int, count: int) -> Array:
        """The arrays of pages that follow one another as one, [count, ...], as they lie; writers write into a copy.

        Args:
            name: The field.
            first: Number of the first page.
            count: How many pages.

        Raises:
            IndexError: Where there are no such pages.
            ValueError: Where the pages have different shapes, or the store lends nothing.
        """
        field = self._fields[name]
        if not (field.is_regular and isinstance(self._store, MappedStore)):
            raise ValueError(f"'{name}' cannot be lent as it lies")
        begin, end = (int(self._offsets[name][number]) for number in (first, first + count))
        shape = (count, *field.shapes[0])
        return np.frombuffer(self._store.window(begin, end - begin), field.dtype).reshape(shape)

    def count_readings(self, pages: int) -> None:
        """Count pages that were taken from the cache, in the worker that took them."""
        worker = get_worker_info()
        self._counters[0 if worker is None else worker.id + 1] += pages

    @property
    def readings(self) -> int:
        """Pages taken from the cache so far, by all processes."""
        return int(self._counters.sum())

    @property
    def size(self) -> int:
        """Bytes in the cache, one copy."""
        return len(self._store.view)

    def fill(
        self,
        make: Callable[[int], Mapping[str, Array]],
        *,
        threads: int,
        on_page: Callable[[int, int], None] | None = None,
    ) -> None:
        """Make every page's arrays once, several pages at a time, and keep them. A failure leaves nothing behind.

        Args:
            make: Makes the arrays of a page, by field; called from several threads.
            threads: How many pages are made at a time (decoders leave the interpreter's lock while they work).
            on_page: Told the number of pages done and of all pages.

        Raises:
            ValueError: Where an array has another shape than announced.
            WorkbenchError: Where the store cannot keep it.
            Exception: Whatever `make` raises.
        """
        total = len(next(iter(self._fields.values())).shapes)

        def put(number: int) -> None:
            for name, made in make(number).items():
                place = self.array(name, number)
                if made.shape != place.shape:
                    raise ValueError(f"'{name}' of page {number} has shape {made.shape}, not {place.shape}")
                np.copyto(place, made, casting="no")

        try:
            with ThreadPoolExecutor(threads, thread_name_prefix="cache-fill") as pool:
                for number, _ in enumerate(pool.map(put, range(total))):
                    if on_page is not None:
                        on_page(number + 1, total)
            self._store.keep()
        except BaseException:
            self._store.discard()
            raise

    @property
    def _counters(self) -> npt.NDArray[np.int64]:
        return np.frombuffer(self._readings.view, np.int64)


def _aligned(size: Any) -> Any:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
