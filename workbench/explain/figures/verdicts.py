"""Which variant is faster? Speed-ups over the baseline with their intervals, and the band in which nothing matters."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from workbench.explain.figures.template import (
    BLUE,
    FAINT,
    GREEN,
    MUTED,
    RED,
    TEMPLATE,
    TITLE_PX,
    empty_figure,
    plain,
    simulated_note,
    titled,
)
from workbench.explain.verdicts.verdict_words import verdict_words
from workbench.records import Comparison, Policy, VariantResult
from workbench.units import format_ratio

COLOURS = {"faster": GREEN, "slower": RED, "no_difference": "#52606D", "inconclusive": BLUE, "failed": "#C81E1E"}
_SYMBOLS = {
    "faster": "circle", "slower": "square", "no_difference": "diamond", "inconclusive": "circle-open", "failed": "x",
}  # fmt: skip

#: Ratios that are read easily; on a short axis hundredths are marked instead, on a long one fewer.
_RATIOS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0)
_FEW_RATIOS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_LONG_AXIS = 8.0


def verdicts(comparison: Comparison) -> go.Figure:
    """A point with its interval for every variant; twice as fast is as far from 1 as half as fast."""
    compared = [one for one in comparison.variants if one.speedup is not None]
    if not compared:
        return empty_figure("No variant could be compared with the baseline.")
    height = TITLE_PX + 70 + 46 * len(compared)
    figure = go.Figure(layout={"template": TEMPLATE, "height": height, "showlegend": False})
    effect = 1.0 + comparison.policy.min_effect
    figure.add_vrect(x0=1 / effect, x1=effect, fillcolor=FAINT, line_width=0, layer="below")
    figure.add_vline(x=1.0, line={"color": MUTED, "width": 1}, layer="below")
    for one in compared:
        figure.add_scatter(**_point(one))
    figure.update_layout(title=_title(comparison, compared))
    low, high = _range(compared, comparison.policy)
    ticks = _ticks(low, high)
    figure.update_xaxes(
        type="log",
        title="times as fast as the baseline (grey: a difference that does not matter)",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}x" for tick in ticks],
    )
    # Half a row above the first point, for its label.
    figure.update_yaxes(range=[len(compared) - 0.5, -0.7], type="category")
    return figure


def _title(comparison: Comparison, compared: list[VariantResult]) -> dict[str, object]:
    faster = sum(one.verdict == "faster" for one in compared)
    count = f"{faster or 'None'} of {len(compared)} variants" if len(compared) > 1 else f"'{compared[0].name}'"
    verb = "are" if faster > 1 else "is"
    negated = " not shown to be" if len(compared) == 1 and not faster else ""
    blocks = f"{comparison.num_blocks} block{'s' if comparison.num_blocks != 1 else ''}"
    return titled(
        f"{count} {verb}{negated} faster than '{comparison.baseline}'",
        f"speed-up with its {comparison.policy.confidence * 100:g} % interval from {blocks}",
        simulated_note(any(one.simulated for one in comparison.variants)),
    )


def _range(compared: list[VariantResult], policy: Policy) -> tuple[float, float]:
    """Ends of the axis: all intervals and the band around 1, with room for the labels."""
    ends = [1 / (1 + 2 * policy.min_effect), 1 + 2 * policy.min_effect]
    for one in compared:
        assert one.speedup is not None
        ends += [one.speedup.estimate, *(one.speedup.ci95 or ())]
    low, high = min(ends), max(ends)
    room = (high / low) ** 0.12
    return low / room, high * room


def _ticks(low: float, high: float) -> list[float]:
    if high / low > 1.6:
        return [ratio for ratio in (_FEW_RATIOS if high / low > _LONG_AXIS else _RATIOS) if low <= ratio <= high]
    step = next(step for step in (0.01, 0.02, 0.05, 0.1) if (high - low) / step <= 8)
    first, last = math.ceil((low - 1) / step), math.floor((high - 1) / step)
    return [round(1 + number * step, 2) for number in range(first, last + 1)]


def _point(one: VariantResult) -> dict[str, object]:
    assert one.speedup is not None
    verdict = one.verdict or "inconclusive"
    low, high = one.speedup.ci95 or (one.speedup.estimate, one.speedup.estimate)
    interval = "" if one.speedup.ci95 is None else f" [{low:.2f}, {high:.2f}]"
    return {
        "x": [one.speedup.estimate],
        "y": [f"{plain(one.name)} "],
        "mode": "markers+text",
        "text": [f"{format_ratio(one.speedup.estimate)}{interval}: {verdict_words(one)}"],
        "meta": {"narrow_text": [f"{format_ratio(one.speedup.estimate)}{interval}"]},  # no room for more on a phone
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"color": COLOURS[verdict], "size": 11, "symbol": _SYMBOLS[verdict], "line": {"width": 2}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - one.speedup.estimate],
            "arrayminus": [one.speedup.estimate - low],
            "color": COLOURS[verdict],
        },
        "hovertemplate": "%{text}<extra></extra>",
    }
