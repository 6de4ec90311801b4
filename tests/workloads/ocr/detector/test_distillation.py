"""What a student learns of its teacher: by hand on a few pixels, and that the teacher learns nothing."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from workbench.workloads.ocr.detector.distillation import Teacher, distillation_loss
from workbench.workloads.ocr.detector.head import DetectorOutput
from workbench.workloads.ocr.detector.weights_file import shipped_detector


def row(values):
    return torch.tensor([[values]])


def output(shrink, threshold) -> DetectorOutput:
    return DetectorOutput(row(shrink), row(threshold), row(shrink))


TEACHER = output([1.0, 0.0, 0.5], [0.4, 0.3, 0.9])
STUDENT = output([0.8, 0.1, 0.9], [0.3, 0.3, 0.3])


def test_a_few_pixels_by_hand():
    entropy = -(math.log(0.8) + math.log(0.9)) / 2
    dice = 1 - 2 * 0.8 / (0.9 + 1.0)
    distance = 0.1 / 2
    loss = distillation_loss(STUDENT, TEACHER, row([1.0, 1.0, 0.0]))
    assert loss.item() == pytest.approx(entropy + dice + distance, rel=1e-5)


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
    sure = output([1.0, 0.0, 1.0], [0.4, 0.3, 0.9])
    assert distillation_loss(sure, sure, row([1.0, 1.0, 1.0])).item() == pytest.approx(0.0, abs=1e-5)


def test_without_threshold_maps_there_is_nothing_to_learn_from():
    with pytest.raises(ValueError, match="threshold maps"):
        distillation_loss(STUDENT, DetectorOutput(row([1.0, 0.0, 0.5])), row([1.0, 1.0, 1.0]))


def test_a_teacher_learns_nothing():
    teacher = Teacher(shipped_detector())
    before = copy.deepcopy(teacher.state_dict())
    teacher.train()
    taught = teacher(torch.randn(2, 3, 64, 64))
    assert taught.threshold is not None and not taught.shrink.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert not any(weight.requires_grad for weight in teacher.parameters())
