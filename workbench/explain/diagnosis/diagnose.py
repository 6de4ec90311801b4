"""The diagnosis of a run and the advice that follows from it: what keeps it from being faster, and what to try next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from workbench.explain.breakdown import CLOSES_UP_TO
from workbench.explain.diagnosis import loading_rules, loop_rules
from workbench.explain.diagnosis.cause import APART, Cause, Thresholds
from workbench.explain.diagnosis.facts import Facts, gather
from workbench.explain.diagnosis.gap import Gap, share_out, with_charges
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.diagnosis.plan import PlanStep, plan
from workbench.explain.prediction.cost_model import DEVICE
from workbench.explain.prediction.gain_map import EPOCH_ENDS, EPOCH_ENDS_CAUSE, StageGain, format_gain
from workbench.explain.prediction.predictor import Predictor, predictor_for
from workbench.records import Record
from workbench.records.run_folder import SPANS, is_there, read_record, read_spans, write_text
from workbench.units import format_share

#: Where a run's advice is kept, in its folder.
DIAGNOSIS = "diagnosis.json"

Rule = Callable[[Facts, Losses, Thresholds], Iterator[Cause]]

_RULES: tuple[Rule, ...] = (
    loading_rules.slow_worker,
    loading_rules.worker_start,
    loop_rules.unexplained,
    loading_rules.loading,
    loading_rules.rare_samples,
    loading_rules.blocked,
    loading_rules.throttled,
    loading_rules.oversubscribed,
    loop_rules.threads,
    loop_rules.sending,
    loop_rules.transfer,
    loop_rules.results,
    loop_rules.other_work,
    loop_rules.cache,
    loop_rules.epoch_ends,
    loop_rules.device,
    loop_rules.ranks,
)


@dataclass(frozen=True)
class Advice:
    """Diagnosis and plan of a run.

    Attributes:
        causes: What keeps it from being faster, the one that costs most first; empty where it failed, or timed no
            stages.
        steps: What to compare next.
        gap: How far it is from its ceiling, and why; None where there is no diagnosis.
    """

    causes: list[Cause]
    steps: list[PlanStep]
    gap: Gap | None = None

    @property
    def sentence(self) -> str:
        """The diagnosis in a sentence; empty where there is none."""
        if not self.causes:
            return ""
        first = self.causes[0]
        cost = f", which costs {format_share(first.cost)} of the time" if first.cost > 0.0 else ""
        gap = f" {self.gap.words}" if self.gap is not None else ""
        return f"Diagnosis: {first.title}{cost}. {first.evidence}{gap}"


def advise(folder: Path, predictor: Predictor | None = None) -> Advice:
    """Diagnosis and plan of the run in a folder.

    Args:
        folder: The run folder.
        predictor: What predicts changes of this very run, where somebody has calibrated it already.

    Raises:
        BadInput: Where there is no record in it, or record or spans are damaged.
    """
    record = read_record(folder)
    spans = read_spans(folder) if is_there(folder / SPANS) else None
    predictor = predictor or predictor_for(record, spans)
    predictor = predictor and predictor.shortened()
    causes, gap = diagnosed(record, spans, predictor)
    return Advice(causes, plan(record, predictor, causes), gap)


def beside_the_map(causes: Sequence[Cause], gains: Sequence[StageGain]) -> str:
    """Why the diagnosis is not the first row of the map; empty where it is, and where there is nothing to explain.

    Args:
        causes: What a diagnosis has found.
        gains: The map of the same run, the largest gain first.
    """
    if not causes or not gains:
        return ""
    cause, first = causes[0], gains[0]
    if cause.name == "healthy" and first.free.estimate >= Thresholds().stands_out:
        gain = f"{format_gain(first.free)} if '{first.stage}' were free"
        return f"The diagnosis is healthy: the run is at its ceiling. The map has {gain} all the same."
    named = {EPOCH_ENDS_CAUSE: EPOCH_ENDS, "device-bound": DEVICE}.get(cause.name, cause.stage)
    if cause.cost <= 0.0 or named == first.stage:
        return ""
    costs = f"The diagnosis is {cause.title}, which costs {format_share(cause.cost)} of the time"
    if named not in [gain.stage for gain in gains]:
        return f"{costs}: it is no single stage, so the map has no row for it."
    return (
        f"{costs}; the map has '{first.stage}' first. The map takes one stage away at a time. The diagnosis counts "
        "stages of one kind together, and takes away first what slows all of them down."
    )


def write_advice(folder: Path, advice: Advice) -> None:
    """Keep the advice in the run folder."""
    write_text(folder / DIAGNOSIS, str(_ADVICE.dump_json(advice, indent=1), "utf-8"))


def read_advice(folder: Path) -> Advice | None:
    """The advice that lies in a run folder; None where there is none, or another version wrote it."""
    try:
        return _ADVICE.validate_json((folder / DIAGNOSIS).read_bytes())
    except (OSError, ValidationError):
        return None


_ADVICE = TypeAdapter(Advice)


def diagnose(
    record: Record, spans: pd.DataFrame | None, predictor: Predictor | None, limits: Thresholds | None = None
) -> list[Cause]:
    """What keeps a run from being faster (see `diagnosed`)."""
    return diagnosed(record, spans, predictor, limits)[0]


def diagnosed(
    record: Record, spans: pd.DataFrame | None, predictor: Predictor | None, limits: Thresholds | None = None
) -> tuple[list[Cause], Gap | None]:
    """What keeps a run from being faster, and how far it is from its ceiling.

    Args:
        record: Its record.
        spans: Its spans (`run_folder.read_spans`), where there are any.
        predictor: Predicts what the run would be without a cause; None: shares of the measured time are taken instead.
        limits: From where on something is called a cause.

    Returns:
        Causes, the one that costs most first; the first one is the diagnosis. Empty where the run failed, or timed no
        stages. And the gap; None there, and where stages count twice.
    """
    limits = limits or Thresholds()
    facts = gather(record, spans, limits)
    if facts is None:
        return [], None
    if twice := [lane for lane in facts.lanes if lane.explained > CLOSES_UP_TO]:
        sums = ", ".join(f"those of the {lane.lane} lane to {format_share(lane.explained)}" for lane in twice)
        sentence = f"Stages add up to more than the time there was, {sums}: find out first what is counted twice."
        return [Cause("breakdown does not close", None, sentence, 0.0)], None
    losses = Losses(facts, predictor and predictor.shortened(), limits)
    causes = [cause for rule in _RULES for cause in rule(facts, losses, limits)]
    gap = share_out(facts, causes)
    if gap.missing > limits.ceiling:
        causes = with_charges(facts, causes, gap)
        limits = _naming_one(limits, causes)
    found = _weighed(facts, losses, limits, causes)
    healthy = _healthy(facts, losses, limits, found, gap)
    return [healthy, *found] if healthy else found, gap


def _weighed(facts: Facts, losses: Losses, limits: Thresholds, causes: Sequence[Cause]) -> list[Cause]:
    """All causes that are worth mentioning, the one that costs most first; if none stands out, what bounds the run."""
    apart = [cause for cause in causes if cause.name in APART and cause.is_worth_mentioning(limits)]
    left = 1.0
    for cause in apart:
        left *= 1.0 - min(cause.cost, 1.0)
    rest = [cause for cause in causes if cause.name not in APART]
    rest = [replace(cause, cost=max(cause.charged, cause.cost * left)) if cause.stage else cause for cause in rest]
    found = [*apart, *rest, *loop_rules.start_up(facts, losses, limits)]
    found = [replace(cause, cost=min(max(cause.cost, 0.0), 1.0)) for cause in found]
    found = [cause for cause in found if cause.is_worth_mentioning(limits)]

    def rank(cause: Cause) -> tuple[bool, bool, float]:
        is_small = cause.cost < limits.stands_out
        return is_small, is_small and not cause.bounds, -cause.cost

    return sorted(found, key=rank)


def _naming_one(limits: Thresholds, causes: Sequence[Cause]) -> Thresholds:
    """A run that is not at its ceiling has a cause, however little it costs."""
    if any(cause.is_worth_mentioning(limits) for cause in causes):
        return limits
    return replace(limits, charged=max((cause.charged for cause in causes), default=limits.charged))


def _healthy(facts: Facts, losses: Losses, limits: Thresholds, found: list[Cause], gap: Gap) -> Cause | None:
    """Whether the run is at its ceiling, and nothing else is wrong; a device that is at work all the time is right."""
    if gap.missing > limits.ceiling and found:
        return None
    if found and (found[0].bounds or found[0].cost >= limits.stands_out):
        return None
    if (busy := loop_rules.matched(facts, losses, limits)) is not None:
        return busy
    shares = facts.wait_words
    if facts.main.background_busy > 0.0:
        shares += f", its background thread is at work {format_share(facts.main.background_busy)}"
    return Cause("healthy", None, f"The run is at its ceiling: {shares}.", 0.0)
