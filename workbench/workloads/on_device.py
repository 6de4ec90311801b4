"""Normalization on the device: levels go over the wire, and become floats where the model is."""

from __future__ import annotations

import torch

from workbench.data.imagenet import MEAN, STD


def normalized(images: torch.Tensor) -> torch.Tensor:
    """Images as the model takes them, float32 [B, 3, S, S]: levels uint8 are normalized on their device."""
    if images.dtype != torch.uint8:
        return images
    mean = torch.tensor(MEAN, device=images.device).mul(255.0).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=images.device).mul(255.0).view(1, 3, 1, 1)
    return images.to(torch.float32).sub_(mean).div_(std)
