"""Questions to a pipeline that was measured: what if this stage took half as long, what if there were four workers?

=====================================  ====================================================================
``decode x0.5``, ``targets x0``        a stage takes so many times as long
``remove decode``                      the same as ``decode x0``
``decode on device at 0.2``            the device does it, in so many milliseconds a page
``decode from RUN``                    a stage takes as long as in another run
``device x0.5``, ``cores=16``          a device twice as fast, a machine of sixteen such cores
``num_workers=4``, ``batch_size=8``    a knob is set; which ones can be asked about: `knob_changes.KNOBS`
=====================================  ====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from workbench.errors import BadInput, Problem, unknown_name
from workbench.explain.prediction.changes import (
    NORMALIZING,
    Change,
    assuming,
    normalize_on_device,
    number,
    refused,
    scaled,
)
from workbench.explain.prediction.cost_model import CostModel
from workbench.explain.prediction.knob_changes import set_knob
from workbench.knobs.knobs import Knobs

#: More times what was measured is no longer believed.
_MOST_SCALE = 20.0

_SCALE = re.compile(r"(\w+)\s*[x*×]\s*([\d.]+)")
_REMOVE = re.compile(r"remove\s+(\w+)")
_DEVICE = re.compile(r"(\w+)\s+on\s+device(?:\s+at\s+([\d.]+)\s*(?:ms)?)?")
_FROM = re.compile(r"(\w+)\s+from\s+(\S+)")
_KNOB = re.compile(r"(\w+)\s*=\s*(\S+)")


def parse_questions(
    texts: Sequence[str], model: CostModel, knobs: Knobs, stage_cost: Callable[[str, str], float] | None = None
) -> list[Change]:
    """Understand questions.

    Args:
        texts: One question each; together they are one change.
        model: The pipeline that they are put to.
        knobs: Of the run that was measured.
        stage_cost: Gives what a stage costs in another run, by the run's name, in seconds a page.

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


def apply_all(model: CostModel, changes: Sequence[Change]) -> CostModel:
    """The model with all changes made."""
    for change in changes:
        model = change.apply(model)
    return model


def _parse(
    text: str, model: CostModel, knobs: Knobs, stage_cost: Callable[[str, str], float] | None
) -> Change:
    if match := _SCALE.fullmatch(text):
        return _scale(text, match[1], number(match[2], text), model)
    if match := _REMOVE.fullmatch(text):
        return _scale(text, match[1], 0.0, model)
    if match := _DEVICE.fullmatch(text):
        return _move(text, match[1], match[2], model, knobs)
    if match := _FROM.fullmatch(text):
        if stage_cost is None:
            raise refused(text, "no other runs are at hand")
        stage = _known(match[1], model, text)
        cost_s = stage_cost(match[2], stage)
        factor = cost_s / max(model.cost_per_page(stage), 1e-12)
        return Change(text, lambda m: scaled(m, stage, factor), {})
    if match := _KNOB.fullmatch(text):
        return set_knob(text, match[1], match[2], model, knobs)
    raise refused(
        text, "is not understood", "Write 'decode x0.5', 'remove decode', 'decode on device at 0.2' or 'num_workers=4'"
    )


def _known(stage: str, model: CostModel, text: str) -> str:
    if stage not in model.stages:
        problem = unknown_name("stage", stage, model.stages)
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", problem.remedy)])
    return stage


def _scale(text: str, stage: str, factor: float, model: CostModel) -> Change:
    _known(stage, model, text)
    if factor > _MOST_SCALE:
        raise refused(text, f"more than {_MOST_SCALE:g} times what was measured is a guess", "Measure it: slow_down")
    return Change(text, lambda m: scaled(m, stage, factor), _knobs_for(stage) if factor == 0.0 else {})


def _knobs_for(stage: str) -> dict[str, object]:
    return {} if stage == "device" else {"knock_out": stage}


def _move(text: str, stage: str, at_ms: str | None, model: CostModel, knobs: Knobs) -> Change:
    _known(stage, model, text)
    if not len(model.device_s):
        raise refused(text, "the run had no device", "Take a run with device=cuda or device=replay")
    if stage in NORMALIZING and at_ms is None:
        return normalize_on_device(text, knobs)
    if at_ms is None:
        remedy = f"Say it: '{stage} on device at 0.2' (ms)"
        raise refused(text, "how long the device takes for it is not known", remedy)
    moved_s = number(at_ms, text) * 1e-3

    def apply(m: CostModel) -> CostModel:
        m = scaled(replace(m, moved_s=m.moved_s + moved_s), stage, 0.0)
        return assuming(m, f"The device does '{stage}' in {at_ms} ms a page, as the question says.")

    return Change(text, apply, {})
