"""What a cache keeps is what was put in, in every store, also in a child process."""

from __future__ import annotations

import multiprocessing as mp

import numpy as np
import pytest

from workbench.data.cache import STORES, Entry, PageCache, fill

SHAPES = [(4, 6, 3), (2, 2, 3), (5, 1, 3)]


def make(number: int) -> Entry:
    return Entry(np.full(SHAPES[number], number + 1, np.uint8), np.full((4, 2), number, np.float32))


@pytest.fixture(params=list(STORES))
def cache(request) -> PageCache:
    return fill(request.param, SHAPES, make, threads=2)


def test_entries_come_back(cache):
    for number in range(3):
        assert np.array_equal(cache[number].image, make(number).image)
        assert np.array_equal(cache[number].points, make(number).points)
    assert cache.size == sum(int(np.prod(shape)) for shape in SHAPES)


def _look(cache: PageCache, queue) -> None:
    queue.put([int(cache[number].image.max()) for number in range(3)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_sees_them_too(cache, method):
    context = mp.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=_look, args=(cache, queue))
    child.start()
    assert queue.get() == [1, 2, 3]
    child.join()


def _scribble(cache: PageCache) -> None:
    cache[1].image.setflags(write=True)
    cache[1].image[:] = 99


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_shared_store_is_one_copy(method):
    cache = fill("shared", SHAPES, make, threads=1)
    child = mp.get_context(method).Process(target=_scribble, args=(cache,))
    child.start()
    child.join()
    assert cache[1].image.max() == 99


def test_progress_is_told_page_by_page():
    told: list[tuple[int, int]] = []
    fill("memory", SHAPES, make, threads=2, on_page=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_image_of_another_shape_than_its_header_promised_is_refused():
    with pytest.raises(ValueError, match="page 1 has shape"):
        fill("memory", [(4, 6, 3), (9, 9, 3), (5, 1, 3)], make, threads=1)


def test_what_making_an_entry_raises_is_raised():
    def broken(number: int) -> Entry:
        raise KeyError(number)

    with pytest.raises(KeyError):
        fill("memory", SHAPES, broken, threads=2)
