"""What would a change gain? The map of gains as a figure and as a table, and predicted beside measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from workbench.explain.figures.description import describe
from workbench.explain.figures.template import INK, MUTED, SIMULATED_PATTERN, TEMPLATE, TITLE_PX, colour_of, plain
from workbench.explain.prediction.gain_map import DOUBLED, Ceilings, StageGain, format_gain
from workbench.explain.prediction.unpredicted import Unpredicted
from workbench.explain.table import Cell, Table, make_table, number, sentence
from workbench.explain.words.items import item_of, listed
from workbench.knobs.format import format_settings
from workbench.records import Comparison, Interval, PredictedValue, Prediction
from workbench.units import format_duration, format_rate, format_ratio, format_share

#: Stages that cost less than this share of the work, and whose end would gain less, need no row.
_WORTH_A_ROW = 0.005

#: A bound above this is that of nearly the whole run's time: of what a change would do it says nothing.
_MOST_BOUND = 1.0


@dataclass(frozen=True)
class GainBars:
    """What the map of gains shows.

    Attributes:
        gains: By stage: its share of the work and what its end would gain, those worth a row.
        colours: By stage (`template.colours_of`).
        item: What one sample is called.
    """

    gains: tuple[StageGain, ...]
    colours: Mapping[str, str] = field(default_factory=dict)
    item: str = "sample"

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        if not self.gains:
            return "No single stage would gain anything"
        best = self.gains[0]
        share = "" if best.share is None else f" (it is {format_share(best.share)} of the work)"
        gain = best.free.estimate
        would = f"gain {format_share(gain)}" if gain <= DOUBLED else f"make the run {1.0 + gain:.1f}x as fast"
        return f"'{best.stage}' for free would {would} end to end{share}"

    def table(self) -> Table:
        """Its numbers."""
        rows = [(gain.stage, number(_share(gain)), number(format_gain(gain.free))) for gain in self.gains]
        return make_table(("stage", "share of the work", "gain if free (simulated)"), rows)


def gain_bars(gains: Sequence[StageGain], colours: Mapping[str, str] | None = None, item: str = "sample") -> GainBars:
    """The stages that are worth a row."""
    shown = [gain for gain in gains if max(gain.share or 0.0, gain.free.estimate) >= _WORTH_A_ROW]
    return GainBars(tuple(shown), colours or {}, item)


def draw_gains(data: GainBars) -> go.Figure:
    """A row for each stage: a bar for the gain of the whole run if it were free, and a mark for its share."""
    stages = [plain(gain.stage) for gain in data.gains]
    free = [gain.free for gain in data.gains]
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 90 + 30 * len(stages)})
    figure.add_bar(
        name="gain of the whole run if the stage were free (simulated)",
        orientation="h",
        y=stages,
        x=[gain.estimate * 100 for gain in free],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(gain.high - gain.estimate) * 100 for gain in free],
            "arrayminus": [(gain.estimate - gain.low) * 100 for gain in free],
            "color": MUTED,
        },
        marker={
            "color": [data.colours.get(gain.stage) or colour_of(gain.stage) for gain in data.gains],
            "pattern": SIMULATED_PATTERN,
        },
        customdata=[format_gain(gain) for gain in free],
        hovertemplate="<b>%{y}</b> free: %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        name="its share of the work on cores (what a table of shares shows)",
        mode="markers",
        y=stages,
        x=[None if gain.share is None else gain.share * 100 for gain in data.gains],
        marker={"symbol": "diamond-open", "size": 10, "color": INK, "line": {"width": 2}},
        hovertemplate="<b>%{y}</b>: %{x:.1f} % of the work<extra></extra>",
    )
    figure.update_xaxes(title=f"gain in {plain(data.item)}s per second, and share of the work (%)")
    figure.update_yaxes(autorange="reversed", type="category")
    return describe(
        figure,
        data.finding,
        "simulated from this run; the interval holds 90 %",
        axes="gain of the whole run and share of the work (%) by stage",
        table=data.table(),
    )


def gain_map(gains: Sequence[StageGain], colours: Mapping[str, str] | None = None, item: str = "sample") -> go.Figure:
    """The map of gains as a figure."""
    return draw_gains(gain_bars(gains, colours, item))


def gain_table(gains: Sequence[StageGain], item: str = "sample") -> Table:
    """A row for each stage: what it costs, what a table of shares would say, and what its end would gain."""
    columns = ("stage", f"per {item}", "share of the work", "gain if free", "gain if half", "settings that address it")
    rows = [
        (
            gain.stage,
            number(format_duration(gain.per_sample_s) if gain.per_sample_s else "-"),
            number(_share(gain)),
            number(format_gain(gain.free)),
            number("-" if gain.half is None else format_gain(gain.half)),
            sentence(", ".join(f"`{format_settings(settings)}`" for settings in gain.suggestions) or "-"),
        )
        for gain in gains
    ]
    caption = (
        "Costs: on a core of its own, calibrated from this run. Gains: of the whole run, simulated, 90 % interval."
    )
    return make_table(columns, rows, caption=caption, is_wide=True)


def _share(gain: StageGain) -> str:
    return "-" if gain.share is None else format_share(gain.share)


def ceiling_lines(found: Ceilings, item: str = "sample") -> list[str]:
    """How far the run is from what bounds it."""
    parts = {
        "the device": found.device,
        "loading": found.loader,
        "the main process": found.main,
        "its background thread": found.background,
    }
    known = {part: rate for part, rate in parts.items() if rate is not None}
    lowest = min(known, key=known.__getitem__)
    reached = format_share(found.measured / known[lowest])
    listed = "; ".join(f"only {part}: {format_rate(rate, item)}" for part, rate in known.items())
    return [
        f"Ceilings (simulated), if only one part took time: {listed}.",
        f"Measured: {format_rate(found.measured, item)}, {reached} of the lowest ceiling ({lowest}).",
    ]


def answer_table(
    answers: Sequence[Prediction | Unpredicted], item: str = "sample", commands: Sequence[str] = ()
) -> Table:
    """A row for each question: its answer; or why it has none, what to do, and the best that is known of it.

    Args:
        answers: In the order of the questions.
        item: What a sample is called.
        commands: Those that measure what is not predicted.
    """
    is_whole = all(isinstance(answer, Prediction) for answer in answers)
    bounded = "bounded by then" if is_whole else "bounded by then; or why it is not predicted"
    columns = ("what if", "predicted gain", "predicted throughput", bounded)
    rows = [_unpredicted_row(a) if isinstance(a, Unpredicted) else _predicted_row(a, item) for a in answers]
    caption = "Simulated from this run, with the interval that holds 90 %."
    return make_table(columns, rows, caption=caption, commands=commands, is_wide=True)


def _predicted_row(answer: Prediction, item: str) -> tuple[Cell | str, ...]:
    rate = _predicted(answer.samples_per_s, item)
    return ", ".join(answer.changes), number(format_gain(answer.gain)), rate, answer.limited_by


def _unpredicted_row(answer: Unpredicted) -> tuple[Cell | str, ...]:
    gain, why = "not predicted", answer.why
    if answer.bound is not None:
        bytes_too = f" and {format_share(answer.fewer_bytes)} fewer bytes were moved" if answer.fewer_bytes else ""
        free = f"if {listed(answer.freed)} were free{bytes_too}"
        is_all = answer.bound.estimate > _MOST_BOUND
        why += f"; {free}, the run would be more than twice as fast" if is_all else f"; so much {free}"
        gain = gain if is_all else f"at most {format_share(max(answer.bound.high, 0.0))}"
    remedy = answer.remedy or ("compare it, as below" if answer.settings else "")
    return answer.text, number(gain), number("-"), Cell(why, below=(Cell(remedy),) if remedy else ())


def predictions_table(comparison: Comparison) -> Table:
    """A row for each variant: what the baseline's first run predicted, what was measured, and whether it was inside."""
    item = item_of(comparison)
    rows: list[tuple[Cell | str, ...]] = []
    for variant in comparison.variants:
        if variant.name == comparison.baseline:
            continue
        measured = variant.samples_per_s.median if variant.samples_per_s is not None else None
        shown = _measured(measured, variant.speedup, item)
        if variant.predicted is None:
            rows.append((variant.name, variant.not_predicted or "nothing was predicted", shown, "-", "-"))
            continue
        rate = variant.predicted.samples_per_s
        error = "-" if measured is None else f"{(rate.estimate / measured - 1.0) * 100:+.1f} %"
        inside = "-" if measured is None else "yes" if rate.low <= measured <= rate.high else "no"
        rows.append((variant.name, _predicted(rate, item), shown, number(error), inside))
    columns = ("variant", "predicted", "measured", "error", "inside the interval?")
    caption = "Predicted: simulated from the first run of the baseline alone, with the interval that holds 90 %."
    return make_table(columns, rows, caption=caption, is_wide=True)


def _measured(rate: float | None, speedup: Interval | None, item: str) -> Cell:
    factor = f" ({format_ratio(speedup.estimate)})" if speedup is not None else ""
    return number(f"{format_rate(rate, item)}{factor}")


def _predicted(rate: PredictedValue, item: str) -> Cell:
    return number(f"{format_rate(rate.estimate, item)} [{rate.low:.1f}, {rate.high:.1f}]")
