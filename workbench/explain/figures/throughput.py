"""How much do trials scatter, and how sure is it by now? Throughput block by block, and intervals as they narrow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.explain.figures.description import describe, simulated_note
from workbench.explain.figures.template import FAINT, INK, LEGEND_PX, MUTED, SERIES, TEMPLATE, TITLE_PX, plain
from workbench.explain.table import Cell, Table, make_table, number
from workbench.explain.verdicts.comparison import has_failed
from workbench.explain.verdicts.effect import estimate, verdict_of
from workbench.explain.verdicts.strata import judged_log_ratios
from workbench.explain.words.items import item_of
from workbench.records import Comparison, Policy, Record
from workbench.units import counted, format_number, format_ratio

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")

#: Ratios that are marked on a short axis, and on one that reaches over more than `_LONG`.
_FINE = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
_COARSE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_LONG = 6.0

#: Room beyond the latest intervals, as a factor. The first ones reach so far that the later ones would be flat lines.
_ROOM = 1.3


@dataclass(frozen=True)
class TrialRates:
    """Throughput of every trial of a comparison.

    Attributes:
        rates: By variant, block by block, in samples per second; None for a trial that failed.
        item: What one sample is called.
        is_simulated: Whether a figure rests on the replay device.
    """

    rates: Mapping[str, Sequence[float | None]]
    item: str
    is_simulated: bool

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        spreads = []
        for name, rates in self.rates.items():
            known = [rate for rate in rates if rate is not None]
            if len(known) > 1:
                spreads.append((max(known) / min(known) - 1, name))
        if not spreads:
            return "One trial of each says nothing of how they scatter"
        spread, name = max(spreads)
        return f"Trials of '{name}' differ by up to {spread * 100:.0f} % (fastest over slowest)"

    def table(self) -> Table:
        """A row for each trial."""
        rows = [
            (name, number(str(block)), number(format_number(rate)))
            for name, rates in self.rates.items()
            for block, rate in enumerate(rates, start=1)
            if rate is not None
        ]
        return make_table(("variant", "block", f"{self.item}s/s"), rows)


def trial_rates(comparison: Comparison) -> TrialRates:
    """The throughput of every trial."""
    variants = comparison.variants
    return TrialRates(
        rates={v.name: v.samples_per_s.per_block if v.samples_per_s else [] for v in variants},
        item=item_of(comparison),
        is_simulated=any(variant.simulated for variant in variants),
    )


def throughput(comparison: Comparison) -> go.Figure:
    """The throughput of every trial of a comparison."""
    return draw_throughput(trial_rates(comparison))


def draw_throughput(data: TrialRates) -> go.Figure:
    """A line of points for every variant; where lines rise and fall together, the machine did it."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": 360, "margin": {"b": LEGEND_PX}})
    colours = (INK, *SERIES)
    for count, (name, rates) in enumerate(data.rates.items()):
        figure.add_scatter(
            x=list(range(1, len(rates) + 1)),
            y=list(rates),
            name=plain(name),
            mode="lines+markers",
            line={"color": colours[count % len(colours)], "width": 1},
            marker={"symbol": _SYMBOLS[count % len(_SYMBOLS)], "size": 9},
        )
    figure.update_xaxes(title="block", dtick=1)
    figure.update_yaxes(title=f"{plain(data.item)}s per second", rangemode="tozero")
    return describe(
        figure,
        data.finding,
        "throughput of every trial, block by block",
        simulated_note(data.is_simulated),
        axes=f"{data.item}s per second by block",
        table=data.table(),
    )


@dataclass(frozen=True)
class Effect:
    """A variant's speed-up after some blocks.

    Attributes:
        block: After how many.
        estimate: The speed-up over the baseline.
        interval: Its interval; None where there are too few blocks for one.
        is_decided: Whether the verdict is clear by then.
    """

    block: int
    estimate: float
    interval: tuple[float, float] | None
    is_decided: bool


