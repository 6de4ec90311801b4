"""What is freed is kept: the kernel has no new pages to clear."""

from __future__ import annotations

import multiprocessing as mp
import platform
import resource
from typing import Any

import numpy as np
import pytest

from workbench.loaders.kept_memory import keep_freed_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")


def _faults_of_many_arrays(keep: bool, queue: Any) -> None:
    if keep:
        assert keep_freed_memory()
    before = 0
    for round_ in range(6):
        if round_ == 1:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        arrays = [np.ones(5_000_000, np.uint8) for _ in range(12)]
        del arrays
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


def test_arrays_are_made_in_memory_that_is_there_already():
    faults = {}
    for keep in (True, False):
        context = mp.get_context("spawn")
        queue = context.SimpleQueue()
        child = context.Process(target=_faults_of_many_arrays, args=(keep, queue))
        child.start()
        faults[keep] = queue.get()
        child.join()
    assert faults[True] < faults[False] / 10
