"""One copy for all processes, under fork and spawn, and nothing left behind."""

from __future__ import annotations

import mmap
import multiprocessing as mp
from pathlib import Path

import pytest

from workbench.memory import SharedMemory


def _write(block: SharedMemory) -> None:
    block.view[3] = 42


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_writes_into_the_parents_memory(method):
    block = SharedMemory(16)
    child = mp.get_context(method).Process(target=_write, args=(block,))
    child.start()
    child.join()
    assert bytes(block.view) == bytes([0, 0, 0, 42] + [0] * 12)


def test_the_descriptor_is_closed_with_the_object():
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for _ in range(50):
        SharedMemory(1 << 20)
    assert count() <= before + 1


def test_a_window_shows_what_is_there_and_keeps_what_is_written_to_itself():
    block = SharedMemory(3 * mmap.PAGESIZE)
    block.view[mmap.PAGESIZE + 5] = 7
    window = block.window(mmap.PAGESIZE + 3, 10)
    assert bytes(window) == bytes([0, 0, 7] + [0] * 7)
    block.view[mmap.PAGESIZE + 6] = 8
    assert window[3] == 8, "it is the memory itself, and no copy of it"
    window[2] = 9
    assert block.view[mmap.PAGESIZE + 5] == 7
    assert block.window(mmap.PAGESIZE + 5, 1)[0] == 7
