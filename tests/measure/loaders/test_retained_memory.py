"""What is freed is kept: the kernel has no new pages to clear."""

from __future__ import annotations

import multiprocessing as mp
import platform
import resource
from typing import Any

import numpy as np
import pytest

from workbench.measure.loaders import torch_loader
from workbench.measure.loaders.choose import open_loader
from workbench.measure.loaders.retained_memory import keep_freed_memory
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.workload import OcrWorkload

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


@pytest.mark.parametrize("freed_memory", ["kept", "returned"])
@pytest.mark.parametrize("kind", ["torch", "webdataset"])
def test_without_workers_the_main_process_keeps_it(odd_pages, odd_shards, monkeypatch, kind, freed_memory):
    told = []
    monkeypatch.setattr(torch_loader, "keep_freed_memory", lambda: told.append(True))
    folder = odd_shards if kind == "webdataset" else odd_pages
    settings = {"loader": kind, "num_workers": 0, "freed_memory": freed_memory, "device": "none"}
    knobs = OcrKnobs.parse_own({"dataset": str(folder), **settings})
    workload = OcrWorkload(knobs)
    workload.open()
    open_loader(workload, knobs, pin_memory=False, channel=None).close()
    assert told == ([True] if freed_memory == "kept" else [])
