"""The neck: joins the encoder's feature maps into one, as DBNet's feature pyramid does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional

#: Channels inside the pyramid.
CHANNELS = 256

#: Channels inside the small one, for encoders of a mobile phone's size.
SMALL_CHANNELS = 96

#: Stride of the joined map.
STRIDE = 4

#: What the reference code starts the shift of a batch normalization with.
_NORM_BIAS = 1e-4


def initialize(module: nn.Module) -> None:
    """Set a module's convolutions after He et al. 2015, and its batch normalizations to (almost) the identity."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.constant_(layer.bias, _NORM_BIAS)


class FeaturePyramid(nn.Module):
    """Feature pyramid network (Lin et al. 2017) in the form of DBNet (MhLiao/DB, `decoders/seg_detector.py`).

    Every map is brought to `channels` channels (256 in the paper) by a 1x1 convolution, the coarser ones are added to
    the finer ones from the top down, a 3x3 convolution takes each to a quarter of the channels, and all are upsampled
    to stride 4 and concatenated.

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
        self._lateral = nn.ModuleList(nn.Conv2d(count, channels, 1, bias=False) for count in in_channels)
        self._smooth = nn.ModuleList(nn.Conv2d(channels, part, 3, padding=1, bias=False) for _ in in_channels)
        initialize(self)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """One map [B, `out_channels`, H/4, W/4] of the encoder's maps, the finest first."""
        joined = [lateral(map_) for lateral, map_ in zip(self._lateral, maps, strict=True)]
        for finer in reversed(range(len(joined) - 1)):
            above = functional.interpolate(joined[finer + 1], size=joined[finer].shape[-2:], mode="nearest")
            joined[finer] = joined[finer] + above
        smooth = [layer(map_) for layer, map_ in zip(self._smooth, joined, strict=True)]
        return torch.cat([_upsampled(map_, scale) for map_, scale in zip(smooth, self._scales, strict=True)], dim=1)


#: A neck by the knob `neck`: it takes the channels and strides of the encoder's maps.
NECKS: dict[str, Callable[[Sequence[int], Sequence[int]], FeaturePyramid]] = {
    "fpn": FeaturePyramid,
    "fpn_small": partial(FeaturePyramid, channels=SMALL_CHANNELS),
}


def _upsampled(map_: torch.Tensor, scale: int) -> torch.Tensor:
    return map_ if scale == 1 else functional.interpolate(map_, scale_factor=float(scale), mode="nearest")
