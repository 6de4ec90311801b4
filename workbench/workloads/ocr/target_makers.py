"""Who makes the target maps, by the knob `targets`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from workbench.workloads.ocr.page import Polygon

TargetMaker = Callable[[Sequence[Polygon], Sequence[bool], int], Any]

#: Module and function by the knob; imported when it is chosen. `cached` are fast ones, made once.
_MAKERS = {
    "compute": ("workbench.workloads.ocr.targets", "compute_targets"),
    "fast": ("workbench.workloads.ocr.fast_targets", "fast_targets"),
    "cached": ("workbench.workloads.ocr.fast_targets", "fast_targets"),
}


def make_targets(name: str) -> TargetMaker | None:
    """The function that makes a page's maps (`Targets` or `PackedTargets`); None for `none`."""
    if name == "none":
        return None
    module, function = _MAKERS[name]
    maker: TargetMaker = getattr(import_module(module), function)
    return maker
