"""DBNet's loss: ``L_shrink + alpha L_binary + beta L_threshold`` (Liao et al. 2020, section 3.5, equation 6)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional

from workbench.workloads.ocr.detector.head import DetectorOutput

#: Weights of the binary and of the threshold map. The reference code (MhLiao/DB, `L1BalanceCELoss`) also multiplies
#: the shrink map's part by 5; the paper doesn't.
ALPHA = 1.0
BETA = 10.0

#: Negative pixels that count for each positive one, the hardest first.
NEGATIVES_PER_POSITIVE = 3.0

_EPSILON = 1e-6


class Maps(Protocol):
    """The target maps of a batch, each [B, S, S]: maps float32, masks of any type (see `targets.Targets`)."""

    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


def db_loss(output: DetectorOutput, maps: Maps, *, alpha: float = ALPHA, beta: float = BETA) -> torch.Tensor:
    """The loss of a batch, a float32 scalar.

    On a CUDA device it waits once for the device, for the number of negative pixels that count, as the reference code
    does twice.

    Args:
        output: What the detector made of the batch while training.
        maps: What it should have made.
        alpha: Weight of the binary map's part.
        beta: Weight of the threshold map's part.

    Raises:
        ValueError: For the output of a detector that isn't training.
    """
    if output.threshold is None or output.binary is None:
        raise ValueError("the loss needs the threshold and binary maps of a detector in training mode")
    truth, counts = maps.shrink_map.float(), maps.shrink_mask.float()
    # Autocast refuses a cross entropy of probabilities, which in float32 is as good as one of logits.
    with torch.autocast(truth.device.type, enabled=False):
        shrink = _balanced_cross_entropy(output.shrink, truth, counts)
        binary = dice_loss(output.binary, truth, counts)
        threshold = _masked_distance(output.threshold, maps.threshold_map.float(), maps.threshold_mask.float())
        loss: torch.Tensor = shrink + alpha * binary + beta * threshold
        return loss


def _balanced_cross_entropy(probability: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy of all positive pixels and the hardest negative ones; 0 where no pixel is positive."""
    positive = truth * counts
    negative = (1.0 - truth) * counts
    available: list[float] = torch.stack([positive.sum(), negative.sum()]).tolist()
    num_positive, num_negative = available[0], min(available[1], available[0] * NEGATIVES_PER_POSITIVE)
    loss = functional.binary_cross_entropy(probability, truth, reduction="none")
    hardest, _ = torch.topk((loss * negative).flatten(), int(num_negative))
    total: torch.Tensor = (loss * positive).sum() + hardest.sum()
    return total / (num_positive + num_negative + _EPSILON)


def dice_loss(probability: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """One minus twice the overlap over the sum of both areas (Milletari et al. 2016)."""
    overlap = (probability * truth * counts).sum()
    areas = (probability * counts).sum() + (truth * counts).sum()
    return 1.0 - 2.0 * overlap / (areas + _EPSILON)


def _masked_distance(values: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the pixels that count; 0 where none does."""
    return ((values - truth).abs() * counts).sum() / (counts.sum() + _EPSILON)
