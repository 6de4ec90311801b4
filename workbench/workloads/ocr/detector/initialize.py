"""How DBNet's own layers start (MhLiao/DB, `decoders/seg_detector.py`)."""

from __future__ import annotations

from torch import nn

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
