"""The feature pyramid of DBNet: the coarser maps are added to the finer ones, and all are joined."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from workbench.workloads.ocr.detector.necks.layers import STRIDE, initialize, joined, upsampled

#: Channels inside the pyramid.
CHANNELS = 256

#: Channels inside the small one, for encoders of a mobile phone's size.
SMALL_CHANNELS = 96


class FeaturePyramid(nn.Module):
    """Feature pyramid network (Lin et al. 2017) in the form of DBNet (MhLiao/DB, `decoders/seg_detector.py`).

    Every map is brought to `channels` channels (256 in the paper) by a 1x1 convolution, the coarser ones are added to
    the finer ones from the top down, a 3x3 convolution takes each to a quarter of the channels, and all are upsampled
    to stride 4 and concatenated. Other pyramids have other layers in the place of the convolutions.

    Attributes:
        out_channels: Channels of the joined map: a quarter of `channels` for each map that goes in.
    """

    def __init__(self, in_channels: Sequence[int], strides: Sequence[int], channels: int = CHANNELS) -> None:
        """Make the layers.

        Args:
            in_channels: Channels of the encoder's maps, the finest first.
            strides: Their strides, each a multiple of 4.
            channels: Channels inside the pyramid.
        """
        super().__init__()
        part = channels // 4
        self.out_channels = part * len(in_channels)
        self._scales = [stride // STRIDE for stride in strides]
        self._lateral = nn.ModuleList(self._make_lateral(count, channels) for count in in_channels)
        self._smooth = nn.ModuleList(self._make_smooth(channels, part) for _ in in_channels)
        initialize(self)

    def _make_lateral(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def _make_smooth(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """One map [B, `out_channels`, H/4, W/4] of the encoder's maps, the finest first."""
        summed = [lateral(map_) for lateral, map_ in zip(self._lateral, maps, strict=True)]
        for finer in reversed(range(len(summed) - 1)):
            summed[finer] = summed[finer] + upsampled(summed[finer + 1], like=summed[finer])
        return joined([layer(map_) for layer, map_ in zip(self._smooth, summed, strict=True)], self._scales)
