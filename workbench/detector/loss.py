"""DBNet's loss: ``L_shrink + L_binary + 10 L_threshold`` (Liao et al. 2020, section 3.5; weights of MhLiao/DB)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional

from workbench.detector.head import DetectorOutput

#: Negative pixels that count for each positive one, the hardest first.
NEGATIVES_PER_POSITIVE = 3.0

_SHRINK_WEIGHT = 5.0
_THRESHOLD_WEIGHT = 10.0
_EPSILON = 1e-6


class Maps(Protocol):
    """The target maps of a batch, each [B, S, S] (see `data.targets.Targets`)."""

    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


def db_loss(output: DetectorOutput, maps: Maps) -> torch.Tensor:
    """The loss of a batch, a scalar.

    Raises:
        ValueError: For the output of a detector that isn't training.
    """
    if output.threshold is None or output.binary is None:
        raise ValueError("the loss needs the threshold and binary maps of a detector in training mode")
    counts = maps.shrink_mask.float()
    shrink = _balanced_cross_entropy(output.shrink.float(), maps.shrink_map, counts)
    binary = _dice(output.binary.float(), maps.shrink_map, counts)
    near = maps.threshold_mask.float()
    threshold = ((output.threshold.float() - maps.threshold_map).abs() * near).sum() / (near.sum() + _EPSILON)
    return _SHRINK_WEIGHT * shrink + binary + _THRESHOLD_WEIGHT * threshold


def _balanced_cross_entropy(probability: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Cross entropy over all positive pixels and the hardest negative ones."""
    positive = truth * counts
    negative = (1.0 - truth) * counts
    num_positive = int(positive.sum())
    num_negative = int(min(float(negative.sum()), num_positive * NEGATIVES_PER_POSITIVE))
    # Autocast refuses binary_cross_entropy on probabilities; in float32 it is exact.
    with torch.autocast(probability.device.type, enabled=False):
        loss = functional.binary_cross_entropy(probability.clamp(0.0, 1.0), truth, reduction="none")
    hardest, _ = torch.topk((loss * negative).flatten(), num_negative)
    return ((loss * positive).sum() + hardest.sum()) / (num_positive + num_negative + _EPSILON)


def _dice(probability: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    intersection = (probability * truth * counts).sum()
    union = (probability * counts).sum() + (truth * counts).sum() + _EPSILON
    return 1.0 - 2.0 * intersection / union
