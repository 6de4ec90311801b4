"""One copy for all processes, under fork and spawn, and nothing left behind."""

from __future__ import annotations

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
