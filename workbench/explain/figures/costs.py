"""What does it cost? Memory of the process tree and time to start, variant by variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.explain.figures.description import describe, simulated_note
from workbench.explain.figures.template import BLUE, FAINT, LEGEND_PX, ORANGE, SKY, TEMPLATE, TITLE_PX, plain
from workbench.explain.table import Cell, Table, make_table, number
from workbench.explain.words.items import item_of
from workbench.records import Comparison, Record, VariantResult
from workbench.units import format_bytes, format_duration, format_epochs

#: Room to the right of the longest bar for what is written there, as a share of it.
_ROOM = 1.0


@dataclass(frozen=True)
class Cost:
    """What one variant takes. None: not measured.

    Attributes:
        name: The variant.
        has_failed: Whether it failed.
        peak_bytes: Largest memory of its process tree.
        cache_bytes: Of these, the cache; None without one.
        startup_s: All before the first counted step.
        fill_s: Of these, filling the cache; None without one.
        break_even_epochs: Epochs until the extra start-up has paid.
    """

    name: str
    has_failed: bool
    peak_bytes: int | None
    cache_bytes: int | None
    startup_s: float | None
    fill_s: float | None
    break_even_epochs: float | None = None

    @property
    def memory_gb(self) -> tuple[float, float] | None:
        """GB of the processes without the cache, and of the cache."""
        if self.peak_bytes is None:
            return None
        cache = min(self.cache_bytes or 0, self.peak_bytes)
        return (self.peak_bytes - cache) / 1e9, cache / 1e9

    @property
    def parts_s(self) -> tuple[float, float] | None:
        """Seconds of start-up without filling the cache, and of filling it."""
        if self.startup_s is None:
            return None
        fill_s = min(self.fill_s or 0.0, self.startup_s)
        return self.startup_s - fill_s, fill_s

    @property
    def pays(self) -> str:
        """After how long the extra start-up has paid: ``"2 epochs"``; empty where it doesn't."""
        epochs = self.break_even_epochs
        return "" if epochs is None else format_epochs(epochs)


@dataclass(frozen=True)
class Costs:
    """What the variants of a comparison take.

    Attributes:
        variants: In the order of the comparison.
        baseline: Name of the baseline.
        item: What one sample is called.
        is_simulated: Whether a figure rests on the replay device.
    """

    variants: tuple[Cost, ...]
    baseline: str
    item: str
    is_simulated: bool

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        base = next((cost for cost in self.variants if cost.name == self.baseline), None)
        others = [cost for cost in self.variants if cost is not base and cost.peak_bytes and cost.startup_s is not None]
        if base is None or not base.peak_bytes or base.startup_s is None or not others:
            return "What it costs: memory and start-up"
        ratio = max(cost.peak_bytes or 0 for cost in others) / base.peak_bytes
        extra_s = max(cost.startup_s or 0.0 for cost in others) - base.startup_s
        of = f"the memory of '{self.baseline}'"
        memory = f"more than {ratio:.2f}x {of}" if ratio > 1 else f"more memory than '{self.baseline}'"
        start = f"starts more than {format_duration(extra_s)} later" if extra_s > 0 else "starts later"
        return f"No variant takes {memory}, or {start}"

    def table(self) -> Table:
        """Its numbers."""
        rows: list[tuple[Cell | str, ...]] = [
            (
                cost.name,
                number(format_bytes(cost.peak_bytes)),
                number("-" if cost.cache_bytes is None else format_bytes(cost.cache_bytes)),
                number(format_duration(cost.startup_s)),
                number("-" if cost.fill_s is None else format_duration(cost.fill_s)),
                cost.pays or "-",
            )
            for cost in self.variants
        ]
        columns = ("variant", "peak memory", "of it the cache", "start-up", "of it filling the cache", "pays after")
        return make_table(columns, rows)


def costs_of(comparison: Comparison) -> Costs:
    """What the variants of a comparison take."""
    found = tuple(map(_cost, comparison.variants))
    simulated = any(variant.simulated for variant in comparison.variants)
    return Costs(found, comparison.baseline, item_of(comparison), simulated)


