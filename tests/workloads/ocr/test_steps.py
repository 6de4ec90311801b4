"""Background work is done in order, bounded, and its errors come up; a placeholder is read like a prediction."""

from __future__ import annotations

import threading
from dataclasses import fields

import numpy as np
import pytest
import torch

from workbench.workloads.ocr.chain.normalize import to_levels
from workbench.workloads.ocr.detector.postprocess import find_words
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.sample import Batch, PackedMaps, TargetMaps
from workbench.workloads.ocr.scoring import readable
from workbench.workloads.ocr.steps import MAX_PENDING, BackgroundThread, normalized, placeholder_for
from workbench.workloads.ocr.targets import compute_targets


def test_work_is_done_in_order_in_another_thread():
    done: list[tuple[int, int]] = []
    background = BackgroundThread()
    for number in range(10):
        background.start(lambda number=number: done.append((number, threading.get_ident())))
    background.flush()
    assert [number for number, _ in done] == list(range(10))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_no_more_than_the_most_wait():
    gate, background, started = threading.Event(), BackgroundThread(), threading.Semaphore(0)

    def fill() -> None:
        for _ in range(MAX_PENDING + 1):
            background.start(gate.wait)
            started.release()

    filler = threading.Thread(target=fill)
    filler.start()
    assert all(started.acquire(timeout=30.0) for _ in range(MAX_PENDING))
    assert not started.acquire(timeout=0.2)
    gate.set()
    filler.join()
    background.flush()


def test_an_error_comes_up():
    background = BackgroundThread()
    background.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        background.flush()


def test_there_is_room_as_soon_as_one_piece_is_done():
    gates = [threading.Event() for _ in range(MAX_PENDING)]
    background, made = BackgroundThread(), threading.Event()
    for gate in gates:
        background.start(gate.wait)
    waiter = threading.Thread(target=lambda: (background.make_room(), made.set()))
    waiter.start()
    assert not made.wait(0.2)
    gates[0].set()
    assert made.wait(10.0)
    waiter.join()
    for gate in gates:
        gate.set()
    background.flush()


def test_levels_are_normalized_like_the_chain_does_and_floats_are_left_as_they_are():
    levels = torch.arange(0, 48, dtype=torch.uint8).reshape(1, 3, 4, 4)
    undone = to_levels(normalized(levels)[0].permute(1, 2, 0).numpy())
    assert np.allclose(undone, levels[0].permute(1, 2, 0).numpy(), atol=1e-3)
    images = torch.rand(1, 3, 2, 2)
    assert normalized(images) is images


def batch_with(maps: TargetMaps | PackedMaps | None, count: int = 1) -> Batch:
    """A batch of black pages."""
    return Batch(torch.zeros(count, 3, 100, 100), maps, np.zeros((count, 3, 3)), 0)


def test_a_placeholder_is_the_shrink_map_packed_or_not():
    square = [np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32)]
    plain, packed = compute_targets(square, [False], 100), fast_targets(square, [False], 100)
    maps = TargetMaps(*(torch.from_numpy(getattr(plain, field.name))[None] for field in fields(TargetMaps)))
    planes = torch.from_numpy(np.stack([packed.levels, packed.flags]))[None]
    of_plain, of_packed = (
        readable(placeholder_for(batch_with(kind))[0].numpy()) for kind in (maps, PackedMaps(planes))
    )
    assert np.array_equal(of_plain > 0, of_packed > 0)
    assert of_plain.max() == 1.0
    assert of_packed.max() == 255


def test_without_maps_the_placeholder_holds_no_word():
    placeholder = placeholder_for(batch_with(None, count=3))
    assert placeholder.shape == (3, 100, 100)
    assert find_words(readable(placeholder[2].numpy())) == []
