"""RSE-FPN: a pyramid whose convolutions weigh their channels, each beside a shortcut (PP-OCRv3, Li et al. 2022)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from workbench.workloads.ocr.detector.necks.fpn import FeaturePyramid

#: The channel weights are made by way of this part of the channels.
_REDUCTION = 4


class ResidualSqueezeExcite(nn.Module):
    """A convolution plus itself with its channels weighed (Hu et al. 2018): ``c + c * weights(mean(c))``."""

    def __init__(self, in_channels: int, out_channels: int, size: int) -> None:
        super().__init__()
        self._convolution = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False)
        self._squeeze = nn.Conv2d(out_channels, out_channels // _REDUCTION, 1)
        self._excite = nn.Conv2d(out_channels // _REDUCTION, out_channels, 1)

    def forward(self, map_: torch.Tensor) -> torch.Tensor:
        """A map of the same size."""
        output: torch.Tensor = self._convolution(map_)
        mean = output.mean(dim=(2, 3), keepdim=True)
        weights = functional.hardsigmoid(self._excite(functional.relu(self._squeeze(mean))))
        return output + output * weights


class ResidualSqueezePyramid(FeaturePyramid):
    """A feature pyramid of such convolutions."""

    def _make_lateral(self, in_channels: int, out_channels: int) -> nn.Module:
        return ResidualSqueezeExcite(in_channels, out_channels, 1)

    def _make_smooth(self, in_channels: int, out_channels: int) -> nn.Module:
        return ResidualSqueezeExcite(in_channels, out_channels, 3)
