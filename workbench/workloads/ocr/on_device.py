"""Normalization on the device: levels go over the wire, and become floats where the model is."""

from __future__ import annotations

from functools import cache

import torch

from workbench.workloads.ocr.chain.normalize import MEAN, STD


def normalized(images: torch.Tensor) -> torch.Tensor:
    """Images as the model takes them, float32 [B, 3, S, S]: levels uint8 are normalized on their device."""
    if images.dtype != torch.uint8:
        return images
    mean, std = _statistics(images.device)
    return images.to(torch.float32).sub_(mean).div_(std)


@cache
def _statistics(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation in levels, brought to the device once: a copy in every step would wait for it."""
    mean, std = (torch.tensor(values, device=device).mul(255.0).view(1, 3, 1, 1) for values in (MEAN, STD))
    return mean, std
