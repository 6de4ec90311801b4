"""The knobs of the text detector and of its training. No torch here: old runs are explained with these rows."""

from __future__ import annotations

from typing import Literal

from workbench.knobs.inference import NO_MODEL, RUNTIMES
from workbench.knobs.knob import Effect, Inactive, Maths, Slice, knob

_NOT_TRAINED = Inactive(lambda s: bool(s.knobs.mode != "train"), "nothing is trained")


class DetectorKnobs(Slice):
    """The model of text detection, and what is done with its results."""

    encoder: str = knob(
        "resnet18", "model", "any timm encoder that gives feature maps", inactive=[NO_MODEL], maths=Maths.OTHER
    )
    neck: Literal["fpn", "fpn_small", "rse_fpn", "replk_fpn", "fpem"] = knob(
        "fpn", "model", "what joins the encoder's feature maps", inactive=[NO_MODEL], maths=Maths.OTHER
    )
    channels_last: bool = knob(
        False,
        "model",
        "memory format of model and images",
        inactive=[
            NO_MODEL,
            Inactive(lambda s: s.knobs.engine in RUNTIMES, "a runtime of its own lays out its memory as it likes"),
        ],
        maths={True: Maths.SAME},
        effects={True: Effect(eases=("forward",), against=("device-bound",))},
        cost="on some devices convolutions are slower with it",
    )
    weights: str = knob(
        "random",
        "model",
        "the model's weights: random, shipped, or a safetensors file of one's own",
        inactive=[NO_MODEL],
        maths=Maths.OTHER,
    )
    calibration: str | None = knob(
        None,
        "model",
        "folder of pages for the ranges of 8-bit integers, none of which is scored; by default drawn ones",
        inactive=[NO_MODEL, Inactive(lambda s: bool(s.knobs.precision != "int8"), "only precision=int8 is calibrated")],
    )
    accumulate: int = knob(
        1,
        "model",
        "batches whose gradients are summed before the weights are updated",
        unit="batches",
        inactive=[NO_MODEL, _NOT_TRAINED],
        maths=Maths.OTHER,
        cost="not the same as one larger batch: normalization and the hardest negatives are those of each batch",
        ge=1,
        le=1024,
    )
    teacher: str | None = knob(
        None,
        "model",
        "learn from the maps of another detector as well: shipped, or a safetensors file",
        inactive=[NO_MODEL, _NOT_TRAINED],
        maths=Maths.OTHER,
        cost="its forward pass is a part of every step",
    )
    checkpointing: bool = knob(
        False,
        "model",
        "make activations again in the backward pass in place of keeping them: less memory, one more forward pass",
        inactive=[NO_MODEL, _NOT_TRAINED],
        maths={True: Maths.SAME},
        cost="every step takes about one more forward pass",
    )
    fused_optimizer: bool = knob(
        False,
        "model",
        "update all weights in one piece of work",
        inactive=[NO_MODEL, _NOT_TRAINED],
        effects={True: Effect(eases=("optimizer",), against=("device-bound",), on="cuda")},
    )
    postprocess: Literal["inline", "threads", "processes"] = knob(
        "inline",
        "model",
        "find and score words before the next step, in a background thread, or in two processes",
        inactive=[
            Inactive(lambda s: bool(s.knobs.device == "none"), "without a device nothing is detected"),
            Inactive(lambda s: bool(s.knobs.mode == "train"), "training detects nothing"),
        ],
        predicted="background",
        effects={
            "threads": Effect(eases=("postprocess", "metric")),
            "processes": Effect(eases=("postprocess", "metric"), side_by_side=2),
        },
        cost="results come a few steps later: three with threads, seven with processes, which hold as many maps",
        tried=("inline", "threads", "processes"),
    )
