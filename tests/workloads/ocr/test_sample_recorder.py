"""What is kept of a page's values: all that a check can tell apart, in little room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.checks.compare import SAME_LEVELS
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.sample import Batch
from workbench.workloads.ocr.sample_recorder import PageRecorder

LEVELS = np.arange(3 * 32 * 32, dtype=np.float32).reshape(1, 3, 32, 32) % 256


def kept(levels: np.ndarray) -> np.ndarray:
    """What is kept of an image [1, 3, 32, 32] that arrives normalized."""
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) * 255 for values in (MEAN, STD))
    recorder = PageRecorder([Page(Path("a.jpg"), "a.jpg")], 1)
    recorder.record(Batch(torch.from_numpy((levels - mean) / std), None, np.zeros((1, 3, 3)), 0), [0])
    return recorder.arrays(None)["images"]


def test_whole_levels_are_bytes():
    found = kept(LEVELS)
    assert found.dtype == np.uint8
    assert np.array_equal(found[0], LEVELS[0].transpose(1, 2, 0))


@pytest.mark.parametrize("off", [0.02, SAME_LEVELS, 0.5])
def test_what_is_off_by_a_part_of_a_level_is_kept_as_it_is(off):
    levels = LEVELS.clip(1, 254)
    levels[0, 0, 7, 5] = 100 + off
    found = kept(levels)
    assert found.dtype == np.float16
    assert found[0, 7, 5, 0] == pytest.approx(100 + off, abs=1 / 16)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -3.0, 300.0])
def test_what_is_no_level_is_kept_as_it_is(wrong):
    levels = LEVELS.copy()
    levels[0, 0, 7, 5] = wrong
    assert kept(levels)[0, 7, 5, 0] == pytest.approx(wrong, nan_ok=True)
