"""Predictions, as rows and lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.explain.prediction.gain_map import Ceilings, StageGain, format_gain
from workbench.explain.prediction.predictor import Predictor
from workbench.records import PredictedValue, Prediction
from workbench.units import format_duration, format_rate, format_share

ANSWERS = ("what if", "predicted gain", "predicted throughput", "bounded by")
MAP = ("stage", "costs a page", "share of work", "gain if free", "gain if half", "to try")


def answer_lines(answers: Sequence[Prediction]) -> Iterator[tuple[str, ...]]:
    """A row a question."""
    for one in answers:
        yield ", ".join(one.questions), format_gain(one.gain), _rate(one.samples_per_s), one.limited_by


def map_lines(gains: Sequence[StageGain]) -> Iterator[tuple[str, ...]]:
    """A row a stage."""
    for one in gains:
        share = "-" if one.share is None else format_share(one.share)
        told = ", ".join(one.knobs[:2]) or "-"
        yield one.stage, format_duration(one.per_sample_s), share, format_gain(one.free), format_gain(one.half), told


def closing_lines(predictor: Predictor, answers: Sequence[Prediction], found: Ceilings) -> Iterator[str]:
    """What the answers rest on."""
    level = predictor.confidence.level
    yield f"Measured: {format_rate(found.measured)}. All else is simulated, with the interval that holds {level:.0%}."
    if found.device:
        reached = format_share(found.measured / found.device)
        yield f"Were all but the device free: {format_rate(found.device)}; the run reaches {reached} of that."
    yield f"Were all but loading free: {format_rate(found.loader)}; but the main process: {format_rate(found.main)}."
    for told in dict.fromkeys(sentence for one in answers for sentence in one.assumptions):
        yield f"Assumed: {told}"


def _rate(rate: PredictedValue) -> str:
    return f"{format_rate(rate.estimate)} [{rate.low:.1f}, {rate.high:.1f}]"
