"""Which variant is faster? Speed-ups over the baseline with their intervals, and the band in which nothing matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.explain.figures.comparison_tables import VERDICT_TONES
from workbench.explain.figures.description import describe, empty_figure, simulated_note
from workbench.explain.figures.template import FAINT, MUTED, TEMPLATE, TITLE_PX, TONES, plain
from workbench.explain.table import Table, make_table, number
from workbench.explain.words.verdicts import verdict_words
from workbench.records import Comparison, Verdict
from workbench.units import format_ratio

_SYMBOLS = {
    "faster": "circle", "slower": "square", "no_difference": "diamond", "inconclusive": "circle-open", "failed": "x",
}  # fmt: skip

#: Ratios that are read easily; on a short axis hundredths are marked instead, on a long one fewer.
_RATIOS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0)
_FEW_RATIOS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_LONG_AXIS = 8.0

_AXIS = "times as fast as the baseline"


@dataclass(frozen=True)
class SpeedUp:
    """One variant's speed-up.

    Attributes:
        name: The variant.
        estimate: Its throughput over the baseline's.
        interval: Both ends; None where there are too few blocks.
        verdict: What that comes out as.
        words: The verdict in words.
    """

    name: str
    estimate: float
    interval: tuple[float, float] | None
    verdict: Verdict
    words: str

    @property
    def label(self) -> str:
        """``"1.50x [1.40, 1.60]"``."""
        interval = "" if self.interval is None else " [{:.2f}, {:.2f}]".format(*self.interval)
        return f"{format_ratio(self.estimate)}{interval}"


@dataclass(frozen=True)
class SpeedUps:
    """The speed-ups of a comparison, of the variants that have one.

    Attributes:
        speed_ups: In the order of the comparison.
        baseline: Name of the baseline.
        num_blocks: Blocks that they rest on.
        confidence: Of their intervals, 0..1.
        min_effect: A ratio nearer to 1 than this does not matter.
        is_simulated: Whether a figure rests on the replay device.
    """

    speed_ups: tuple[SpeedUp, ...]
    baseline: str
    num_blocks: int
    confidence: float
    min_effect: float
    is_simulated: bool

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        faster = sum(found.verdict == "faster" for found in self.speed_ups)
        undecided = sum(found.verdict == "inconclusive" for found in self.speed_ups)
        if undecided and undecided == len(self.speed_ups):
            return f"Not enough data yet: whether a variant is faster than '{self.baseline}' is undecided"
        if len(self.speed_ups) == 1:
            return f"'{self.speed_ups[0].name}' is{'' if faster else ' not shown to be'} faster than '{self.baseline}'"
        verb = "are" if faster > 1 else "is"
        return f"{faster or 'None'} of {len(self.speed_ups)} variants {verb} faster than '{self.baseline}'"

    def table(self) -> Table:
        """Its numbers."""
        rows = [
            (
                found.name,
                number(format_ratio(found.estimate)),
                number("-" if found.interval is None else "{:.2f} to {:.2f}".format(*found.interval)),
                found.words,
            )
            for found in self.speed_ups
        ]
        return make_table(("variant", _AXIS, "interval", "verdict"), rows)


def speed_ups(comparison: Comparison) -> SpeedUps:
    """The speed-ups of a comparison."""
    found = [
        SpeedUp(v.name, v.speedup.estimate, v.speedup.ci95, v.verdict or "inconclusive", verdict_words(v))
        for v in comparison.variants
        if v.speedup is not None
    ]
    return SpeedUps(
        speed_ups=tuple(found),
        baseline=comparison.baseline,
        num_blocks=comparison.num_blocks,
        confidence=comparison.policy.confidence,
        min_effect=comparison.policy.min_effect,
        is_simulated=any(variant.simulated for variant in comparison.variants),
    )


def verdicts(comparison: Comparison) -> go.Figure:
    """The speed-ups of a comparison as a figure."""
    return draw_verdicts(speed_ups(comparison))


def draw_verdicts(data: SpeedUps) -> go.Figure:
    """A point with its interval for every variant; twice as fast is as far from 1 as half as fast."""
    if not data.speed_ups:
        return empty_figure("No variant could be compared with the baseline.")
    height = TITLE_PX + 70 + 46 * len(data.speed_ups)
    figure = go.Figure(layout={"template": TEMPLATE, "height": height, "showlegend": False})
    effect = 1.0 + data.min_effect
    figure.add_vrect(x0=1 / effect, x1=effect, fillcolor=FAINT, line_width=0, layer="below")
    figure.add_vline(x=1.0, line={"color": MUTED, "width": 1}, layer="below")
    for found in data.speed_ups:
        figure.add_scatter(**_point(found))
    low, high = _range(data.speed_ups, data.min_effect)
    ticks = _ticks(low, high)
    figure.update_xaxes(
        type="log",
        title=f"{_AXIS} (grey: a difference that does not matter)",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g}x" for tick in ticks],
    )
    # Half a row above the first point, for its label.
    figure.update_yaxes(range=[len(data.speed_ups) - 0.5, -0.7], type="category")
    blocks = f"{data.num_blocks} block{'s' if data.num_blocks != 1 else ''}"
    return describe(
        figure,
        data.finding,
        f"speed-up with its {data.confidence * 100:g} % interval from {blocks}",
        simulated_note(data.is_simulated),
        axes=f"{_AXIS} by variant",
        table=data.table(),
    )


def _range(found: Sequence[SpeedUp], min_effect: float) -> tuple[float, float]:
    """Ends of the axis: all intervals and the band around 1, with room for the labels."""
    ends = [1 / (1 + 2 * min_effect), 1 + 2 * min_effect]
    for speed_up in found:
        ends += [speed_up.estimate, *(speed_up.interval or ())]
    low, high = min(ends), max(ends)
    room = (high / low) ** 0.12
    return low / room, high * room


def _ticks(low: float, high: float) -> list[float]:
    if high / low > 1.6:
        return [ratio for ratio in (_FEW_RATIOS if high / low > _LONG_AXIS else _RATIOS) if low <= ratio <= high]
    step = next(step for step in (0.01, 0.02, 0.05, 0.1) if (high - low) / step <= 8)
    first, last = math.ceil((low - 1) / step), math.floor((high - 1) / step)
    return [round(1 + count * step, 2) for count in range(first, last + 1)]


def _point(found: SpeedUp) -> dict[str, object]:
    low, high = found.interval or (found.estimate, found.estimate)
    colour = TONES[VERDICT_TONES[found.verdict]]
    return {
        "x": [found.estimate],
        "y": [f"{plain(found.name)} "],
        "mode": "markers+text",
        "text": [f"{found.label}: {found.words}"],
        "meta": {"narrow_text": [found.label]},  # no room for more on a phone
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"color": colour, "size": 11, "symbol": _SYMBOLS[found.verdict], "line": {"width": 2}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - found.estimate],
            "arrayminus": [found.estimate - low],
            "color": colour,
        },
        "hovertemplate": "%{text}<extra></extra>",
    }
