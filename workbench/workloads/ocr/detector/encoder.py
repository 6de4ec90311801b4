"""The encoder: any timm model that gives feature maps at several strides."""

from __future__ import annotations

import difflib
from typing import Any

import torch
from torch import nn

from workbench.errors import BadInput, Problem

#: Strides that the neck joins, the finest first. An encoder without one of them does without it.
STRIDES = (4, 8, 16, 32)

#: Some that fit, small and large, of different families.
EXAMPLES = (
    "resnet18",
    "resnet50",
    "mobilenetv3_large_100",
    "efficientnet_b0",
    "convnext_tiny",
    "hrnet_w18",
    "pvt_v2_b0",
    "tiny_vit_5m_224",
)

#: Height and width of the image on which an encoder is tried; not square, so that swapped axes show.
_TRIAL_SIZE = (128, 96)


class Encoder(nn.Module):
    """Feature maps of an image.

    Attributes:
        strides: Strides of the maps, the finest first: those of `STRIDES` that the encoder has, at least two.
        channels: Their channels.
    """

    def __init__(self, name: str) -> None:
        """Build the encoder with random weights; nothing is fetched.

        Args:
            name: Any architecture that timm knows, with or without a tag of pretrained weights.

        Raises:
            BadInput: For a name that timm doesn't know, or a model that gives no maps at two strides of `STRIDES` for
                images of any size.
        """
        super().__init__()
        import timm

        if not timm.is_model(name):
            raise BadInput("knobs", [_unknown(name, timm.list_models())])
        info, maps = _tried(name)
        strides, channels = info.reduction(), info.channels()
        # Of several maps at one stride the last is the deepest.
        numbers = sorted({stride: number for number, stride in enumerate(strides) if stride in STRIDES}.values())
        if len(numbers) < 2:
            raise BadInput("knobs", [_unfit(name, f"its feature maps are at strides {strides}, not {list(STRIDES)}")])
        self.strides = [strides[number] for number in numbers]
        self.channels = [channels[number] for number in numbers]
        self._channels_last = maps[0].shape[1] != channels[0] and maps[0].shape[3] == channels[0]
        for number in numbers:
            size = tuple(self._channels_first(maps[number]).shape[-2:])
            if size != tuple(side // strides[number] for side in _TRIAL_SIZE):
                why = f"its map at stride {strides[number]} of a {_TRIAL_SIZE} image has the odd size {size}"
                raise BadInput("knobs", [_unfit(name, why)])
        self._numbers = numbers
        self._model = timm.create_model(name, features_only=True, pretrained=False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps [B, C, H/stride, W/stride], in the order of `strides`, of images float32 [B, 3, H, W]."""
        maps = self._model(images)
        return [self._channels_first(maps[number]) for number in self._numbers]

    def _channels_first(self, map_: torch.Tensor) -> torch.Tensor:
        return map_.permute(0, 3, 1, 2) if self._channels_last else map_


def _tried(name: str) -> tuple[Any, list[torch.Tensor]]:
    """What timm says of an encoder's feature maps, and the maps of an image of `_TRIAL_SIZE`, without their content.

    On the meta device nothing is computed but shapes: it takes no memory, and starts no threads in a process that is
    going to be forked.

    Raises:
        BadInput: Where the model gives no feature maps, or not of such an image.
    """
    import timm

    # Whatever a foreign model raises, the user's fix is another one.
    with torch.device("meta"), torch.no_grad():
        try:
            model = timm.create_model(name, features_only=True, pretrained=False).eval()
            info: Any = model.feature_info
        except Exception as error:
            raise BadInput("knobs", [_unfit(name, f"timm gives no feature maps of it ({_reason(error)})")]) from None
        if len(set(info.reduction())) < 2:
            why = f"all its feature maps are at stride {info.reduction()[0]}; words of different sizes need a pyramid"
            raise BadInput("knobs", [_unfit(name, why)])
        try:
            maps: list[torch.Tensor] = list(model(torch.empty(1, 3, *_TRIAL_SIZE)))
        except Exception as error:
            raise BadInput("knobs", [_unfit(name, f"it doesn't take images of any size ({_reason(error)})")]) from None
    return info, maps


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _unfit(name: str, why: str) -> Problem:
    return Problem(f"'{name}' cannot be the encoder: {why}", "encoder", f"Take one like {', '.join(EXAMPLES)}")


def _unknown(name: str, known: list[str]) -> Problem:
    close = " or ".join(f"'{match}'" for match in difflib.get_close_matches(name, known, n=3))
    remedy = f"Did you mean {close}? Some" if close else f"Some of its {len(known)}"
    return Problem(f"timm has no model '{name}'", "encoder", f"{remedy} that fit are {', '.join(EXAMPLES)}")
