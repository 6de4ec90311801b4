"""Pages kept in memory: what is kept (`cache`) and where (`cache_store`).

A cache is filled before the workers start. What is kept is an `Entry`: an image, decoded or prepared, with the words'
points in its frame. The pixels lie in a store; the few numbers beside them go along with the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from workbench.shared_memory import SharedMemory

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """What a cache keeps of a page.

    Attributes:
        image: uint8 [H, W, 3], RGB, upright; prepared: [S, S, 3].
        points: float32 [N, 2], in pixels of `image`: its original corners (4), then the points of all words.
    """

    image: Pixels
    points: npt.NDArray[np.float32]


class Store(Protocol):
    """Where the pixels of a cache lie."""

    def image(self, number: int) -> Pixels:
        """uint8 [H, W, 3]: the image of a page. Callers don't write into it."""

    @property
    def size(self) -> int:
        """Bytes of all images, one copy."""


class MemoryStore:
    """A list of arrays in the process that holds it.

    Under fork the workers inherit the filled list, and the kernel shares its memory for as long as nobody writes there;
    under spawn every worker is sent a copy of its own.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self._images: list[Pixels] = [np.empty(shape, np.uint8) for shape in shapes]

    def image(self, number: int) -> Pixels:
        """See `Store`."""
        return self._images[number]

    @property
    def size(self) -> int:
        """See `Store`."""
        return sum(image.nbytes for image in self._images)


class SharedStore:
    """One block of memory that all workers map, under fork and spawn alike."""

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self._shapes = list(shapes)
        sizes = [int(np.prod(shape)) for shape in shapes]
        self._offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._memory = SharedMemory(int(self._offsets[-1]), name="workbench-pages")

    def image(self, number: int) -> Pixels:
        """See `Store`."""
        shape = self._shapes[number]
        offset = int(self._offsets[number])
        return np.frombuffer(self._memory.view, np.uint8, int(np.prod(shape)), offset).reshape(shape)

    @property
    def size(self) -> int:
        """See `Store`."""
        return int(self._offsets[-1])


#: A store by the knob `cache_store`.
STORES: dict[str, Callable[[Sequence[tuple[int, ...]]], Store]] = {"memory": MemoryStore, "shared": SharedStore}


class PageCache:
    """A filled cache.

    Attributes:
        size: Bytes of pages in it, one copy.
    """

    def __init__(self, store: Store, points: list[npt.NDArray[np.float32]]) -> None:
        self._store = store
        self._points = points

    def __getitem__(self, number: int) -> Entry:
        """The entry of a page."""
        return Entry(self._store.image(number), self._points[number])

    @property
    def size(self) -> int:
        """Bytes of pages in the cache, one copy."""
        return self._store.size


def fill(
    kind: str,
    shapes: Sequence[tuple[int, ...]],
    make: Callable[[int], Entry],
    *,
    threads: int,
    on_page: Callable[[int, int], None] | None = None,
) -> PageCache:
    """Make every entry once, several at a time, and keep it.

    Args:
        kind: The store, by the knob `cache_store`.
        shapes: Shape of each page's image in the cache, known before it is made.
        make: Makes the entry of a page; called from several threads.
        threads: How many pages are made at a time (decoders leave the interpreter's lock while they work).
        on_page: Told the number of pages done and of all pages.

    Raises:
        ValueError: Where an image has another shape than announced.
        Exception: Whatever `make` raises.
    """
    store = STORES[kind](shapes)
    points: list[npt.NDArray[np.float32]] = []

    def put(number: int) -> npt.NDArray[np.float32]:
        entry = make(number)
        if entry.image.shape != shapes[number]:
            raise ValueError(f"page {number} has shape {entry.image.shape}, its header promised {shapes[number]}")
        np.copyto(store.image(number), entry.image)
        return entry.points

    with ThreadPoolExecutor(threads, thread_name_prefix="cache-fill") as pool:
        for number, page_points in enumerate(pool.map(put, range(len(shapes)))):
            points.append(page_points)
            if on_page is not None:
                on_page(number + 1, len(shapes))
    return PageCache(store, points)
