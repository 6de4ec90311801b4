"""Predictions as tables: the map of gains, and predicted beside measured."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from workbench.explain.figures.html_table import html_table
from workbench.explain.prediction.gain_map import Ceilings, StageGain, format_gain
from workbench.records import Comparison, Interval, PredictedValue, Prediction
from workbench.units import format_duration, format_rate, format_ratio, format_share


def gain_table(gains: Sequence[StageGain]) -> str:
    """A row a stage: what it costs, what a table of shares would say, and what its end would gain."""
    head = ("stage", "a page", "share of the work", "gain if free", "gain if half", "settings that address it")
    rows = [
        (
            escape(one.stage),
            format_duration(one.per_sample_s),
            "-" if one.share is None else format_share(one.share),
            format_gain(one.free),
            format_gain(one.half),
            ", ".join(f"<code>{escape(knob)}</code>" for knob in one.knobs) or "-",
        )
        for one in gains
    ]
    told = "Costs: on a core of its own, calibrated from this run. Gains: of the whole run, simulated, 90 % interval."
    return html_table(head, rows, caption=told, is_wide=True)


def ceiling_lines(found: Ceilings) -> list[str]:
    """How far the run is from what bounds it."""
    lines = []
    if found.device is not None:
        lines.append(
            f"Were everything but the device free: {format_rate(found.device)}. The run reaches "
            f"{format_share(found.measured / found.device)} of that."
        )
    lines.append(f"Were everything but loading free: {format_rate(found.loader)}.")
    lines.append(f"Were everything but the main process free: {format_rate(found.main)}.")
    return lines


def answer_table(answers: Sequence[Prediction]) -> str:
    """A row a question."""
    head = ("what if", "predicted gain", "predicted throughput", "bounded by then")
    rows = [
        (escape(", ".join(one.questions)), format_gain(one.gain), _rate(one.samples_per_s), escape(one.limited_by))
        for one in answers
    ]
    return html_table(head, rows, caption="Simulated from this run, with the interval that holds 90 %.", is_wide=True)


def predictions_table(comparison: Comparison) -> str:
    """A row a variant: what the baseline's first run predicted, what was measured, and whether it was inside."""
    head = ("variant", "predicted", "measured", "error", "inside the interval?")
    rows = []
    for one in comparison.variants:
        if one.name == comparison.baseline:
            continue
        measured = one.samples_per_s.median if one.samples_per_s is not None else None
        if one.predicted is None:
            why = one.not_predicted or "nothing was predicted"
            rows.append((escape(one.name), escape(why), _measured(measured, one.speedup), "-", "-"))
            continue
        rate = one.predicted.samples_per_s
        error = "-" if measured is None else f"{(rate.estimate / measured - 1.0) * 100:+.1f} %"
        inside = "-" if measured is None else "yes" if rate.low <= measured <= rate.high else "no"
        rows.append((escape(one.name), _rate(rate), _measured(measured, one.speedup), error, inside))
    told = "PredictedValue: simulated from the first run of the baseline alone, with the interval that holds 90 %."
    return html_table(head, rows, caption=told, is_wide=True)


def _measured(rate: float | None, speedup: Interval | None) -> str:
    factor = f" ({format_ratio(speedup.estimate)})" if speedup is not None else ""
    return f"{format_rate(rate)}{factor}"


def _rate(rate: PredictedValue) -> str:
    return f"{format_rate(rate.estimate)} [{rate.low:.1f}, {rate.high:.1f}]"
