"""What would the whole run gain if a stage were free? BackgroundThread it, the share of the work that a table would show."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from workbench.explain.figures.template import MUTED, SIMULATED_PATTERN, TEMPLATE, TITLE_PX, plain, stage_colour, titled
from workbench.explain.prediction.gain_map import StageGain, format_gain
from workbench.units import format_share

#: Stages that cost less than this share of the work, and whose end would gain less, need no row.
_WORTH_A_ROW = 0.005


def gain_map(gains: Sequence[StageGain]) -> go.Figure:
    """A row a stage: a bar for the gain of the whole run were it free, with its interval; a dot for its share."""
    shown = [one for one in gains if max(one.share or 0.0, one.free.estimate) >= _WORTH_A_ROW]
    stages = [plain(one.stage) for one in shown]
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 90 + 30 * len(shown)})
    figure.add_bar(
        name="gain of the whole run if the stage were free (simulated)",
        orientation="h",
        y=stages,
        x=[one.free.estimate * 100 for one in shown],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(one.free.high - one.free.estimate) * 100 for one in shown],
            "arrayminus": [(one.free.estimate - one.free.low) * 100 for one in shown],
            "color": MUTED,
        },
        marker={"color": [stage_colour(one.stage) for one in shown], "pattern": SIMULATED_PATTERN},
        customdata=[format_gain(one.free) for one in shown],
        hovertemplate="<b>%{y}</b> free: %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        name="its share of the work on cores (what a table of shares shows)",
        mode="markers",
        y=stages,
        x=[None if one.share is None else one.share * 100 for one in shown],
        marker={"symbol": "diamond-open", "size": 10, "color": "#1F2933", "line": {"width": 2}},
        hovertemplate="<b>%{y}</b>: %{x:.1f} % of the work<extra></extra>",
    )
    figure.update_layout(title=titled(_finding(shown), "simulated from this run; the interval holds 90 %"))
    figure.update_xaxes(title="gain in pages per second, and share of the work (%)")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _finding(gains: Sequence[StageGain]) -> str:
    if not gains:
        return "No single stage would gain anything"
    best = gains[0]
    share = "" if best.share is None else f" (it is {format_share(best.share)} of the work)"
    return f"'{plain(best.stage)}' for free would gain {format_share(best.free.estimate)} end to end{share}"
