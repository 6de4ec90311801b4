"""FPEM with FFM, the light neck of PAN (Wang et al. 2019): narrow maps, separable convolutions, up and down again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from workbench.workloads.ocr.detector.necks.layers import STRIDE, initialize, joined

#: Channels of each map: so few that the head is as small as behind the small pyramid. (128 in the paper, for a ResNet.)
CHANNELS = 24

#: How often the maps go up and down.
_TIMES = 2


class FeatureEnhancement(nn.Module):
    """One time up and down: each map takes something of the next coarser, then of the next finer one.

    Args:
        channels: Of each map.
        ratios: How much coarser each map is than the one before it, one for each but the finest.
    """

    def __init__(self, channels: int, ratios: Sequence[int]) -> None:
        super().__init__()
        self._up = nn.ModuleList(_separable(channels, 1) for _ in ratios)
        self._down = nn.ModuleList(_separable(channels, ratio) for ratio in ratios)

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Maps of the same shapes, the finest first."""
        maps = list(maps)
        for finer in reversed(range(len(self._up))):
            maps[finer] = self._up[finer](_sum(maps[finer + 1], maps[finer]))
        for finer, layer in enumerate(self._down):
            maps[finer + 1] = layer(_sum(maps[finer + 1], maps[finer]))
        return maps


class EnhancedFeatures(nn.Module):
    """Narrow maps, enhanced several times; what each time gives is summed, and all are joined.

    Attributes:
        out_channels: Channels of the joined map: `channels` for each map that goes in.
    """

    def __init__(self, in_channels: Sequence[int], strides: Sequence[int], channels: int = CHANNELS) -> None:
        """Make the layers.

        Args:
            in_channels: Channels of the encoder's maps, the finest first.
            strides: Their strides, each a multiple of 4 and of the one before it.
            channels: Channels of each map.
        """
        super().__init__()
        self.out_channels = channels * len(in_channels)
        self._scales = [stride // STRIDE for stride in strides]
        ratios = [coarser // finer for finer, coarser in itertools.pairwise(strides)]
        self._narrow = nn.ModuleList(_normalized(nn.Conv2d(count, channels, 1, bias=False)) for count in in_channels)
        self._times = nn.ModuleList(FeatureEnhancement(channels, ratios) for _ in range(_TIMES))
        initialize(self)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """One map [B, `out_channels`, H/4, W/4] of the encoder's maps, the finest first."""
        current = [narrow(map_) for narrow, map_ in zip(self._narrow, maps, strict=True)]
        summed: list[torch.Tensor] = []
        for enhance in self._times:
            current = enhance(current)
            summed = [one + other for one, other in zip(summed, current, strict=True)] if summed else current
        return joined(summed, self._scales)


def _sum(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    return fine + functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)


def _separable(channels: int, stride: int) -> nn.Module:
    depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return nn.Sequential(depthwise, *_normalized(nn.Conv2d(channels, channels, 1, bias=False)))


def _normalized(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))
