"""Decoding alone: the same JPEG files, as small as their use allows, on all cores, and nothing else."""

from __future__ import annotations

import multiprocessing as mp
import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from workbench.workloads.ocr.chain.decode import decode_turbojpeg, largest_denominator
from workbench.workloads.ocr.pages.survey import survey

#: Side of the model's input in pixels.
_SIDE = 640


def decoded_per_s(folder: Path, *, seconds: float) -> float:
    """Pages per second that all cores decode together.

    Every process has its share of the files in memory before the clock starts, and one piece of memory to decode to.

    Args:
        folder: The pages.
        seconds: For so long each process decodes.
    """
    context = mp.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    start, results = context.Barrier(cores), context.SimpleQueue()
    children = [context.Process(target=_decode, args=(folder, k, cores, seconds, start, results)) for k in range(cores)]
    for child in children:
        child.start()
    rates = [results.get() for _ in children]
    for child in children:
        child.join()
    return float(sum(rates))


def _decode(folder: Path, number: int, cores: int, seconds: float, start: Barrier, results: Any) -> None:
    pages = [page for page in survey(folder)[0][number::cores] if page.is_jpeg]
    files = [(page.read_bytes(), largest_denominator(page.width, page.height, _SIDE)) for page in pages]
    room = np.empty(max(decode_turbojpeg(*file).nbytes for file in files), np.uint8)
    shapes = [decode_turbojpeg(*file).shape for file in files]
    spots = [room[: int(np.prod(shape))].reshape(shape) for shape in shapes]
    start.wait()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        (data, denominator), spot = files[count % len(files)], spots[count % len(files)]
        decode_turbojpeg(data, denominator, spot)
        count += 1
    results.put(count / (time.perf_counter() - begin))