def cost_of_run(record: Record, name: str = "this run") -> Costs:
    """What a single run takes."""
    startup = record.startup
    cost = Cost(
        name=name,
        has_failed=record.failure is not None,
        peak_bytes=record.memory.peak_pss_bytes,
        cache_bytes=record.memory.cache_bytes,
        startup_s=startup.total_s if startup else None,
        fill_s=startup.cache_fill_s if startup else None,
    )
    return Costs((cost,), name, item_of(record), record.simulated)


def _cost(variant: VariantResult) -> Cost:
    return Cost(
        name=variant.name,
        has_failed=variant.failure is not None,
        peak_bytes=variant.memory.peak_pss_bytes,
        cache_bytes=variant.memory.cache_bytes,
        startup_s=variant.startup_s,
        fill_s=variant.cache_fill_s,
        break_even_epochs=variant.break_even_epochs,
    )


def costs(shown: Comparison | Record) -> go.Figure:
    """What the variants of a comparison, or a single run, take."""
    return draw_costs(cost_of_run(shown) if isinstance(shown, Record) else costs_of(shown))


def draw_costs(data: Costs) -> go.Figure:
    """Two bars for every variant: peak memory with the cache's part, and start-up with the filling of the cache.

    What was not measured has no bar, and says so.
    """
    variants = data.variants
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.07)
    figure.update_layout(
        template=TEMPLATE,
        barmode="stack",
        height=TITLE_PX + 56 + LEGEND_PX + 36 * len(variants),
        margin_b=LEGEND_PX,
        legend_traceorder="normal",
        meta={"narrow": _narrow(len(variants))},
    )
    memory_names = ("processes", f"{plain(data.item)}s in the cache")
    _bars(figure, 1, variants, lambda cost: cost.memory_gb, memory_names, (FAINT, BLUE))
    startup_names = ("imports, workers, warm-up", "filling the cache")
    _bars(figure, 2, variants, lambda cost: cost.parts_s, startup_names, (SKY, ORANGE))
    for cost in variants:
        _write(figure, 1, cost, cost.memory_gb, format_bytes(cost.peak_bytes))
        pays = f"<br>pays after {cost.pays}" if cost.pays else ""
        _write(figure, 2, cost, cost.parts_s, f"{format_duration(cost.startup_s)}{pays}")
    figure.update_xaxes(title="peak memory (GB)", row=1, col=1)
    figure.update_xaxes(title="start-up (s)", row=1, col=2)
    figure.update_yaxes(autorange="reversed", type="category")
    return describe(
        figure,
        data.finding,
        "memory: PSS of the whole process tree, memory shared by processes once",
        simulated_note(data.is_simulated),
        axes="peak memory (GB) and start-up (s) by variant",
        table=data.table(),
    )


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


def _bars(
    figure: go.Figure,
    column: int,
    variants: Sequence[Cost],
    parts_of: Callable[[Cost], tuple[float, float] | None],
    names: tuple[str, str],
    colours: tuple[str, str],
) -> None:
    parts = [parts_of(cost) for cost in variants]
    for place, (name, colour) in enumerate(zip(names, colours, strict=True)):
        lengths = [None if both is None else both[place] for both in parts]
        figure.add_bar(
            x=lengths,
            y=[_label(cost) for cost in variants],
            name=name,
            orientation="h",
            marker_color=colour,
            showlegend=any(lengths),
            row=1,
            col=column,
        )
    longest = max((sum(both) for both in parts if both), default=1.0)
    figure.update_xaxes(range=[0, longest * (1 + _ROOM)], row=1, col=column)


def _write(figure: go.Figure, column: int, cost: Cost, parts: tuple[float, float] | None, text: str) -> None:
    figure.add_annotation(
        x=sum(parts) if parts else 0.0, y=_label(cost), text=text, row=1, col=column,
        showarrow=False, xanchor="left", xshift=4, font={"size": 11}, align="left",
    )  # fmt: skip


def _label(cost: Cost) -> str:
    return f"{plain(cost.name)} (failed) " if cost.has_failed else f"{plain(cost.name)} "
