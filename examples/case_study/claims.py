"""What the study claimed that the workbench began with: each claim with its figures and what it rested on.

A detector of text on receipts: 404 validation pages of 1280x720, 640x640 at the model's input, batches of 16, one GPU.
"""

from __future__ import annotations

from examples.case_study.record import Claim
from workbench.units import format_bytes, format_ratio

NUM_PAGES, BATCH_SIZE = 404, 16

#: Milliseconds for each page: transforms isolated on the full page, their sum, the chain without and with key points.
NORMALIZE_MS, SUM_MS, CHAIN_MS, CHAIN_WITH_KEYPOINTS_MS = 3.150, 3.586, 1.809, 2.079
NORMALIZE_SHARE = 0.8784

#: Shares of the run's time, guessed from an earlier profile.
LOAD_SHARE, TRANSFORMS_SHARE, MAPS_SHARE, FORWARD_SHARE, OTHER_SHARE = 0.30, 0.25, 0.05, 0.35, 0.05
POSSIBLE_SHARE = 0.22

#: Seconds, one run each: from disk, with a cache of images in memory, with conditional normalization on top of it.
DISK_S, RAM_S, CONDITIONAL_S = 158.9, 141.6, 148.0
NUM_BATCHES = 100

PAGE_BYTES = 375_000
WEBDATASET, DALI, TARGET = (2.0, 3.0), (5.0, 10.0), (2.0, 5.0)

_TRANSFORMS = "their table of transforms, each timed by itself"
_RUNS = "their run times, one run each"
_PROFILE = "shares guessed from an earlier profile"
_HOPES = "hoped for, not measured"


def _times(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g} times"


CLAIMS = (
    Claim(
        name="parts",
        sentence="What the transforms take isolated, on the full page, is what they take in the chain",
        figures=f"{SUM_MS:.3f} ms in parts, beside a chain of {CHAIN_MS:.3f} ms ({CHAIN_WITH_KEYPOINTS_MS:.3f} ms with "
        "key points)",
        source=_TRANSFORMS,
    ),
    Claim(
        name="normalize share",
        sentence="Normalize is nearly all of the transforms",
        figures=f"{NORMALIZE_MS:.3f} of {SUM_MS:.3f} ms: {NORMALIZE_SHARE * 100:.2f} %",
        source=_TRANSFORMS,
    ),
    Claim(
        name="stage shares",
        sentence="Of what is done to load a page, half is reading and decoding, and hardly any is target maps",
        figures=f"image load {LOAD_SHARE:.0%}, transforms {TRANSFORMS_SHARE:.0%}, maps {MAPS_SHARE:.0%} "
        f"(forward {FORWARD_SHARE:.0%}, other {OTHER_SHARE:.0%})".replace("%", " %"),
        source=_PROFILE,
    ),
    Claim(
        name="amdahl",
        sentence=f"Without Normalize the run would take {POSSIBLE_SHARE * 100:.0f} % less time",
        figures=f"{NORMALIZE_SHARE * 100:.2f} % of {TRANSFORMS_SHARE * 100:.0f} %",
        source="a product of the two shares",
    ),
    Claim(
        name="ram",
        sentence="A cache of decoded images in memory makes the run faster",
        figures=f"{RAM_S:g} s after {DISK_S:g} s: {format_ratio(DISK_S / RAM_S)}",
        source=_RUNS,
    ),
    Claim(
        name="conditional",
        sentence="Conditional normalization on top of that cache is slower than the cache alone",
        figures=f"{CONDITIONAL_S:g} s after {RAM_S:g} s: {format_ratio(RAM_S / CONDITIONAL_S)}",
        source=_RUNS,
    ),
    Claim(
        name="tensor",
        sentence="Pages that are normalized once and kept cannot be fitted into the pipeline",
        figures="failed on integration",
        source="an attempt that was given up",
    ),
    Claim(
        name="start-up",
        sentence="The time of a run is the time that its pages take",
        figures=f"{DISK_S:g} s with imports, model and start-up in it",
        source=_RUNS,
    ),
    Claim(
        name="batches",
        sentence=f"{NUM_BATCHES} batches of {BATCH_SIZE} were run on {NUM_PAGES} pages",
        figures=f"{NUM_BATCHES} batches",
        source="their description of a run",
    ),
    Claim(
        name="memory",
        sentence="A page in the cache takes as much memory as its file has bytes",
        figures=f"{format_bytes(PAGE_BYTES)} a page, {format_bytes(PAGE_BYTES * NUM_PAGES)} in all",
        source="sizes of JPEG files",
    ),
    Claim(
        name="same result",
        sentence="The same H-mean on both sides proves that the result is the same",
        figures="0.000 on both sides",
        source="a detector that detected nothing",
    ),
    Claim(
        name="webdataset",
        sentence=f"WebDataset makes it {_times(WEBDATASET)} as fast",
        figures=_times(WEBDATASET),
        source=_HOPES,
    ),
    Claim(name="dali", sentence=f"DALI makes it {_times(DALI)} as fast", figures=_times(DALI), source=_HOPES),
    Claim(
        name="target",
        sentence=f"It can be made {_times(TARGET)} as fast",
        figures=_times(TARGET),
        source="their target",
    ),
)
