"""Recipes of text detection: settings by name, for the lab and for comparisons that nobody names variants for."""

from __future__ import annotations

from typing import Any

#: Recipes by name: nothing but the defaults, what is usually tried first, and the fastest that are known
#: (`benchmarks/strategies.py` measures what they are worth).
PRESETS: dict[str, dict[str, Any]] = {
    "disk baseline": {},
    "RAM image cache": {"cache": "decoded"},
    "RAM cache + conditional normalize": {"cache": "decoded", "normalize": "conditional"},
    "prepared cache + device normalize": {"cache": "prepared", "cache_store": "shared", "normalize": "device"},
    "fastest without a cache": {
        "image_decoder": "turbojpeg",
        "scaled_decode": True,
        "transforms": "direct",
        "normalize": "device",
        "targets": "fast",
        "transport": "ring",
        "epoch_overlap": True,
        "malloc_retain": True,
        "prefetch_factor": 4,
    },
    "fastest": {
        "cache": "prepared",
        "cache_store": "mapped",
        "normalize": "device",
        "targets": "cached",
        "num_workers": 0,
        "postprocess": "processes",
    },
}

#: Of these, what is compared with the baseline where nobody names variants.
SUGGESTED = ("RAM image cache", "RAM cache + conditional normalize", "prepared cache + device normalize")
