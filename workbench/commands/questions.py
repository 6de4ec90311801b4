"""Questions as a person types them, and the changes that they mean.

=====================================  ======================================================================
``decode x0.5``, ``targets x0``        a stage takes that many times as long
``remove decode``                      the same as ``decode x0``
``decode on device at 0.2``            the device does it, in that many milliseconds a sample
``decode from RUN``                    a stage takes as long as in another run
``device x0.5``, ``cores=16``          a device twice as fast, a machine of sixteen such cores
``num_workers=4``, ``batch_size=8``    a knob is set
=====================================  ======================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.changes import (
    Change,
    move_to_device,
    refusal,
    remove_stage,
    scale_stage,
    set_cores,
    set_knob,
    stage_from_run,
)
from workbench.explain.prediction.cost_model import CostModel
from workbench.knobs.knobs import Knobs

_SCALE = re.compile(r"(\w+)\s*[x*×]\s*([\d.]+)")
_REMOVE = re.compile(r"remove\s+(\w+)")
_DEVICE = re.compile(r"(\w+)\s+on\s+device(?:\s+at\s+([\d.]+)\s*(?:ms)?)?")
_FROM = re.compile(r"(\w+)\s+from\s+(\S+)")
_KNOB = re.compile(r"(\w+)\s*=\s*(\S+)")

#: Gives what a stage costs in another run, by the run's name, in seconds a sample.
StageCost = Callable[[str, str], float]


def parse_questions(
    texts: Sequence[str], model: CostModel, knobs: Knobs, stage_cost: StageCost | None = None
) -> list[Change]:
    """Understand questions.

    Args:
        texts: One question each.
        model: The pipeline that they are put to.
        knobs: Of the run that was measured.
        stage_cost: Knows other runs.

    Raises:
        BadInput: With all that isn't understood, and all that the record cannot answer.
    """
    found: list[Change] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            found.append(_parse(text.strip(), model, knobs, stage_cost))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput("what if", problems)
    return found


def _parse(text: str, model: CostModel, knobs: Knobs, stage_cost: StageCost | None) -> Change:
    if match := _SCALE.fullmatch(text):
        return scale_stage(model, match[1], _number(match[2], text))
    if match := _REMOVE.fullmatch(text):
        return remove_stage(model, match[1])
    if match := _DEVICE.fullmatch(text):
        at_s = None if match[2] is None else _number(match[2], text) * 1e-3
        return move_to_device(model, knobs, match[1], at_s)
    if match := _FROM.fullmatch(text):
        if stage_cost is None:
            raise refusal(text, "there are no other runs to ask")
        return stage_from_run(model, match[1], match[2], stage_cost(match[2], match[1]))
    if match := _KNOB.fullmatch(text):
        if match[1] == "cores":
            return set_cores(model, _number(match[2], text))
        return set_knob(model, knobs, match[1], match[2])
    stage = next(iter(model.stages), "read")
    examples = f"Write '{stage} x0.5', 'remove {stage}', '{stage} on device at 0.2' or 'num_workers=4'"
    raise refusal(text, "is not understood", examples)


def _number(text: str, question: str) -> float:
    """The number in a question.

    Raises:
        BadInput: Where there is none.
    """
    try:
        return float(text)
    except ValueError:
        raise refusal(question, f"'{text}' is not a number") from None
