"""A change of a pipeline: what becomes of its model, and the knobs that would do it in earnest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.cost_model import CostModel
from workbench.explain.prediction.moved_bytes import bytes_factor
from workbench.knobs.knobs import Knobs

#: Who normalizes, whichever knob says so.
NORMALIZING = ("Normalize", "ConditionalNormalize", "OpenCVNormalize")

#: Stages whose cost goes with the bytes of a batch.
_MOVING = ("ToTensorV2", "collate", "send", "receive", "transfer", "release")


@dataclass(frozen=True)
class Change:
    """A question that was understood.

    Attributes:
        text: As it was asked.
        apply: Gives the model as it would be.
        knobs: The knobs that would do it, where some do.
    """

    text: str
    apply: Callable[[CostModel], CostModel]
    knobs: Mapping[str, object]


def scaled(model: CostModel, stage: str, factor: float) -> CostModel:
    """The model with a stage that takes so many times as long as it does now."""
    return replace(model, scale={**model.scale, stage: model.scale.get(stage, 1.0) * factor})


def assuming(model: CostModel, *sentences: str) -> CostModel:
    """The model with more that rests on no measurement."""
    return replace(model, assumptions=(*model.assumptions, *(s for s in sentences if s not in model.assumptions)))


def normalize_on_device(text: str, knobs: Knobs) -> Change:
    """The device normalizes, and uint8 travels to it."""
    factor = bytes_factor(knobs, knobs.model_copy(update={"normalize": "device"}))

    def apply(m: CostModel) -> CostModel:
        for stage in NORMALIZING:
            m = scaled(m, stage, 0.0)
        for stage in _MOVING:
            m = scaled(m, stage, factor)
        return assuming(
            m,
            f"Moving a batch costs in proportion to its bytes, which become {factor:.2f} times as many.",
            "The device normalizes in no time worth counting.",
        )

    return Change(text, apply, {"normalize": "device"})


def refused(text: str, what: str, remedy: str = "") -> BadInput:
    """The error of a question that cannot be answered."""
    return BadInput("what if", [Problem(what, f"'{text}'", remedy)])


def number(text: str, question: str) -> float:
    """The number in a question.

    Raises:
        BadInput: Where it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise refused(question, f"'{text}' is no number") from None
