"""A search: what was predicted of settings beside what was measured, when they left, and the answer as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.explain.figures.description import describe, empty_figure
from workbench.explain.figures.template import BLUE, GREEN, MUTED, ORANGE, RED, SOFT, TEMPLATE, TITLE_PX, plain
from workbench.explain.table import Cell, Table, Tone, code, make_table, note_table, number
from workbench.explain.words.tuning import items_per_s
from workbench.knobs.format import format_settings
from workbench.knobs.space import setting_name
from workbench.records import Candidate, CheckStatus, Fate, Interval, Trade, Tuning
from workbench.units import (
    counted,
    format_bytes,
    format_duration,
    format_epochs,
    format_number,
    format_ratio,
)

#: Settings that a figure shows at most, those that were compared and the best of the others.
_MOST_ROWS = 24

_MARKS: dict[Fate, tuple[str, str, str]] = {
    "compared": ("stayed to the end", GREEN, "circle"),
    "dropped": ("left as a loser", ORANGE, "square"),
    "outside": ("drawn from outside", BLUE, "diamond"),
    "failed": ("failed", RED, "x"),
    "memory": ("over a limit", RED, "x"),
    "startup": ("over a limit", RED, "x"),
    "result": ("over a limit", RED, "x"),
}

_RESULTS: dict[CheckStatus | None, tuple[str, Tone]] = {
    "same": ("same", "plain"),
    "within_tolerance": ("within tolerance", "plain"),
    "cannot_tell": ("cannot tell", "undecided"),
    "different": ("DIFFERENT", "alarm"),
    "not_comparable": ("not compared", "soft"),
    None: ("not compared", "soft"),
}


@dataclass(frozen=True)
class SearchRow:
    """A setting as the figure shows it; all rates are over the baseline's.

    Attributes:
        name: The setting.
        predicted: What was predicted, with its interval; None: nothing.
        measured: What the blocks have shown; None: it was in none.
        fate: What became of it.
        blocks: In how many blocks it was.
    """

    name: str
    predicted: tuple[float, float, float] | None
    measured: Interval | None
    fate: Fate
    blocks: int


@dataclass(frozen=True)
class SearchData:
    """Predicted against measured, of the settings that a search has looked at.

    Attributes:
        rows: Best first: those that were compared, then others.
        more: How many others there are.
        best_low: The best lower end of a prediction: what lies below it was not kept; None: nothing was predicted.
    """

    rows: tuple[SearchRow, ...]
    more: int
    best_low: float | None

    def table(self) -> Table:
        """A row for each setting."""
        return make_table(
            ("setting", "predicted", "measured", "blocks", "what became of it"),
            [
                (
                    code(row.name),
                    number("-" if row.predicted is None else _interval(*row.predicted)),
                    number("-" if row.measured is None else _measured(row.measured)),
                    number(str(row.blocks) if row.blocks else "-"),
                    row.fate.replace("_", " "),
                )
                for row in self.rows
            ],
        )


def search_data(tuning: Tuning) -> SearchData:
    """The settings of a search, over the rate of the baseline's short trial."""
    base = next((value.samples_per_s for value in tuning.values if not value.settings), None)
    shown = [c for c in tuning.candidates if c.measured is not None or c.predicted is not None]
    rows = [_row(candidate, base) for candidate in shown[:_MOST_ROWS]]
    lows = [c.predicted.low / base for c in shown if base and c.predicted is not None]
    return SearchData(tuple(rows), len(shown) - len(rows), max(lows, default=None))


def _row(candidate: Candidate, base: float | None) -> SearchRow:
    found = candidate.predicted
    predicted = (found.estimate / base, found.low / base, found.high / base) if found is not None and base else None
    return SearchRow(
        setting_name(candidate.settings), predicted, candidate.measured, candidate.fate, candidate.num_blocks
    )


def search_figure(tuning: Tuning) -> go.Figure:
    """The search as a figure: predicted against measured, and when settings left."""
    return draw_search(search_data(tuning))


