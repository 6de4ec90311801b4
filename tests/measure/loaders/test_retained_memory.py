"""What is freed is kept: the kernel has no new pages to clear."""

from __future__ import annotations

import multiprocessing as mp
import platform
import resource
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from toy import Numbers

from workbench.feeds import ShardFeed
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders import torch_loader
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.measure.loaders.webdataset_loader import WebDatasetLoader
from workbench.memory import retain_freed_memory

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc"),
]


def _faults_of_many_arrays(keep: bool, queue: Any) -> None:
    if keep:
        assert retain_freed_memory()
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


@pytest.mark.parametrize("malloc_retain", [True, False])
@pytest.mark.parametrize("kind", ["torch", "webdataset"])
def test_without_workers_the_main_process_keeps_it(tmp_path, monkeypatch, kind, malloc_retain):
    calls = []
    monkeypatch.setattr(torch_loader, "retain_freed_memory", lambda: calls.append(True))
    knobs = LoaderKnobs(num_workers=0, malloc_retain=malloc_retain)
    if kind == "torch":
        loader = TorchLoader(Numbers(), None, knobs)
    else:
        loader = WebDatasetLoader(ShardFeed([(tmp_path / "a.tar", 1)], lambda number, files: number), None, knobs)
    assert loader.close() == []
    assert calls == ([True] if malloc_retain else [])


@dataclass
class CountFaults:
    """In a worker: what it does with its memory is decided by now."""

    queue: Any

    def __call__(self, number: int) -> None:
        _faults_of_many_arrays(False, self.queue)


def test_a_worker_keeps_it_where_the_knobs_say_so():
    faults = {}
    for retain in (True, False):
        # Not forked: it would have its parent's heap.
        knobs = LoaderKnobs(num_workers=1, malloc_retain=retain, start_method="spawn")
        count = CountFaults(mp.get_context("spawn").SimpleQueue())
        loader = TorchLoader(Numbers(), None, knobs, in_worker=[count])
        try:
            loader.start()
            faults[retain] = count.queue.get()
        finally:
            loader.close()
    assert faults[True] < faults[False] / 10
