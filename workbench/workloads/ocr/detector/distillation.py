"""Distillation: a detector learns from another one's maps, beside what the words say (after PP-OCRv3, Li et al. 2022).

The teacher's shrink map is a target like the words' own, by cross entropy and dice; its threshold map one by its mean
absolute difference. There is no temperature: the maps are sigmoids already.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from workbench.workloads.ocr.detector.head import DetectorOutput
from workbench.workloads.ocr.detector.loss import dice_loss
from workbench.workloads.ocr.detector.model import Detector

#: Of the teacher's maps in the loss, beside the words' own part.
WEIGHT = 1.0


class Teacher(nn.Module):
    """A trained detector whose maps are learned from: its weights and running statistics stand still.

    Args:
        detector: It becomes this teacher's own.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector.eval().requires_grad_(False)
        detector.head.gives_all = True

    def train(self, mode: bool = True) -> Teacher:
        """Stays in evaluation mode."""
        del mode
        return self

    @torch.inference_mode()
    def forward(self, images: torch.Tensor) -> DetectorOutput:
        """All maps of images float32 [B, 3, H, W], normalized."""
        output: DetectorOutput = self.detector(images)
        return output


def distillation_loss(student: DetectorOutput, teacher: DetectorOutput, counts: torch.Tensor) -> torch.Tensor:
    """How far a student's maps are from a teacher's, a float32 scalar.

    Args:
        student: Of a detector that is trained.
        teacher: Of the same images.
        counts: [B, H, W], not 0 for pixels that count: not those that are only filled up, or of words to be ignored.

    Raises:
        ValueError: Where one of them lacks a map.
    """
    if student.threshold is None or teacher.threshold is None:
        raise ValueError("distillation needs the threshold maps of student and teacher")
    counts = counts.float()
    num = counts.sum() + 1e-6
    # Of an inference tensor autograd keeps nothing: a copy may be kept.
    shrink, threshold = teacher.shrink.clone(), teacher.threshold.clone()
    with torch.autocast(counts.device.type, enabled=False):
        entropy = functional.binary_cross_entropy(student.shrink, shrink, reduction="none")
        difference = (student.threshold - threshold).abs()
        loss: torch.Tensor = (
            (entropy * counts).sum() / num
            + dice_loss(student.shrink, shrink, counts)
            + (difference * counts).sum() / num
        )
        return loss
