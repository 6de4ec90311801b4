"""The diagnosis: what keeps a run from being faster, the dearest cause first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from workbench.errors import BadInput
from workbench.explain.breakdown import CLOSES_UP_TO, break_down
from workbench.explain.diagnosis import rules
from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.facts import Facts, gather
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.diagnosis.measures import blocked_share, rare_share
from workbench.explain.diagnosis.thresholds import Thresholds
from workbench.explain.prediction.predictor import Predictor
from workbench.records import Record
from workbench.units import format_share

Rule = Callable[[Facts, Losses, Thresholds], Iterator[Cause]]

#: They explain time that stages take, so what they explain is not held against the stages again.
_APART: tuple[Rule, ...] = (rules.slow_worker, rules.worker_start)

_REST: tuple[Rule, ...] = (
    rules.unexplained,
    rules.loading,
    rules.rare_pages,
    rules.blocked,
    rules.oversubscribed,
    rules.sending,
    rules.transfer,
    rules.results,
    rules.cache,
    rules.epoch_ends,
    rules.device,
)

#: A diagnosis asks some forty times what if; of a long run so many steps tell what bounds it.
_MOST_STEPS = 400


def predictor_for(record: Record, spans: pd.DataFrame | None) -> Predictor | None:
    """What predicts changes of a run; None where its record doesn't tell what that needs."""
    if spans is None:
        return None
    try:
        predictor = Predictor(record, spans)
    except BadInput:
        return None
    config = predictor.model.config
    if config.num_steps > _MOST_STEPS:
        predictor.model = replace(predictor.model, config=replace(config, num_steps=_MOST_STEPS))
        predictor.before = predictor.outcomes(predictor.model)
    return predictor


def diagnose(
    record: Record, spans: pd.DataFrame | None, predictor: Predictor | None, limits: Thresholds | None = None
) -> list[Cause]:
    """What keeps a run from being faster.

    Args:
        record: Its record.
        spans: Its spans (`run_store.read_spans`), where there are any.
        predictor: Foretells what the run would be without a cause; None: shares of the measured time stand in.
        limits: From where on something is called a cause.

    Returns:
        Causes, the dearest first; the first one is the diagnosis. Empty where the run failed, or timed no stages.
    """
    limits = limits or Thresholds()
    facts = gather(record, spans)
    if facts is None:
        return []
    if twice := [lane for lane in break_down(record) if lane.explained > CLOSES_UP_TO]:
        told = ", ".join(f"those of the {lane.lane} lane to {format_share(lane.explained)}" for lane in twice)
        sentence = f"Stages add up to more than the time there was, {told}: find out first what is counted twice."
        return [Cause("breakdown does not close", None, sentence, 0.0)]
    losses = Losses(
        facts,
        predictor,
        rare_page=limits.rare_page,
        rare=rare_share(facts, limits) or 0.0,
        blocked=share if (share := blocked_share(facts)) >= limits.blocked else 0.0,
    )
    found = _weighed(facts, losses, limits)
    if healthy := _healthy(facts, losses, limits, found):
        return [healthy, *found]
    return found


def _weighed(facts: Facts, losses: Losses, limits: Thresholds) -> list[Cause]:
    """All causes that are worth a word, the dearest first."""
    apart = [cause for rule in _APART for cause in rule(facts, losses, limits) if cause.severity >= limits.notable]
    left = 1.0
    for cause in apart:
        left *= 1.0 - min(cause.severity, 1.0)
    rest = [replace(cause, severity=cause.severity * left) for rule in _REST for cause in rule(facts, losses, limits)]
    found = [*apart, *rest, *rules.start_up(facts, losses, limits)]
    found = [replace(cause, severity=min(cause.severity, 1.0)) for cause in found if cause.severity >= limits.notable]
    return sorted(found, key=lambda cause: -cause.severity)


def _healthy(facts: Facts, losses: Losses, limits: Thresholds, found: list[Cause]) -> Cause | None:
    """Whether nothing is wrong; a device at work all the time is right, as long as all else is matched to it."""
    if found and found[0].severity >= limits.stands_out:
        return None
    if (busy := rules.matched(facts, losses, limits)) is not None:
        return busy
    shares = (
        f"the device is at work {format_share(facts.device_busy)} of the time, the main process waits for pages "
        f"{format_share(facts.wait)}"
    )
    if not found:
        return Cause("healthy", None, f"Nothing stands out: {shares}.", 0.0)
    largest = f"the dearest cause ({found[0].title}) costs {format_share(found[0].severity)} of the time"
    return Cause("healthy", None, f"Nothing stands out: {largest}; {shares}.", 0.0)
