"""DBNet's head: a shrink map, a threshold map, and their differentiable binarization."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from workbench.workloads.ocr.detector.necks.layers import initialize

#: Steepness k of the approximate step function (Liao et al. 2020, equation 2).
STEEPNESS = 50.0


class DetectorOutput(NamedTuple):
    """What the detector says of every pixel, each float32 [B, H, W], 0..1; under autocast, too.

    Attributes:
        shrink: Probability of being inside a shrunken word.
        threshold: Where the probability turns; None unless training, or asked for.
        binary: The approximate binary map; likewise.
    """

    shrink: torch.Tensor
    threshold: torch.Tensor | None = None
    binary: torch.Tensor | None = None


class DBHead(nn.Module):
    """Two branches that bring a map at stride 4 to full size.

    Attributes:
        gives_all: Whether all maps are given in evaluation mode, too.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.gives_all = False
        self._shrink = _branch(in_channels)
        self._threshold = _branch(in_channels)
        initialize(self)

    def forward(self, features: torch.Tensor) -> DetectorOutput:
        """The maps, [B, H, W] each, of features [B, C, H/4, W/4]."""
        shrink = _probability(self._shrink(features))
        if not (self.training or self.gives_all):
            return DetectorOutput(shrink)
        threshold = _probability(self._threshold(features))
        return DetectorOutput(shrink, threshold, torch.sigmoid(STEEPNESS * (shrink - threshold)))


def _branch(in_channels: int) -> nn.Sequential:
    channels = in_channels // 4
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(channels, channels, 2, 2),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(channels, 1, 2, 2),
    )


def _probability(logits: torch.Tensor) -> torch.Tensor:
    # In half precision a probability has three digits, and the step function multiplies their error by 50.
    return torch.sigmoid(logits[:, 0].float())
