"""RepLK-FPN: a pyramid that smooths by large depthwise convolutions, which train as several and run as one.

After PP-OCRv6's neck (2026) and Ding et al. 2022 ("RepLKNet"). While it trains, a 7x7 and a 3x3 convolution and the map
itself, each with a normalization of its own, are summed; all three are linear, so that afterwards one 7x7 convolution
with a bias gives the same: `reparameterize` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench.workloads.ocr.detector.necks.fpn import FeaturePyramid

#: Of the large and of the small convolution, in pixels.
_LARGE, _SMALL = 7, 3


class LargeKernel(nn.Module):
    """A depthwise convolution of 7x7, and until it is re-parameterized one of 3x3 and the map itself beside it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._convolutions = nn.ModuleList(_depthwise(channels, size) for size in (_LARGE, _SMALL))
        self._norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(3))

    def forward(self, map_: torch.Tensor) -> torch.Tensor:
        """A map of the same shape."""
        output: torch.Tensor = sum(self.branches(map_))  # type: ignore[assignment]
        return output

    def branches(self, map_: torch.Tensor) -> list[torch.Tensor]:
        """What each of the three gives."""
        maps = [*(convolution(map_) for convolution in self._convolutions), map_]
        return [norm(one) for norm, one in zip(self._norms, maps, strict=True)]

    def as_one(self) -> nn.Conv2d:
        """The one convolution that gives what this module gives in evaluation mode."""
        kernels, biases = zip(*self._folded(), strict=True)
        one = _depthwise(len(biases[0]), _LARGE, bias=True).to(kernels[0].device)
        with torch.no_grad():
            one.weight.copy_(sum(kernels))
            assert one.bias is not None
            one.bias.copy_(sum(biases))
        return one

    @torch.no_grad()
    def _folded(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Kernel float64 [C, 1, 7, 7] and bias float64 [C] of each branch, its normalization in it."""
        weights: list[Any] = [convolution.weight for convolution in self._convolutions]
        norms: list[Any] = list(self._norms)
        weights.append(torch.ones_like(weights[0][:, :, :1, :1]))
        for weight, norm in zip(weights, norms, strict=True):
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            margin = (_LARGE - weight.shape[-1]) // 2
            kernel = functional.pad(weight.double(), [margin] * 4)
            yield kernel * scale.view(-1, 1, 1, 1), norm.bias.double() - norm.running_mean.double() * scale


class LargeKernelPyramid(FeaturePyramid):
    """A feature pyramid that smooths each map by a `LargeKernel` and joins its channels by a 1x1 convolution."""

    def _make_smooth(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.Sequential(LargeKernel(in_channels), nn.Conv2d(in_channels, out_channels, 1, bias=False))


def reparameterize(module: nn.Module) -> None:
    """Let every `LargeKernel` in a module be one convolution; for a model that is not going to be trained."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LargeKernel):
                setattr(parent, name, child.as_one())


def _depthwise(channels: int, size: int, *, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=bias)
