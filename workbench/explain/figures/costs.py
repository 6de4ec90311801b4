"""At what price? Memory of the process tree and time to start, variant by variant."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.explain.figures.template import (
    BLUE,
    FAINT,
    LEGEND_PX,
    ORANGE,
    SKY,
    TEMPLATE,
    TITLE_PX,
    plain,
    simulated_note,
    titled,
)
from workbench.records import Comparison, VariantResult
from workbench.units import format_bytes, format_duration

#: Room to the right of the longest bar for what is written there, as a share of it.
_ROOM = 1.0


def costs(comparison: Comparison) -> go.Figure:
    """Two bars for every variant: peak memory with the cache's part, and start-up with the filling of the cache.

    What was not measured has no bar, and says so.
    """
    variants = comparison.variants
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.07)
    figure.update_layout(
        template=TEMPLATE,
        barmode="stack",
        height=TITLE_PX + 56 + LEGEND_PX + 36 * len(variants),
        margin_b=LEGEND_PX,
        legend_traceorder="normal",
        meta={"narrow": _narrow(len(variants))},
        title=titled(
            _finding(variants, comparison.baseline),
            "memory: PSS of the whole process tree, pages shared by processes once",
            simulated_note(any(one.simulated for one in variants)),
        ),
    )
    _bars(figure, 1, variants, [_memory(one) for one in variants], ("processes", "pages in the cache"), (FAINT, BLUE))
    legend = ("imports, workers, warm-up", "filling the cache")
    _bars(figure, 2, variants, [_startup(one) for one in variants], legend, (SKY, ORANGE))
    for column, title, values in (
        (1, "peak memory (GB)", [_memory(one) for one in variants]),
        (2, "start-up (s)", [_startup(one) for one in variants]),
    ):
        longest = max((sum(parts) for parts in values if parts), default=1.0)
        figure.update_xaxes(title=title, range=[0, longest * (1 + _ROOM)], row=1, col=column)
    for one in variants:
        _write(figure, 1, one, _memory(one), format_bytes(one.memory.peak_pss_bytes))
        _write(figure, 2, one, _startup(one), _told_startup(one))
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _narrow(num_variants: int) -> dict[str, object]:
    """What the layout changes where there is no room for two drawings side by side: they stand below each other."""
    return {
        "height": 2 * (TITLE_PX + 56 + 36 * num_variants),
        "xaxis.domain": [0.0, 1.0],
        "yaxis.domain": [0.6, 1.0],
        "xaxis2.domain": [0.0, 1.0],
        "yaxis2.domain": [0.0, 0.4],
        "yaxis2.showticklabels": True,
    }


def _memory(one: VariantResult) -> tuple[float, float] | None:
    """GB of the processes and of the cache's pages, which are among them."""
    if one.memory.peak_pss_bytes is None:
        return None
    cache = min(one.memory.cache_bytes or 0, one.memory.peak_pss_bytes)
    return (one.memory.peak_pss_bytes - cache) / 1e9, cache / 1e9


def _startup(one: VariantResult) -> tuple[float, float] | None:
    """Seconds before the first counted step without and with filling the cache."""
    if one.startup_s is None:
        return None
    fill = min(one.cache_fill_s or 0.0, one.startup_s)
    return one.startup_s - fill, fill


def _told_startup(one: VariantResult) -> str:
    pays = one.break_even_epochs
    told = format_duration(one.startup_s)
    return told if pays is None else f"{told}<br>pays after {pays:.2g} epoch{'s' if pays != 1 else ''}"


def _bars(
    figure: go.Figure,
    column: int,
    variants: list[VariantResult],
    values: list[tuple[float, float] | None],
    names: tuple[str, str],
    colours: tuple[str, str],
) -> None:
    for number, (name, colour) in enumerate(zip(names, colours, strict=True)):
        lengths = [None if parts is None else parts[number] for parts in values]
        figure.add_bar(
            x=lengths,
            y=[_label(one) for one in variants],
            name=name,
            orientation="h",
            marker_color=colour,
            showlegend=any(lengths),
            row=1,
            col=column,
        )


def _write(figure: go.Figure, column: int, one: VariantResult, parts: tuple[float, float] | None, text: str) -> None:
    figure.add_annotation(
        x=sum(parts) if parts else 0.0, y=_label(one), text=text, row=1, col=column,
        showarrow=False, xanchor="left", xshift=4, font={"size": 11}, align="left",
    )  # fmt: skip


def _label(one: VariantResult) -> str:
    return f"{plain(one.name)} (failed) " if one.failure else f"{plain(one.name)} "


def _finding(variants: list[VariantResult], baseline: str) -> str:
    base = next((one for one in variants if one.name == baseline), None)
    measured = [one for one in variants if one is not base and one.memory.peak_pss_bytes and one.startup_s is not None]
    if base is None or not base.memory.peak_pss_bytes or base.startup_s is None or not measured:
        return "What it costs: memory and start-up"
    largest = max(measured, key=lambda one: one.memory.peak_pss_bytes or 0)
    ratio = (largest.memory.peak_pss_bytes or 0) / base.memory.peak_pss_bytes
    slowest = max(measured, key=lambda one: one.startup_s or 0.0)
    extra = (slowest.startup_s or 0.0) - base.startup_s
    memory = f"more than {ratio:.2f}x the memory of '{baseline}'" if ratio > 1 else f"more memory than '{baseline}'"
    start = f"starts more than {format_duration(extra)} later" if extra > 0 else "starts later"
    return f"No variant takes {memory}, or {start}"
