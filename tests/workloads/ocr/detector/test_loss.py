"""The DB loss, by hand on a few pixels, with planted faults."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from workbench.workloads.ocr.detector.head import DetectorOutput
from workbench.workloads.ocr.detector.loss import db_loss
from workbench.workloads.ocr.targets import compute_targets


@dataclass
class Maps:
    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


def row(values, dtype=torch.float32):
    return torch.tensor([[values]], dtype=dtype)


#: One positive pixel, five negative ones of which three count as the hardest, and one of each that is masked out.
TRUTH = row([1, 0, 0, 0, 0, 0, 0, 1])
COUNTS = row([1, 1, 1, 1, 1, 1, 0, 0], torch.uint8)
SHRINK = row([0.6, 0.1, 0.5, 0.2, 0.4, 0.3, 0.9, 0.05])
THRESHOLD = row([0.3, 0.7, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3])
NEAR = row([0, 1, 1, 0, 0, 0, 0, 0], torch.uint8)
MAPS = Maps(TRUTH, COUNTS, row([0.3, 0.6, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]), NEAR)
BINARY = row([0.8, 0.1, 0.1, 0.0, 0.0, 0.0, 0.5, 0.5])

CROSS_ENTROPY = -(math.log(0.6) + math.log(1 - 0.5) + math.log(1 - 0.4) + math.log(1 - 0.3)) / 4
DICE = 1 - 2 * 0.8 / (1.0 + 1.0)
DISTANCE = (0.1 + 0.2) / 2


def test_a_few_pixels_by_hand():
    output = DetectorOutput(SHRINK, THRESHOLD, BINARY)
    assert db_loss(output, MAPS).item() == pytest.approx(CROSS_ENTROPY + DICE + 10 * DISTANCE, rel=1e-5)
    assert db_loss(output, MAPS, alpha=0, beta=0).item() == pytest.approx(CROSS_ENTROPY, rel=1e-5)
    assert db_loss(output, MAPS, alpha=2, beta=3).item() == pytest.approx(CROSS_ENTROPY + 2 * DICE + 3 * DISTANCE)


@pytest.mark.parametrize(
    "wrong",
    [
        -(math.log(0.6) + sum(math.log(1 - p) for p in (0.1, 0.5, 0.2, 0.4, 0.3))) / 6,  # all negative pixels count
        -(math.log(0.6) + math.log(1 - 0.9) + math.log(1 - 0.5) + math.log(1 - 0.4)) / 4,  # the mask is forgotten
        -(math.log(0.6) + math.log(1 - 0.1) + math.log(1 - 0.2) + math.log(1 - 0.3))
        / 4,  # the easiest, not the hardest
    ],
)
def test_faults_in_the_balance_would_be_noticed(wrong):
    assert wrong != pytest.approx(CROSS_ENTROPY, rel=1e-3)


def test_masked_pixels_have_no_part_in_it():
    maps = [row(values).requires_grad_() for values in (SHRINK.flatten().tolist(), [0.4] * 8, [0.5] * 8)]
    db_loss(DetectorOutput(*maps), MAPS).backward()
    shrink, threshold, binary = (map_.grad.flatten().tolist() for map_ in maps)
    assert shrink[6] == shrink[7] == 0
    assert binary[6] == binary[7] == 0
    assert shrink[1] == shrink[3] == 0, "easy negative pixels were to be left out"
    assert all(value != 0 for value in (shrink[0], shrink[2], shrink[4], shrink[5], binary[0], binary[1]))
    assert [value != 0 for value in threshold] == [False, True, True, *[False] * 5]


def test_a_perfect_answer_costs_nothing():
    perfect = DetectorOutput(TRUTH, MAPS.threshold_map, TRUTH)
    assert db_loss(perfect, MAPS).item() == pytest.approx(0, abs=1e-5)
    assert db_loss(DetectorOutput(1 - TRUTH, MAPS.threshold_map, 1 - TRUTH), MAPS).item() > 50


@pytest.mark.parametrize("counts", [0, 1], ids=["all ignored", "no word"])
def test_a_page_without_words_gives_a_number(counts):
    maps = Maps(TRUTH * 0, COUNTS * 0 + counts, MAPS.threshold_map, NEAR * 0)
    shrink = SHRINK.clone().requires_grad_()
    loss = db_loss(DetectorOutput(shrink, THRESHOLD, BINARY), maps)
    loss.backward()
    assert loss.item() == pytest.approx(1.0)  # the dice loss of nothing
    assert torch.isfinite(shrink.grad).all()


def test_fewer_negative_pixels_than_three_for_each_positive():
    truth = row([1, 1, 1, 1, 1, 0, 0, 0])
    loss = db_loss(
        DetectorOutput(SHRINK, THRESHOLD, BINARY), Maps(truth, COUNTS, MAPS.threshold_map, NEAR), alpha=0, beta=0
    )
    want = -(sum(math.log(p) for p in (0.6, 0.1, 0.5, 0.2, 0.4)) + math.log(1 - 0.3)) / 6
    assert loss.item() == pytest.approx(want, rel=1e-5)


def test_validation_output_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        db_loss(DetectorOutput(SHRINK), MAPS)


def test_it_works_within_autocast_and_on_real_targets():
    word = np.array([[10, 10], [50, 12], [50, 40], [10, 38]], np.float32)
    targets = compute_targets([word], [False], 64)
    maps = Maps(*(torch.from_numpy(getattr(targets, name))[None] for name in Maps.__annotations__))
    output = DetectorOutput(*(torch.rand(1, 64, 64) for _ in range(3)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = db_loss(output, maps)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(db_loss(output, maps).item())
