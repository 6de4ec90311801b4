"""`normalize=device`: a batch travels as uint8, and is normalized where the model gets it.

It is right where a chain ends in Normalize and ToTensor: nothing but the division comes between the levels of the image
and what the model gets. The transforms are made to leave the levels alone, in the workers; the model's input is
normalized as it arrives.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

from ..imports import After
from ..session import Session

_NAME = "normalize=device"

#: What may stand behind Normalize in a chain.
_HARMLESS = ("ToTensorV2", "ToTensor", "PILToTensor", "ToImage", "Identity", "NoOp")

#: What torchvision's ToTensor divides by.
_LEVELS = 255.0


class Normalization:
    """Knows how the script normalizes, and does it on the model's input.

    Args:
        session: The session of this process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.is_wanted = session.settings.get("normalize") == "device"
        self.constants: tuple[list[float], list[float]] | None = None
        self._on_device: dict[Any, tuple[Any, Any]] = {}
        self.inputs = 0

    def hooks(self) -> dict[str, After]:
        """What is done after which module was imported."""
        if not self.is_wanted:
            return {}
        return {
            "albumentations.core.composition": self._look_at_albumentations,
            "albumentations.augmentations.pixel.transforms": self._leave_levels_alone,
            "albumentations.augmentations.transforms": self._leave_levels_alone,
            "torchvision.transforms.transforms": self._look_at_torchvision,
        }

    def check(self) -> None:
        """Steps have been done: see whether it did anything."""
        if not self.is_wanted:
            return
        if self.constants is None:
            self.refuse("no chain of albumentations or torchvision with a Normalize in it was made in the main process")
        elif not self.inputs:
            self.refuse("no uint8 batch has come to the model: something in the loop makes floats of it before")

    def refuse(self, reason: str) -> None:
        """It would be wrong here."""
        self._session.refuse(_NAME, reason, "Leave normalize=device out")

    def _look_at_albumentations(self, module: ModuleType) -> None:
        self._session.patch(module.Compose, "__init__", functools.partial(_seen_chain, self))

    def _look_at_torchvision(self, module: ModuleType) -> None:
        self._session.patch(module.Compose, "__init__", functools.partial(_seen_chain, self))
        self._session.patch(module.ToTensor, "__call__", _uint8_tensor)
        self._session.patch(module.Normalize, "forward", _left_tensor)

    def _leave_levels_alone(self, module: ModuleType) -> None:
        if hasattr(module, "Normalize"):
            self._session.patch(module.Normalize, "apply", functools.partial(_left_image, self))

    def found(self, transform: Any) -> None:
        """A transform that normalizes is in a chain of this process."""
        levels = float(getattr(transform, "max_pixel_value", _LEVELS))
        constants = [float(m) * levels for m in transform.mean], [float(s) * levels for s in transform.std]
        if self.constants is None:
            self.constants = constants
        elif self.constants != constants:
            self.refuse("the script normalizes in more than one way")

    def applied(self, value: Any) -> Any:
        """A model's input with every batch of uint8 images in it normalized; unchanged, where nobody asks for it."""
        constants = self.constants
        if not self.is_wanted or constants is None:
            return value
        torch = sys.modules["torch"]
        if isinstance(value, torch.Tensor):
            if value.dtype != torch.uint8 or value.dim() != 4 or value.shape[1] != len(constants[0]):
                return value
            self.inputs += 1
            mean, deviation = self._on(value.device, constants)
            return (value.float() - mean) / deviation
        if isinstance(value, dict):
            return {name: self.applied(part) for name, part in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.applied(part) for part in value)
        return value

    def _on(self, device: Any, constants: tuple[list[float], list[float]]) -> tuple[Any, Any]:
        found = self._on_device.get(device)
        if found is None:
            torch = sys.modules["torch"]
            mean, deviation = (torch.tensor(part, device=device).view(1, -1, 1, 1) for part in constants)
            found = self._on_device[device] = mean, deviation
        return found


def _seen_chain(normalization: Normalization, original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, *args, **kwargs)
        names = [type(transform).__name__ for transform in getattr(self, "transforms", ())]
        if "Normalize" in names:
            normalization.found(self.transforms[names.index("Normalize")])
            behind = [name for name in names[names.index("Normalize") + 1 :] if name not in _HARMLESS]
            if behind:
                normalization.refuse(f"{behind[0]} comes after Normalize, and would get levels in its place")

    return __init__


def _left_image(normalization: Normalization, original: Any) -> Any:
    @functools.wraps(original)
    def apply(self: Any, img: Any, *args: Any, **kwargs: Any) -> Any:
        if str(img.dtype) != "uint8" or getattr(self, "normalization", "standard") != "standard":
            normalization.refuse("Normalize gets no uint8 image, or normalizes by the image itself")
            return original(self, img, *args, **kwargs)
        return img

    return apply


def _uint8_tensor(original: Any) -> Any:
    @functools.wraps(original)
    def __call__(self: Any, pic: Any) -> Any:  # noqa: N807
        torch = sys.modules["torch"]
        if str(getattr(pic, "dtype", "")) == "uint8":  # an array, [H, W, C]
            return torch.from_numpy(pic if pic.ndim == 3 else pic[:, :, None]).permute(2, 0, 1).contiguous()
        if getattr(pic, "mode", "") in ("L", "RGB"):
            from torchvision.transforms.functional import pil_to_tensor

            return pil_to_tensor(pic)
        return original(self, pic)

    return __call__


def _left_tensor(original: Any) -> Any:
    @functools.wraps(original)
    def forward(self: Any, tensor: Any) -> Any:
        if str(getattr(tensor, "dtype", "")) != "torch.uint8":
            return original(self, tensor)
        return tensor

    return forward
