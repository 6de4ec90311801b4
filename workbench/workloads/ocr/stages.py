"""The stages of text detection, beside those of the measured loop."""

from __future__ import annotations

from workbench.stages import Stage

#: Who normalizes, whichever knob says so.
NORMALIZING = ("Normalize", "ConditionalNormalize", "OpenCVNormalize")

STAGES: tuple[Stage, ...] = (
    Stage("cache", "worker", "work", "sample", "#B79268", moves_bytes=True),
    Stage("decode", "worker", "work", "sample", "#0072B2", replayable=True),
    Stage("orient", "worker", "work", "sample", "#4B93C4", replayable=True),
    Stage("LongestMaxSize", "worker", "work", "sample", "#7B5EA7", replayable=True),
    Stage("PadIfNeeded", "worker", "work", "sample", "#A78BCB", replayable=True),
    Stage("resize", "worker", "work", "sample", "#7B5EA7", replayable=True),
    Stage("pad", "worker", "work", "sample", "#A78BCB", replayable=True),
    Stage("Normalize", "worker", "work", "sample", "#D55E00", replayable=True),
    Stage("ConditionalNormalize", "worker", "work", "sample", "#B34700", replayable=True),
    Stage("OpenCVNormalize", "worker", "work", "sample", "#D98A3D", replayable=True),
    Stage("ToTensorV2", "worker", "work", "sample", "#E58A5B", replayable=True, moves_bytes=True),
    Stage("keypoints", "worker", "work", "sample", "#5F7A8C"),
    Stage("polygons", "worker", "work", "sample", "#8BA3B3"),
    Stage("targets", "worker", "work", "sample", "#009E73", replayable=True),
    Stage(
        "results", "main", "wait", colour="#CBD2D9",
        meaning="a background thread waits for the processes that find and score words.",
    ),
    Stage("hand over", "main", "collect", colour="#A9B8C6"),
    Stage("postprocess", "main", "collect", colour="#CC79A7", replayable=True),
    Stage("teacher", "main", "submit", colour="#7F9C96"),
    Stage("teacher", "device", "work", colour="#7F9C96", meaning="the detector that is learned from."),
    Stage("metric", "main", "collect", colour="#E3B5CF"),
)  # fmt: skip
