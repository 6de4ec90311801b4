"""The necks by the names that the knob `neck` has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from workbench.errors import BadInput, unknown_name
from workbench.workloads.ocr.detector.necks.fpem import EnhancedFeatures
from workbench.workloads.ocr.detector.necks.fpn import SMALL_CHANNELS, FeaturePyramid
from workbench.workloads.ocr.detector.necks.replk_fpn import LargeKernelPyramid
from workbench.workloads.ocr.detector.necks.rse_fpn import ResidualSqueezePyramid

MakeNeck = Callable[[Sequence[int], Sequence[int]], Any]

#: Each takes the channels and strides of the encoder's maps, and is a module with `out_channels`. The wide one is that
#: of the paper; the others are for encoders of a mobile phone's size.
NECKS: dict[str, MakeNeck] = {
    "fpn": FeaturePyramid,
    "fpn_small": partial(FeaturePyramid, channels=SMALL_CHANNELS),
    "rse_fpn": partial(ResidualSqueezePyramid, channels=SMALL_CHANNELS),
    "replk_fpn": partial(LargeKernelPyramid, channels=SMALL_CHANNELS),
    "fpem": EnhancedFeatures,
}


def neck_named(name: str) -> MakeNeck:
    """What makes the neck of a name.

    Raises:
        BadInput: Where there is none.
    """
    if name not in NECKS:
        raise BadInput("knobs", [unknown_name("neck", name, NECKS)])
    return NECKS[name]
