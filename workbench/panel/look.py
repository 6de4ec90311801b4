"""A run, shown: a tab for each question, drawn from the run's folder by the figures that the report uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import ipywidgets as widgets

from workbench.explain.checks.pictures import sample_pictures
from workbench.explain.figures.check_pictures import check_pictures
from workbench.explain.figures.costs import costs
from workbench.explain.figures.html_table import heading, html_table
from workbench.explain.figures.profiler_figures import flame, memory_over_time
from workbench.explain.figures.profilers import operator_table, read_source, source_html
from workbench.explain.figures.step_times import steps_in_place
from workbench.explain.figures.tables import environment_table, knobs_table, profiler_table, run_table, stage_table
from workbench.explain.figures.timeline import batch_path, timeline
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.words.headline import run_headline
from workbench.panel.display import Renderable, message, show, title
from workbench.panel.run_list import ViewedRun
from workbench.panel.run_queue import Debounced
from workbench.panel.what_if import WhatIf
from workbench.records import Failure


class View(Protocol):
    """A tab."""

    widget: widgets.DOMWidget

    def show(self, run: ViewedRun) -> None:
        """Show this run; called in a thread, and only while the tab is in front."""


class FigureTab:
    """A tab that shows what a function draws.

    Args:
        draw: From a run to figures and HTML.
    """

    def __init__(self, draw: Callable[[ViewedRun], Sequence[Renderable]]) -> None:
        self._draw = draw
        self.widget = widgets.Output()

    def show(self, run: ViewedRun) -> None:
        """See `View`."""
        show(self.widget, self._draw(run))


def _where(run: ViewedRun) -> list[Renderable]:
    if run.record.failure is not None:
        return _why_it_failed(run.record.failure)
    return [where_time_goes(run.record), html_table(stage_table(run.record))]


def _why_it_failed(failure: Failure) -> list[Renderable]:
    reason = message(f"It failed in phase {failure.phase} ({failure.kind}): {failure.message}", bad=True)
    if not failure.stderr_tail:
        return [reason]
    tail = f"<details><summary>the last lines that it wrote</summary><pre>{escape(failure.stderr_tail)}</pre></details>"
    return [reason, tail]


def _timeline(run: ViewedRun) -> list[Renderable]:
    if not run.record.stages:
        return [message("No stage was timed in this run (stage_timing=false).")]
    return [timeline(run.spans, run.record), batch_path(run.spans, run.record)]


def _steps(run: ViewedRun) -> list[Renderable]:
    return [steps_in_place(run.record)]


def _operators(run: ViewedRun) -> list[Renderable]:
    file = _profile(run, "torch operators")
    if file is None:
        return [_without(run, "torch")]
    by_memory = html_table(operator_table(file, by="memory"))
    return [_overhead(run), html_table(operator_table(file)), heading("By memory"), by_memory]


def _lines(run: ViewedRun) -> list[Renderable]:
    file = _profile(run, "line times")
    return [_without(run, "lines")] if file is None else [_overhead(run), source_html(read_source(file))]


def _flame(run: ViewedRun) -> list[Renderable]:
    file = _profile(run, "stack samples")
    return [_without(run, "stacks")] if file is None else [_overhead(run), flame(file)]


def _memory(run: ViewedRun) -> list[Renderable]:
    record = run.record
    shown: list[Renderable] = [costs(record)]
    file = _profile(run, "memory over time")
    cores = record.environment.usable_cores if record.environment else None
    return [*shown, _without(run, "memory") if file is None else memory_over_time(file, cores=cores)]


def _samples(run: ViewedRun) -> list[Renderable]:
    item = run.record.item
    if run.baseline is None:
        return [message(f"Tick a run in the list: it is the baseline, and its {item}s are shown beside this run's.")]
    pairs = sample_pictures(run.folder.parent, run.baseline, run.record, count=4)
    return [check_pictures(pairs, baseline="the baseline", variant="this run", item=item)]


def _how(run: ViewedRun) -> list[Renderable]:
    tables = (run_table(run.record), environment_table([run.record]), knobs_table(run.record.knobs))
    return list(map(html_table, tables))


#: The tabs in their order, each with what makes its view. A further tab is a line here.
TABS: tuple[tuple[str, Callable[[], View]], ...] = (
    ("Where the time goes", lambda: FigureTab(_where)),
    ("What if", lambda: WhatIf()),
    ("Timeline", lambda: FigureTab(_timeline)),
    ("Steps", lambda: FigureTab(_steps)),
    ("Operators", lambda: FigureTab(_operators)),
    ("Lines", lambda: FigureTab(_lines)),
    ("Flame graph", lambda: FigureTab(_flame)),
    ("Memory", lambda: FigureTab(_memory)),
    ("Samples", lambda: FigureTab(_samples)),
    ("How", lambda: FigureTab(_how)),
)


class Look:
    """The tabs.

    Attributes:
        widget: To be placed.
        run: The run that is shown; None before the first.
    """

    def __init__(self) -> None:
        self.run: ViewedRun | None = None
        self._in_front = True
        self._drawn: dict[int, tuple[str, str]] = {}
        self._title = widgets.HTML(message("There is no run to show yet."))
        self._views = [make() for _, make in TABS]
        self._tabs = widgets.Tab([view.widget for view in self._views], titles=[name for name, _ in TABS])
        self._tabs.observe(lambda change: self._draw(), names="selected_index")
        self._latest = Debounced(self._failed)
        self.widget = widgets.VBox([self._title, self._tabs])

    def look_at(self, run: ViewedRun) -> None:
        """Show this run; what is in front is drawn soon."""
        self.run = run
        self._draw()

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the tabs can be seen: a figure drawn out of sight would get no width."""
        self._in_front = in_front
        self._draw()

    def wait_until_drawn(self, timeout_s: float) -> bool:
        """Whether all was drawn within that time."""
        return self._latest.wait_until_idle(timeout_s)

    def _draw(self) -> None:
        if self.run is not None and self._in_front:
            self._latest.ask(self._draw_now)

    def _draw_now(self) -> None:
        run, number = self.run, self._tabs.selected_index or 0
        if run is None or self._drawn.get(number) == run.key:
            return
        self._drawn[number] = run.key
        self._views[number].show(run)
        self._title.value = title(run_headline(run.record))

    def _failed(self, text: str) -> None:
        self._title.value = message(text, bad=True)


def _overhead(run: ViewedRun) -> Renderable:
    return html_table(profiler_table(run.profiled or run.record))


def _profile(run: ViewedRun, name: str) -> Path | None:
    of = run.profiled
    return run.folder.with_name(of.run_id) / of.profiles[name] if of is not None and name in of.profiles else None


def _without(run: ViewedRun, profiler: str) -> str:
    if run.profiled is not None and run.profiled.failure is not None:
        return message(f"The run with profilers failed: {run.profiled.failure.message}", bad=True)
    how = "Choose it under Measuring, profilers, and run again."
    return message(f"This run had no profiler '{profiler}'. {how}")
