"""The neck: joins the encoder's feature maps into one, as DBNet's feature pyramid does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

#: Channels of the joined map.
CHANNELS = 256


class FeaturePyramid(nn.Module):
    """Feature pyramid network (Lin et al. 2017) in DBNet's form: a quarter of the channels from each map."""

    def __init__(self, in_channels: Sequence[int], channels: int = CHANNELS) -> None:
        super().__init__()
        part = channels // len(in_channels)
        self._lateral = nn.ModuleList(nn.Conv2d(count, channels, 1, bias=False) for count in in_channels)
        self._smooth = nn.ModuleList(nn.Conv2d(channels, part, 3, padding=1, bias=False) for _ in in_channels)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """One map [B, 256, H/4, W/4] of four, the finest first."""
        joined = [lateral(map_) for lateral, map_ in zip(self._lateral, maps, strict=True)]
        for finer in reversed(range(len(joined) - 1)):
            joined[finer] = joined[finer] + _resized(joined[finer + 1], joined[finer])
        smooth = [layer(map_) for layer, map_ in zip(self._smooth, joined, strict=True)]
        return torch.cat([smooth[0], *(_resized(map_, smooth[0]) for map_ in smooth[1:])], dim=1)


#: A neck by the knob `neck`.
NECKS: dict[str, Callable[[Sequence[int]], nn.Module]] = {"fpn": FeaturePyramid}


def _resized(map_: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(map_, size=like.shape[-2:], mode="nearest")
