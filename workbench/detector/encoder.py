"""The encoder: any timm model that gives feature maps at several strides."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from workbench.errors import BadInput, Problem, unknown_name

#: Strides of the feature maps that the neck joins.
STRIDES = (4, 8, 16, 32)

#: Some that fit, for messages.
_EXAMPLES = "resnet18, resnet50, mobilenetv3_large_100, efficientnet_b0, convnext_tiny"


class Encoder(nn.Module):
    """Feature maps of an image.

    Attributes:
        channels: Channels of the maps, in the order of `STRIDES`.
    """

    def __init__(self, name: str) -> None:
        """Build the encoder with random weights (none are fetched).

        Args:
            name: Any name that timm knows.

        Raises:
            BadInput: For a name that timm doesn't know, or a model without feature maps at strides 4 to 32.
        """
        super().__init__()
        import timm

        if not timm.is_model(name):
            raise BadInput("knobs", [unknown_name("timm encoder", name, timm.list_models())])
        try:
            model = timm.create_model(name, features_only=True, pretrained=False)
            info: Any = model.feature_info
            reductions = info.reduction()
        except (RuntimeError, ValueError, AttributeError, NotImplementedError, AssertionError) as error:
            raise BadInput("knobs", [_unfit(name, f"timm gives no feature maps of it ({error})")]) from None
        if any(stride not in reductions for stride in STRIDES):
            raise BadInput("knobs", [_unfit(name, f"its feature maps are at strides {reductions}, not {STRIDES}")])
        self._model = model
        self._wanted = [reductions.index(stride) for stride in STRIDES]
        self._channels_come_last = str(getattr(model, "output_fmt", "NCHW")).endswith("NHWC")
        self.channels = [info.channels()[number] for number in self._wanted]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps [B, C, H/stride, W/stride], in the order of `STRIDES`, of images float32 [B, 3, H, W]."""
        maps = self._model(images)
        wanted = [maps[number] for number in self._wanted]
        return [map_.permute(0, 3, 1, 2) for map_ in wanted] if self._channels_come_last else wanted


def _unfit(name: str, why: str) -> Problem:
    return Problem(f"'{name}' cannot be the encoder: {why}", "encoder", f"Take one like {_EXAMPLES}")
