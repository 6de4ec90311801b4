"""Questions as a person types them, and the changes that they mean.

============================================  ===============================================================
``decode x0.5``, ``decode 50%``               a stage takes that many times as long
``decode 2x faster``, ``decode 2x slower``    the same, the other way round
``remove decode``, ``decode``                 a stage takes nothing: ``decode x0``
``decode on device at 0.2``                   the device does it, in that many milliseconds a sample
``decode from RUN``                           a stage takes as long as in another run
``engine=onnx from RUN``                      the model takes as long as in another run, by that engine
``device x0.5``, ``cores=16``                 a device twice as fast, a machine of sixteen such cores
``num_workers=4``, ``batch_size=8``           a knob is set
============================================  ===============================================================
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Protocol

from workbench.errors import BadInput, Problem
from workbench.explain.prediction.changes import (
    Change,
    model_from_run,
    move_to_device,
    refusal,
    scale_stage,
    set_cores,
    set_knob,
    stage_from_run,
)
from workbench.explain.prediction.cost_model import DEVICE, CostModel
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.unpredicted import Unpredicted, absent_stage, unpredicted
from workbench.explain.words.items import with_article
from workbench.knobs.format import format_value
from workbench.knobs.knobs import Knobs
from workbench.records import Prediction

_STAGE = r"([\w.-]+)"
_NUMBER = r"([\d.]+)"
_SCALE = re.compile(rf"{_STAGE}\s*[x*×]\s*{_NUMBER}")
_PERCENT = re.compile(rf"{_STAGE}\s+{_NUMBER}\s*%")
_SPEED = re.compile(rf"{_STAGE}\s+{_NUMBER}\s*(?:x|×|times)\s+(faster|slower)")
_FREE = re.compile(rf"(remove\s+)?{_STAGE}(?:\s+(?:for\s+)?free)?")
_DEVICE = re.compile(rf"{_STAGE}\s+on\s+device(?:\s+at\s+{_NUMBER}\s*(?:ms)?)?")
_FROM = re.compile(rf"{_STAGE}\s+from\s+(\S+)")
_KNOB_FROM = re.compile(r"(\w+)\s*=\s*(\S+)\s+from\s+(\S+)")
_KNOB = re.compile(r"(\w+)\s*=\s*(\S+)")

#: How alike a text and a question must be for the one to be taken for the other, mistyped.
_ALIKE = 0.7

#: Of an example: milliseconds on the device.
_AT = "0.2"


class OtherRuns(Protocol):
    """What other runs took, by their names."""

    def stage_s(self, run: str, stage: str) -> float:
        """What a stage takes there, in seconds a sample.

        Raises:
            BadInput: Where there is no such run, or it has no such stage.
        """

    def model_s(self, run: str, knob: str, value: str) -> float:
        """What the model takes there, in seconds a sample.

        Raises:
            BadInput: Where there is no such run, its model was not measured, or the knob is another there.
        """


def answer_question(text: str, predictor: Predictor, others: OtherRuns | None = None) -> Prediction | Unpredicted:
    """The answer to one question; or why there is none, with the best that is known."""
    try:
        return predictor.predict([parse_question(text, predictor.model, predictor.record.knobs, others)])
    except BadInput as error:
        knobs = predictor.record.knobs
        match = _KNOB.fullmatch(text.strip())
        if match and match[1] in knobs.rows() and not knobs.wrong_values({match[1]: match[2]}):
            return unpredicted(predictor, match[1], knobs.typed(match[1], match[2]), error.problems[0])
        whats = dict.fromkeys(problem.what for problem in error.problems)
        remedies = dict.fromkeys(filter(None, (problem.remedy for problem in error.problems)))
        return Unpredicted(text.strip(), "; ".join(whats), ". ".join(remedies))


def parse_questions(
    texts: Sequence[str], model: CostModel, knobs: Knobs, others: OtherRuns | None = None
) -> list[Change]:
    """Understand questions that are one change together (see `parse_question`).

    Raises:
        BadInput: With all that isn't understood, and all that the record cannot answer.
    """
    found: list[Change] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            found.append(parse_question(text, model, knobs, others))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput("what if", problems)
    return found


def parse_question(text: str, model: CostModel, knobs: Knobs, others: OtherRuns | None = None) -> Change:
    """Understand a question.

    Args:
        text: As a person types it.
        model: The pipeline that it is put to.
        knobs: Of the run that was measured.
        others: Other runs.

    Raises:
        BadInput: Where it isn't understood, or the record cannot answer it.
    """
    text = " ".join(text.split())

    def stage(name: str) -> str:
        if problem := absent_stage(name, model, knobs):
            raise refusal(text, problem.what, problem.remedy)
        return name

    def scale(name: str, factor: float, meaning: str = "") -> Change:
        form = f"{name} x{factor:g}"
        return scale_stage(model, stage(name), factor, text=f"{form} ({meaning})" if meaning else form)

    if match := _SCALE.fullmatch(text):
        return scale(match[1], _number(match[2], text))
    if match := _PERCENT.fullmatch(text):
        return scale(match[1], _number(match[2], text) / 100.0, f"{match[2]} % of its time")
    if match := _SPEED.fullmatch(text):
        factor = _number(match[2], text)
        if factor <= 0.0:
            raise refusal(text, "nothing is 0 times as fast", f"Write '{match[1]} x0.5'")
        return scale(match[1], 1.0 / factor if match[3] == "faster" else factor, f"{match[2]}x {match[3]}")
    if match := _DEVICE.fullmatch(text):
        at_s = None if match[2] is None else _number(match[2], text) * 1e-3
        return move_to_device(model, knobs, stage(match[1]), at_s)
    if (match := _KNOB_FROM.fullmatch(text)) or (match := _FROM.fullmatch(text)):
        if others is None:
            raise refusal(text, "there are no other runs to ask")
        if len(match.groups()) == 2:
            return stage_from_run(model, stage(match[1]), match[2], others.stage_s(match[2], match[1]))
        cost_s = others.model_s(match[3], match[1], match[2])
        return model_from_run(model, knobs, match[1], match[2], match[3], cost_s)
    if match := _KNOB.fullmatch(text):
        if match[1] == "cores":
            return set_cores(model, _number(match[2], text))
        return set_knob(model, knobs, match[1], match[2])
    if match := _FREE.fullmatch(text):
        is_stage = match[2] in model.stages or model.catalogue.is_declared(match[2])
        if is_stage or match[1] or match[0] != match[2]:
            return scale(match[2], 0.0, "for free")
        if row := knobs.rows().get(match[2]):
            example = format_value(row.choices[-1]) if row.choices else "VALUE"
            raise refusal(text, "is a knob without a value", f"Write '{match[2]}={example}'")
    raise refusal(text, "is not understood", _meant(text, model))


def _meant(text: str, model: CostModel) -> str:
    """The question that was probably meant; where none is near, the forms that there are."""
    stages = [name for name in model.stages if name != DEVICE]
    forms = [
        form.format(name)
        for name in model.stages
        for form in ("remove {}", "{} x0.5", "{} 50%", "{} 2x faster", f"{{}} on device at {_AT}", "{} for free")
    ]
    if close := difflib.get_close_matches(text, forms, n=1, cutoff=_ALIKE):
        unit = f" ({_AT} ms {with_article(model.item)})" if close[0].endswith(_AT) else ""
        return f"Did you mean '{close[0]}'{unit}?"
    near = [name for word in text.split() for name in difflib.get_close_matches(word, stages, n=1, cutoff=_ALIKE)]
    named = [*near, *stages][0]
    return (
        f"Write '{named} x0.5', '{named} 2x faster', 'remove {named}', '{named} on device at {_AT}' "
        f"({_AT} ms {with_article(model.item)}) or 'num_workers=4'"
    )


def _number(text: str, question: str) -> float:
    """The number in a question.

    Raises:
        BadInput: Where there is none.
    """
    try:
        return float(text)
    except ValueError:
        raise refusal(question, f"'{text}' is not a number") from None
