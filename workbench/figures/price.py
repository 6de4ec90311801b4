"""At what price? Memory of the process tree and time to start, variant by variant."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.template import BLUE, FAINT, LEGEND_PX, ORANGE, SKY, TEMPLATE
from workbench.records import Comparison


def price(comparison: Comparison) -> go.Figure:
    """Two bars for every variant: peak memory with the cache's part, and start-up with the filling of the cache."""
    names = [f"{one.name} " for one in comparison.variants]
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    cache = [(one.memory.cache_bytes or 0) / 1e9 for one in comparison.variants]
    peak = [(one.memory.peak_pss_bytes or 0) / 1e9 for one in comparison.variants]
    rest = [max(total - part, 0.0) for total, part in zip(peak, cache, strict=True)]
    fill = [one.cache_fill_s or 0.0 for one in comparison.variants]
    start = [max((one.startup_s or 0.0) - part, 0.0) for one, part in zip(comparison.variants, fill, strict=True)]
    for column, name, values, colour in (
        (1, "processes", rest, FAINT),
        (1, "pages in the cache", cache, BLUE),
        (2, "imports, workers, warm-up", start, SKY),
        (2, "filling the cache", fill, ORANGE),
    ):
        figure.add_bar(x=values, y=names, name=name, orientation="h", marker_color=colour, row=1, col=column)
    figure.update_layout(
        template=TEMPLATE,
        barmode="stack",
        height=120 + LEGEND_PX + 36 * len(names),
        margin_b=LEGEND_PX,
        legend_traceorder="normal",
        title="The price: memory (PSS of the whole process tree, shared pages once) and start-up",
    )
    figure.update_xaxes(title="peak memory (GB)", row=1, col=1)
    figure.update_xaxes(title="start-up (s)", row=1, col=2)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
