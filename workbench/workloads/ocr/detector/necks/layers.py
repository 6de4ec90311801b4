"""What the necks have in common: how weights start, and how maps of several strides become one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

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


def upsampled(map_: torch.Tensor, *, like: torch.Tensor) -> torch.Tensor:
    """A coarse map in the size of a finer one, its pixels repeated."""
    return functional.interpolate(map_, size=like.shape[-2:], mode="nearest")


def joined(maps: Sequence[torch.Tensor], scales: Sequence[int]) -> torch.Tensor:
    """Maps side by side in their channels, [B, sum of C, H/4, W/4].

    Args:
        maps: Of several strides, the finest first.
        scales: How much finer each becomes.
    """
    same_size = [
        map_ if scale == 1 else functional.interpolate(map_, scale_factor=float(scale), mode="nearest")
        for map_, scale in zip(maps, scales, strict=True)
    ]
    return torch.cat(same_size, dim=1)
