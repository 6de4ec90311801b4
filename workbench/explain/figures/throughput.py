"""How much do the runs scatter? Throughput of every trial, block by block."""

from __future__ import annotations

import plotly.graph_objects as go

from workbench.explain.figures.template import (
    BLUE,
    GREEN,
    INK,
    LEGEND_PX,
    ORANGE,
    PINK,
    RED,
    SKY,
    TEMPLATE,
    plain,
    simulated_note,
    titled,
)
from workbench.records import Comparison

_COLOURS = (INK, BLUE, ORANGE, GREEN, PINK, SKY, RED)
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")


def throughput(comparison: Comparison) -> go.Figure:
    """A line of points for every variant; where lines rise and fall together, the machine did it."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": 360, "margin": {"b": LEGEND_PX}})
    for number, one in enumerate(comparison.variants):
        rates = one.samples_per_s.per_block if one.samples_per_s else []
        figure.add_scatter(
            x=list(range(1, len(rates) + 1)),
            y=rates,
            name=plain(one.name),
            mode="lines+markers",
            line={"color": _COLOURS[number % len(_COLOURS)], "width": 1},
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 9},
        )
    simulated = simulated_note(any(one.simulated for one in comparison.variants))
    figure.update_layout(title=titled(_finding(comparison), "throughput of every trial, block by block", simulated))
    figure.update_xaxes(title="block", dtick=1)
    figure.update_yaxes(title="pages per second", rangemode="tozero")
    return figure


def _finding(comparison: Comparison) -> str:
    spreads = []
    for one in comparison.variants:
        rates = [rate for rate in (one.samples_per_s.per_block if one.samples_per_s else []) if rate is not None]
        if len(rates) > 1:
            spreads.append((max(rates) / min(rates) - 1, one.name))
    if not spreads:
        return "One trial of each says nothing of how they scatter"
    spread, name = max(spreads)
    return f"Trials scatter by up to {spread * 100:.0f} % (fastest over slowest, '{name}')"
