"""Sets of knobs to begin with: the disk baseline, the study's, and the quickest that are known."""

from __future__ import annotations

from typing import Any

from workbench.knobs.knobs import Knobs, describe_knobs
from workbench.measure.comparison.variants import BASELINE, STUDY_VARIANTS, parse_variants

#: As `trial.variants.parse_variants` takes them. What they are worth is measured by benchmarks/strategies.py.
_SPECS = (
    "disk baseline:",
    *STUDY_VARIANTS,
    "quickest without a cache: image_decoder=turbojpeg scaled_decode=true transforms=direct normalize=device "
    "targets=fast transport=ring epochs=joined freed_memory=kept prefetch_factor=4",
    "quickest: cache=prepared cache_store=shared normalize=device targets=cached num_workers=0 postprocess=threads",
)

#: What a preset leaves as it is, of the groups that it sets: how much work there is, not how it is done.
_KEPT = ("num_workers", "batch_size")
_GROUPS = ("image path", "loading")
_OTHERS = ("postprocess",)

#: The names, in the order in which they are offered.
PRESETS = tuple(spec.partition(":")[0] for spec in _SPECS)


def apply_preset(name: str, knobs: Knobs) -> Knobs:
    """Knobs with the image path and the loading of a preset; pages, model, device and measuring stay.

    Raises:
        BadInput: Where the preset cannot run beside what stays.
    """
    common = {**knobs.model_dump(), **reset_values()}
    (spec,) = (spec for spec in _SPECS if spec.partition(":")[0] == name)
    variants = parse_variants([spec], common)
    return next(own for variant, own in variants.items() if variant != BASELINE)


def reset_values() -> dict[str, Any]:
    """What a preset sets before its own: image path and loading at their defaults."""
    return {
        info.name: info.default
        for info in describe_knobs()
        if (info.group in _GROUPS and info.name not in _KEPT) or info.name in _OTHERS
    }
