"""How sure is it by now? The interval of every speed-up, block by block, as it narrows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from workbench.explain.figures.template import (
    BLUE,
    FAINT,
    GREEN,
    LEGEND_PX,
    MUTED,
    ORANGE,
    PINK,
    RED,
    SKY,
    TEMPLATE,
    TITLE_PX,
    plain,
    titled,
)
from workbench.explain.verdicts.comparison import compare
from workbench.records import Policy, Record, VariantResult

_COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)

#: Ratios that are marked on a short axis, and on one that reaches over more than `_LONG`.
_FINE = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
_COARSE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_LONG = 6.0

#: Room beyond the latest intervals, as a factor. The first ones reach so far that the later ones would be flat lines.
_ROOM = 1.3

#: Blocks done, estimate, and both ends of the interval.
Step = tuple[int, float, float, float]


def narrowing(records: Mapping[str, Sequence[Record]], *, policy: Policy, most_blocks: int, seed: int) -> go.Figure:
    """A band for every variant: its interval after each block.

    Args:
        records: By variant, the baseline first, in the order of the blocks: those so far.
        policy: By which the variants are judged.
        most_blocks: Blocks that there can be.
        seed: Seed of the order.
    """
    baseline = next(iter(records))
    num_blocks = max((len(own) for own in records.values()), default=0)
    by_block = [
        compare(
            {name: own[: block + 1] for name, own in records.items()},
            baseline=baseline, order=[list(records)] * (block + 1), seed=seed, policy=policy,
        ).variants
        for block in range(num_blocks)
    ]  # fmt: skip
    paths = {name: _path(name, by_block) for name in records if name != baseline}
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 240 + LEGEND_PX, "margin": {"b": LEGEND_PX}})
    effect = 1.0 + policy.min_effect
    figure.add_hrect(y0=1 / effect, y1=effect, fillcolor=FAINT, line_width=0, layer="below")
    figure.add_hline(y=1.0, line={"color": MUTED, "width": 1}, layer="below")
    for number, (name, path) in enumerate(paths.items()):
        if path:
            _add_band(figure, name, path, _COLOURS[number % len(_COLOURS)])
    told = f"{policy.confidence * 100:g} % intervals after each block; grey: a difference that does not matter"
    figure.update_layout(title=titled(_finding(by_block, policy), told))
    low, high = _range([path[-1] for path in paths.values() if path], effect)
    ticks = [tick for tick in (_FINE if high / low < _LONG else _COARSE) if low <= tick <= high]
    figure.update_xaxes(title="blocks done", dtick=1, range=[0.8, max(most_blocks, 2) + 0.2])
    figure.update_yaxes(
        title="times as fast",
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}x" for tick in ticks],
    )
    return figure


def _path(name: str, by_block: Sequence[Sequence[VariantResult]]) -> list[Step]:
    """The steps of a variant, wherever there is an interval."""
    return [
        (block, one.speedup.estimate, *one.speedup.ci95)
        for block, variants in enumerate(by_block, start=1)
        for one in variants
        if one.name == name and one.speedup is not None and one.speedup.ci95 is not None
    ]


def _range(latest: Sequence[Step], effect: float) -> tuple[float, float]:
    """Ends of the axis: the latest intervals and the band around 1, with room."""
    ends = [1 / effect, effect, *(end for _, _, *interval in latest for end in interval)]
    return min(ends) / _ROOM, max(ends) * _ROOM


def _add_band(figure: go.Figure, name: str, path: Sequence[Step], colour: str) -> None:
    blocks = [block for block, *_ in path]
    figure.add_scatter(
        x=[*blocks, *reversed(blocks)],
        y=[high for *_, high in path] + [low for _, _, low, _ in reversed(path)],
        fill="toself", mode="lines", line={"width": 0}, fillcolor=colour, opacity=0.18, hoverinfo="skip",
        showlegend=False, legendgroup=name,
    )  # fmt: skip
    figure.add_scatter(
        x=blocks,
        y=[estimate for _, estimate, _, _ in path],
        customdata=[[low, high] for _, _, low, high in path],
        name=plain(name), mode="lines+markers", line={"color": colour}, legendgroup=name, showlegend=True,
        hovertemplate=f"{plain(name)}: %{{y:.2f}}x [%{{customdata[0]:.2f}}, %{{customdata[1]:.2f}}]<extra></extra>",
    )  # fmt: skip


def _finding(by_block: Sequence[Sequence[VariantResult]], policy: Policy) -> str:
    compared = [one for one in by_block[-1] if one.speedup is not None] if by_block else []
    if not any(one.speedup and one.speedup.ci95 for one in compared):
        return f"The first interval is there after block {policy.min_blocks}"
    decided = [one for one in compared if one.verdict in ("faster", "slower", "no_difference")]
    return f"{len(decided)} of {len(compared)} verdicts are clear by now"