@dataclass(frozen=True)
class Narrowing:
    """The speed-up of every variant after each block.

    Attributes:
        effects: By variant, after each block that has one.
        policy: By which they are judged.
        most_blocks: Blocks that there can be.
    """

    effects: Mapping[str, Sequence[Effect]]
    policy: Policy
    most_blocks: int

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        latest = [own[-1] for own in self.effects.values() if own]
        if not any(effect.interval for effect in latest):
            return f"The first interval is there after block {self.policy.min_blocks}"
        return f"{sum(effect.is_decided for effect in latest)} of {counted(len(latest), 'verdict')} clear by now"

    def table(self) -> Table:
        """A row for each variant and block."""
        rows: list[tuple[Cell | str, ...]] = [
            (name, *map(number, (str(effect.block), format_ratio(effect.estimate), "{:.2f} to {:.2f}".format(*ends))))
            for name, own in self.effects.items()
            for effect in own
            if (ends := effect.interval) is not None
        ]
        return make_table(("variant", "blocks", "times as fast", "interval"), rows)


def effects_by_block(records: Mapping[str, Sequence[Record]], policy: Policy) -> dict[str, list[Effect]]:
    """The speed-up of every variant over the first one, after each block.

    Args:
        records: By variant, the baseline first, in the order of the blocks: those so far.
        policy: By which the variants are judged.
    """
    base, *others = records
    found: dict[str, list[Effect]] = {name: [] for name in others}
    for block in range(1, max(map(len, records.values()), default=0) + 1):
        baseline = records[base][:block]
        ratios = {name: judged_log_ratios(records[name][:block], baseline) for name in others}
        for name in others:
            own, rest = records[name][:block], [its for other, its in ratios.items() if other != name]
            speedup = estimate(ratios[name], policy, num_compared=len(others), others=rest)
            if speedup is not None and len(own) == block:
                is_sound = not has_failed(own) and not has_failed(baseline)
                is_decided = is_sound and verdict_of(speedup, policy) != "inconclusive"
                found[name].append(Effect(block, speedup.estimate, speedup.ci95, is_decided))
    return found


def narrowing(records: Mapping[str, Sequence[Record]], *, policy: Policy, most_blocks: int) -> go.Figure:
    """The intervals of a comparison so far (see `effects_by_block` and `Narrowing`)."""
    return draw_narrowing(Narrowing(effects_by_block(records, policy), policy, most_blocks))


def draw_narrowing(data: Narrowing) -> go.Figure:
    """A band for every variant: its interval after each block."""
    policy = data.policy
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 240 + LEGEND_PX, "margin": {"b": LEGEND_PX}})
    effect = 1.0 + policy.min_effect
    figure.add_hrect(y0=1 / effect, y1=effect, fillcolor=FAINT, line_width=0, layer="below")
    figure.add_hline(y=1.0, line={"color": MUTED, "width": 1}, layer="below")
    latest: list[float] = []
    for count, (name, own) in enumerate(data.effects.items()):
        steps = [(e.block, e.estimate, *e.interval) for e in own if e.interval is not None]
        if steps:
            latest += steps[-1][2:]
            _add_band(figure, name, steps, SERIES[count % len(SERIES)])
    low, high = min([1 / effect, *latest]) / _ROOM, max([effect, *latest]) * _ROOM
    ticks = [tick for tick in (_FINE if high / low < _LONG else _COARSE) if low <= tick <= high]
    figure.update_xaxes(title="blocks done", dtick=1, range=[0.8, max(data.most_blocks, 2) + 0.2])
    figure.update_yaxes(
        title="times as fast",
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}x" for tick in ticks],
    )
    details = f"{policy.confidence * 100:g} % intervals after each block; grey: a difference that does not matter"
    return describe(figure, data.finding, details, axes="times as fast by blocks done", table=data.table())


def _add_band(figure: go.Figure, name: str, steps: Sequence[tuple[int, float, float, float]], colour: str) -> None:
    blocks = [block for block, *_ in steps]
    figure.add_scatter(
        x=[*blocks, *reversed(blocks)],
        y=[high for *_, high in steps] + [low for _, _, low, _ in reversed(steps)],
        fill="toself", mode="lines", line={"width": 0}, fillcolor=colour, opacity=0.18, hoverinfo="skip",
        showlegend=False, legendgroup=name,
    )  # fmt: skip
    figure.add_scatter(
        x=blocks,
        y=[middle for _, middle, _, _ in steps],
        customdata=[[low, high] for _, _, low, high in steps],
        name=plain(name), mode="lines+markers", line={"color": colour}, legendgroup=name, showlegend=True,
        hovertemplate=f"{plain(name)}: %{{y:.2f}}x [%{{customdata[0]:.2f}}, %{{customdata[1]:.2f}}]<extra></extra>",
    )  # fmt: skip
