"""A model in the precision that was asked for: it takes and gives what it took and gave before."""

from __future__ import annotations

import copy

import torch

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Autocast(torch.nn.Module):
    """A module whose operations choose their precision, in every step anew; its result is float32."""

    def __init__(self, module: torch.nn.Module, dtype: torch.dtype, device: str) -> None:
        super().__init__()
        self._module, self._dtype, self._device = module, dtype, device

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The module's result, float32."""
        # The cache of cast weights is of no use where each is cast once in a step, and in the way of a trace.
        with torch.autocast(self._device, dtype=self._dtype, cache_enabled=False):
            result: torch.Tensor = self._module(images)
        return result.float()


class CastOnce(torch.nn.Module):
    """A module whose weights and buffers are in half precision; levels in uint8 arrive as they are."""

    def __init__(self, module: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._module, self._dtype = copy.deepcopy(module).to(dtype), dtype

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The module's result, float32."""
        # Half precision holds every level of a byte: bf16 has 8 binary digits, and 255 takes 8.
        result: torch.Tensor = self._module(images.to(self._dtype))
        return result.float()


def at_precision(module: torch.nn.Module, precision: str, device: torch.device) -> torch.nn.Module:
    """The module in a precision.

    Args:
        module: In float32.
        precision: Value of the knob `precision`; `int8` is left to the engine.
        device: Where it is.
    """
    dtype = _DTYPES.get(precision.removesuffix("_weights"))
    if dtype is None:
        return module
    return CastOnce(module, dtype) if precision.endswith("_weights") else Autocast(module, dtype, device.type)


def forbid_tf32() -> None:
    """Let fp32 on CUDA be IEEE's, in convolutions and in products of matrices."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def precision_in_words(precision: str, device: torch.device) -> str:
    """The precision in force: torch's fp32 on CUDA is not what it is on a CPU."""
    if precision == "fp32" and device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        return "fp32 (convolutions in TF32)"
    named = {"ieee": "fp32 (IEEE)", "fp16": "autocast to fp16", "bf16": "autocast to bf16"}
    return named.get(precision, precision.replace("_weights", ", weights cast once"))
