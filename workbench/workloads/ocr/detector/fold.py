"""Normalization folded into the first convolution: the model takes levels, and no pass over the image is left.

``W * (x / 255 - mean) / std + b`` is a convolution of the levels x with the weights ``W / (255 std)`` and a bias less
``sum(W mean / std)``. At the border the model pads normalized images with zeros, which are the mean colour; levels are
therefore padded with the mean colour before the convolution, which then pads no more. So the result is the same at the
border, too, up to the rounding of float32.
"""

from __future__ import annotations

import torch
from torch import nn

from workbench.errors import BadInput, Problem
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.detector.model import Detector


class FoldedConvolution(nn.Module):
    """A convolution that takes levels, uint8 or float32 [B, 3, H, W], where another took normalized images."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        mean, std = torch.tensor(MEAN, dtype=torch.float64), torch.tensor(STD, dtype=torch.float64)
        weight = convolution.weight.detach().double()
        shift = (weight * (mean / std).view(1, 3, 1, 1)).sum(dim=(1, 2, 3))
        bias = torch.zeros(len(weight)) if convolution.bias is None else convolution.bias.detach()
        self.weight = nn.Parameter((weight / (255.0 * std).view(1, 3, 1, 1)).float())
        self.bias = nn.Parameter((bias.double() - shift).float())
        self.colour: torch.Tensor
        self.register_buffer("colour", (255.0 * mean).float().view(1, 3, 1, 1))
        self._stride, self._dilation = convolution.stride, convolution.dilation
        self._pad_y, self._pad_x = (int(side) for side in convolution.padding)

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        """What the other convolution gives of the normalized image."""
        batch, _, height, width = levels.shape
        y, x = self._pad_y, self._pad_x
        padded = self.colour.expand(batch, 3, height + 2 * y, width + 2 * x).contiguous()
        padded[:, :, y : y + height, x : x + width] = levels  # one pass: the levels become floats on the way
        return nn.functional.conv2d(padded, self.weight, self.bias, self._stride, 0, self._dilation)


def fold_normalization(detector: Detector) -> None:
    """Let a detector take levels instead of normalized images.

    Raises:
        BadInput: Where its first layer is no plain convolution.
    """
    for name, module in detector.named_modules():
        if isinstance(module, nn.Conv2d):
            if type(module) is not nn.Conv2d or module.in_channels != 3 or isinstance(module.padding, str):
                break
            if module.padding_mode != "zeros" or module.groups != 1:
                break
            parent, _, last = name.rpartition(".")
            setattr(detector.get_submodule(parent), last, FoldedConvolution(module))
            return
    what = "the encoder's first layer is no plain convolution of the image"
    raise BadInput("knobs", [Problem(what, "normalize=folded", "Take normalize=device, or another encoder")])