def draw_search(data: SearchData) -> go.Figure:
    """A row for each setting: a bar for the prediction's interval, a mark for what the blocks have shown."""
    if not data.rows:
        return empty_figure("Nothing has been predicted or compared yet.")
    rows = data.rows[::-1]
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 90 + 26 * len(rows)})
    predicted = [row for row in rows if row.predicted is not None]
    figure.add_scatter(
        x=[row.predicted[0] for row in predicted if row.predicted],
        y=[_label(row) for row in predicted],
        error_x=_error([row.predicted for row in predicted if row.predicted]),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 11, "color": MUTED},
        name="predicted, with the interval that 9 of 10 lie in",
        hovertemplate="predicted %{x:.2f} times the baseline<extra>%{y}</extra>",
    )
    for fate in dict.fromkeys(row.fate for row in rows if row.measured is not None):
        words, colour, symbol = _MARKS.get(fate, ("compared", SOFT, "circle"))
        own = [row for row in rows if row.fate == fate and row.measured is not None]
        figure.add_scatter(
            x=[row.measured.estimate for row in own if row.measured],
            y=[_label(row) for row in own],
            error_x=_error([(m.estimate, *(m.ci95 or (m.estimate, m.estimate))) for row in own if (m := row.measured)]),
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": colour},
            name=f"measured, {words}",
            customdata=[row.blocks for row in own],
            hovertemplate="measured %{x:.2f} times the baseline in %{customdata} blocks<extra>%{y}</extra>",
        )
    figure.add_vline(x=1.0, line={"color": MUTED, "width": 1})
    if data.best_low is not None:
        figure.add_vline(x=data.best_low, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="times as fast as the baseline", rangemode="normal")
    figure.update_yaxes(categoryorder="array", categoryarray=[_label(row) for row in rows])
    more = f"{counted(data.more, 'setting')} of lower predictions left out" if data.more else ""
    return describe(
        figure,
        "Predicted against measured",
        "whose interval ends left of the dotted line was not compared, but for one drawn at random",
        more,
        axes="setting by times as fast as the baseline",
        table=data.table(),
    )


def _label(row: SearchRow) -> str:
    left = f" (left after {row.blocks})" if row.fate == "dropped" else ""
    return f"{plain(row.name)}{left}"


def _error(found: Sequence[tuple[float, float, float]]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - estimate for estimate, _, high in found],
        "arrayminus": [estimate - low for estimate, low, _ in found],
        "thickness": 1.5,
        "width": 4,
    }


def _interval(estimate: float, low: float, high: float) -> str:
    return f"{format_ratio(estimate)} [{low:.2f}, {high:.2f}]"


def _measured(interval: Interval) -> str:
    return _interval(interval.estimate, *interval.ci95) if interval.ci95 else format_ratio(interval.estimate)


def trades_table(tuning: Tuning) -> Table:
    """The answer: a row for each setting that no other one beats in everything."""
    if not tuning.trades:
        return note_table("Nothing has been compared yet.")
    columns = ("setting", "speed-up", "by", "peak memory", "start-up", "pays after", "same result?")
    caption = (
        "Settings that no other one beats in speed, memory, start-up and result. Those that were not confirmed were "
        "chosen among many, so that their speed-up is probably too good"
    )
    return make_table(columns, [_trade_row(trade) for trade in tuning.trades], caption=f"{caption}.", is_wide=True)


def _trade_row(trade: Trade) -> tuple[Cell | str, ...]:
    is_baseline = not trade.settings
    by = "baseline" if is_baseline else "a fresh comparison" if trade.is_confirmed else "the blocks that chose"
    pays = "-" if trade.break_even_epochs is None else format_epochs(trade.break_even_epochs)
    return (
        code(setting_name(trade.settings)),
        number("1.00x" if is_baseline else _measured(trade.speedup)),
        by,
        number(format_bytes(trade.memory_bytes)),
        number(format_duration(trade.startup_s)),
        number("" if is_baseline else pays),
        "" if is_baseline else _result_cell(trade.result),
    )


def values_table(tuning: Tuning) -> Table:
    """A row for each short trial."""
    rows = [
        (
            code(format_settings(value.settings) or "baseline"),
            number(format_number(value.samples_per_s)),
            number(format_bytes(value.memory_bytes)),
            number(format_duration(value.startup_s)),
            _result_cell(value.result) if value.settings else "",
            value.failure.splitlines()[0] if value.failure else "",
        )
        for value in tuning.values
    ]
    columns = ("short trial of", items_per_s(tuning), "peak memory", "start-up", "same result?", "failure")
    return make_table(columns, rows, caption="What single values do; one trial each, so no verdicts", is_wide=True)


def _result_cell(status: CheckStatus | None) -> Cell:
    text, tone = _RESULTS[status]
    return Cell(text, tone)
