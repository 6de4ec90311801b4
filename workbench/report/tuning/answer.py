"""The answer of a search: what was confirmed, and what can be had for less memory or less start-up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.explain.tuning.limits import broken
from workbench.explain.tuning.trades import pareto
from workbench.explain.verdicts.effect import rate
from workbench.records import Interval, Trade, TuneLimits, VariantResult, Verdict
from workbench.report.tuning.blocks import Compared
from workbench.report.tuning.chosen import Chosen

#: Where the winner may still be this many times as fast as the baseline, or more, "nothing to gain" is no answer.
_WORTH_MORE_TIME = 1.10

#: A table of more rows is none that anybody reads.
_MOST_ROWS = 6


def describe_answer(
    baseline: Chosen,
    compared: Iterable[Chosen],
    winner: Chosen | None,
    confirmed: Compared | None,
    limits: TuneLimits,
    *,
    is_short: bool,
) -> dict[str, Any]:
    """The fields of `tune.json` that hold the answer.

    Args:
        baseline: The baseline itself, with its trials.
        compared: What was compared.
        winner: The best of it by the blocks that chose.
        confirmed: The fresh comparison of the winner with the baseline; None: there was none.
        limits: What a setting has to keep to.
        is_short: Whether there was more that was worth comparing.
    """
    variant = confirmed.comparison.others[0] if confirmed is not None and confirmed.comparison.others else None
    rows = [
        _trade(one, baseline)
        for one in compared
        if one.speedup is not None
        and not one.failure
        and broken(limits, one.memory_bytes, one.startup_s, one.result)[0] is None
        and (winner is None or one.setting != winner.setting)
    ]
    if winner is not None and winner.speedup is not None:
        rows.append(_trade(winner, baseline) if variant is None else _confirmed(winner, variant))
    base = Trade(
        settings={},
        speedup=Interval(estimate=1.0, ci95=None),
        is_confirmed=True,
        memory_bytes=baseline.memory_bytes,
        startup_s=baseline.startup_s,
        result="same",
    )
    is_promising = winner is not None and winner.log_ratio > 0.0
    is_open = variant is None and (is_promising or (not rows and is_short))
    is_open = is_open or (variant is not None and not is_answer(variant))
    return {
        "winner": None if winner is None else winner.setting,
        "verdict": None if variant is None else variant.verdict,
        "gain": None if variant is None else variant.speedup,
        "trades": _short(pareto([base, *rows])),
        "stop": "no_time" if is_open else "done",
    }


def is_answer(variant: VariantResult) -> bool:
    """Whether a fresh comparison says enough of the winner: it failed, has a verdict, or gains little at the most."""
    if variant.failure is not None:
        return True
    return variant.speedup is not None and settles(variant.speedup, variant.verdict)


def settles(speedup: Interval, verdict: Verdict | None) -> bool:
    """Whether a speed-up, with the verdict on it, leaves nothing open that is worth more time."""
    return speedup.ci95 is not None and (verdict != "inconclusive" or speedup.ci95[1] < _WORTH_MORE_TIME)


def _short(trades: list[Trade]) -> list[Trade]:
    """The first few rows, with the baseline in any case."""
    shown = trades[:_MOST_ROWS]
    baseline = [trade for trade in trades if not trade.settings]
    return shown if baseline[0] in shown else [*shown[:-1], *baseline]


def _trade(one: Chosen, baseline: Chosen) -> Trade:
    assert one.speedup is not None
    return Trade(
        settings=one.setting,
        speedup=one.speedup,
        is_confirmed=False,
        memory_bytes=one.memory_bytes,
        startup_s=one.startup_s,
        break_even_epochs=_break_even(one, baseline),
        result=one.result,
    )


def _confirmed(one: Chosen, variant: VariantResult) -> Trade:
    return Trade(
        settings=one.setting,
        speedup=variant.speedup or Interval(estimate=1.0, ci95=None),
        is_confirmed=True,
        memory_bytes=one.memory_bytes,
        startup_s=one.startup_s,
        break_even_epochs=variant.break_even_epochs,
        result=variant.checks.status if variant.checks is not None else one.result,
    )


def _break_even(one: Chosen, baseline: Chosen) -> float | None:
    """Epochs until its extra start-up has paid; None where there is none, or an epoch saves nothing."""
    record = baseline.records[0]
    described = record.description
    if one.startup_s is None or baseline.startup_s is None or described is None or one.speedup is None:
        return None
    epoch_s = (described.epoch_samples or described.num_samples) / rate(record)
    extra_s, saved_s = one.startup_s - baseline.startup_s, epoch_s * (1.0 - 1.0 / one.speedup.estimate)
    return extra_s / saved_s if extra_s > 0.0 and saved_s > 0.0 else None
