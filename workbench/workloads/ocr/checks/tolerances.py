"""How far pages and maps of two strategies may differ and still pass for the same, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.knobs.knobs import Knobs


@dataclass(frozen=True)
class Tolerance:
    """How far pages may differ, in 8-bit levels, and why.

    Attributes:
        max_levels: At any pixel.
        mean_levels: On the average.
        reason: Why so much is allowed.
    """

    max_levels: float
    mean_levels: float
    reason: str


#: Sample pages are kept in half precision, which near 255 has steps of an eighth of a level.
SAME_LEVELS = 0.25

#: The fast maps are rounded to 8 bits.
TARGET_LEVELS = 1.0

#: The most that two H-means may differ, and the share of detected words that must be found again.
HMEAN_DIFFERENCE = 0.005
MATCHED_SHARE = 0.97

_ALWAYS = Tolerance(1.0, 0.5, "the same decoder, and arithmetic in another order")

#: What allows more than that, by how the two sets of knobs differ. The widest that applies counts.
_WIDER: tuple[tuple[Callable[[Knobs, Knobs], bool], Tolerance], ...] = (
    (
        lambda a, b: a.image_decoder != b.image_decoder,
        Tolerance(64.0, 1.0, "JPEG decoders interpolate colour and round differently, most of all at edges"),
    ),
    (
        lambda a, b: a.loader != b.loader and "dali" in (a.loader, b.loader),
        Tolerance(64.0, 1.0, "DALI decodes with a library of its own, and rounds once more when it resizes"),
    ),
    (
        lambda a, b: a.scaled_decode != b.scaled_decode,
        Tolerance(128.0, 2.0, "a JPEG made smaller while it is decoded is averaged over blocks, not interpolated"),
    ),
)


def tolerance_for(baseline: Knobs, variant: Knobs) -> Tolerance:
    """What two sets of knobs may differ in."""
    applying = [tolerance for applies, tolerance in _WIDER if applies(baseline, variant)]
    return max([_ALWAYS, *applying], key=lambda tolerance: tolerance.mean_levels)
