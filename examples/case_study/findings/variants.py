"""The variants of the case study: what its users tried, what they hoped for, and what the workbench has beside it."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

BASELINE = "baseline"
RAM = "RAM image cache"
CONDITIONAL = "RAM cache + conditional normalize"
TENSOR = "pre-normalized pages"
KNOCKED_OUT = "Normalize knocked out"
PREPARED = "prepared cache + device normalize"
FASTEST_UNCACHED = "fastest without a cache"
FASTEST_CACHED = "fastest with a cache"
WEBDATASET = "WebDataset"
DALI = "DALI"

#: By the short name under which a variant can be left out: its name and its knobs.
_VARIANTS = {
    "ram": (RAM, "cache=decoded"),
    "conditional": (CONDITIONAL, "cache=decoded normalize=conditional"),
    "tensor": (TENSOR, "cache=tensor normalize=cached"),
    "knock-out": (KNOCKED_OUT, "knock_out=Normalize"),
    "prepared": (PREPARED, "cache=prepared cache_store=shared normalize=device"),
    "uncached": (
        FASTEST_UNCACHED,
        "image_decoder=turbojpeg scaled_decode=true transforms=direct normalize=device targets=fast transport=ring "
        "epochs=joined freed_memory=kept prefetch_factor=4",
    ),
    "cached": (
        FASTEST_CACHED,
        "cache=prepared cache_store=shared normalize=device targets=cached num_workers=0 postprocess=threads",
    ),
    "webdataset": (WEBDATASET, "loader=webdataset"),
    # With all that makes it faster: the claim is about the best that it can do.
    "dali": (DALI, "loader=dali normalize=device targets=fast"),
}

#: Variants can be left out by these.
SHORT_NAMES = tuple(_VARIANTS)

#: Epochs that are counted where one is over so soon that its ends would weigh.
_EPOCHS = {"prepared": 2, "uncached": 3, "cached": 4}


def variant_name(short: str) -> str:
    """The name of the variant that can be left out by a short name."""
    return _VARIANTS[short][0]


def study_variants(shards: Path, *, num_steps: int, leave_out: Collection[str] = ()) -> list[str]:
    """The variants beside the baseline, as `trial.variants.parse_variants` takes them.

    Args:
        shards: Folder of the pages as shards.
        num_steps: Counted steps of the baseline.
        leave_out: Short names of variants that are not to be compared.
    """
    specs = []
    for short, (name, knobs) in _VARIANTS.items():
        if short in leave_out:
            continue
        steps = f" num_steps={num_steps * _EPOCHS[short]}" if short in _EPOCHS else ""
        # Shards have their annotations in them.
        pages = f" dataset={shlex.quote(str(shards))} annotations=none annotation_format=auto"
        specs.append(f"{name}: {knobs}{steps}{pages if short == 'webdataset' else ''}")
    return specs


def knobs_of_variants() -> set[str]:
    """The knobs that the variants set: what all of them share cannot set these."""
    words = [word for _, knobs in _VARIANTS.values() for word in knobs.split()]
    # How much is loaded at once is anybody's, and the variants that set it do so for good reason.
    return {word.partition("=")[0] for word in words} - {"num_workers", "prefetch_factor"}
