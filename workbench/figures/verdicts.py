"""Which variant is faster? Speed-ups over the baseline with their intervals, and the band in which nothing matters."""

from __future__ import annotations

import plotly.graph_objects as go

from workbench.figures.template import BLUE, FAINT, GREEN, MUTED, RED, TEMPLATE, empty_figure
from workbench.records import Comparison, VariantResult
from workbench.units import format_ratio

COLOURS = {"faster": GREEN, "slower": RED, "no_difference": MUTED, "inconclusive": BLUE, "failed": "#C81E1E"}
_SYMBOLS = {
    "faster": "circle", "slower": "square", "no_difference": "diamond", "inconclusive": "circle-open", "failed": "x",
}  # fmt: skip


def verdicts(comparison: Comparison) -> go.Figure:
    """A point with its 95 % interval for every variant; twice as fast is as far from 1 as half as fast."""
    raced = [one for one in comparison.variants if one.speedup is not None]
    if not raced:
        return empty_figure("No variant could be compared with the baseline.")
    figure = go.Figure(layout={"template": TEMPLATE, "height": 140 + 46 * len(raced), "showlegend": False})
    effect = 1.0 + comparison.policy.min_effect
    figure.add_vrect(x0=1 / effect, x1=effect, fillcolor=FAINT, line_width=0, layer="below")
    figure.add_vline(x=1.0, line={"color": MUTED, "width": 1})
    for one in raced:
        figure.add_scatter(**_point(one))
    simulated = "; device simulated" if any(one.simulated for one in raced) else ""
    figure.update_layout(
        title=f"Speed-up over '{comparison.baseline}' ({comparison.num_blocks} blocks, 95 % intervals{simulated})"
    )
    title = "times as fast as the baseline (grey: a difference that does not matter)"
    figure.update_xaxes(type="log", title=title, dtick="D1")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _point(one: VariantResult) -> dict[str, object]:
    assert one.speedup is not None
    verdict = one.verdict or "inconclusive"
    low, high = one.speedup.ci95 or (one.speedup.estimate, one.speedup.estimate)
    interval = "" if one.speedup.ci95 is None else f" [{low:.2f}, {high:.2f}]"
    return {
        "x": [one.speedup.estimate],
        "y": [f"{one.name} "],
        "mode": "markers+text",
        "text": [f"{format_ratio(one.speedup.estimate)}{interval}: {verdict.replace('_', ' ')}"],
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
