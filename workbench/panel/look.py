"""Looking at a run: a tab a question, each drawn from the run's folder by the figures that the report uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Protocol

import ipywidgets as widgets
import pandas as pd

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
from workbench.explain.words.items import item_of
from workbench.panel.outputs import Shown, message, show
from workbench.panel.run_queue import Latest
from workbench.panel.what_if import WhatIf
from workbench.records import Failure, Record
from workbench.records.run_folder import read_spans
from workbench.workloads.ocr.checks.pages import page_samples


@dataclass(frozen=True)
class Seen:
    """The run that is looked at.

    Attributes:
        record: Its record.
        folder: Its run folder.
        baseline: The run that its pages are held against, where one is chosen.
        baseline_folder: That run's folder.
    """

    record: Record
    folder: Path
    baseline: Record | None = None
    baseline_folder: Path | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What is drawn for this is drawn for no other."""
        return self.record.run_id, self.baseline.run_id if self.baseline else ""

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Its raw stage times, read once for all tabs."""
        return read_spans(self.folder)


class View(Protocol):
    """A tab."""

    widget: widgets.DOMWidget

    def show(self, seen: Seen) -> None:
        """Show this run; called in a thread, and only while the tab is in front."""


class Drawn:
    """A tab that shows what a function draws.

    Args:
        draw: From a run to figures and HTML.
    """

    def __init__(self, draw: Callable[[Seen], Sequence[Shown]]) -> None:
        self._draw = draw
        self.widget = widgets.Output()

    def show(self, seen: Seen) -> None:
        """See `View`."""
        show(self.widget, self._draw(seen))


def _where(seen: Seen) -> list[Shown]:
    if seen.record.failure is not None:
        return _why_it_failed(seen.record.failure)
    return [where_time_goes(seen.record), html_table(stage_table(seen.record))]


def _why_it_failed(failure: Failure) -> list[Shown]:
    told = message(f"It failed in phase {failure.phase} ({failure.kind}): {failure.message}", bad=True)
    if not failure.stderr_tail:
        return [told]
    tail = f"<details><summary>the last lines that it wrote</summary><pre>{escape(failure.stderr_tail)}</pre></details>"
    return [told, tail]


def _timeline(seen: Seen) -> list[Shown]:
    if not seen.record.stages:
        return [message("No stage was timed in this run (stage_timing=false).")]
    return [timeline(seen.spans, seen.record), batch_path(seen.spans, seen.record)]


def _transforms(seen: Seen) -> list[Shown]:
    return [steps_in_place(seen.record)]


def _operators(seen: Seen) -> list[Shown]:
    file = _lens_file(seen, "torch operators")
    if file is None:
        return [_without(seen, "torch")]
    by_memory = html_table(operator_table(file, by="memory"))
    return [_overhead(seen), html_table(operator_table(file)), heading("By memory"), by_memory]


def _lines(seen: Seen) -> list[Shown]:
    file = _lens_file(seen, "line times")
    return [_without(seen, "lines")] if file is None else [_overhead(seen), source_html(read_source(file))]


def _flame(seen: Seen) -> list[Shown]:
    file = _lens_file(seen, "stack samples")
    return [_without(seen, "stacks")] if file is None else [_overhead(seen), flame(file)]


def _memory(seen: Seen) -> list[Shown]:
    record = seen.record
    shown: list[Shown] = [costs(record)]
    file = _lens_file(seen, "memory over time")
    cores = record.environment.cores if record.environment else None
    return [*shown, _without(seen, "memory") if file is None else memory_over_time(file, cores=cores)]


def _pages(seen: Seen) -> list[Shown]:
    if seen.baseline is None or seen.baseline_folder is None:
        return [message("Tick a run in the list: it becomes the baseline, and its pages are shown beside this run's.")]
    samples = page_samples(seen.baseline_folder, seen.folder, count=4)
    item = item_of(seen.record)
    return [check_pictures(samples, baseline="the baseline", variant="this run", item=item)]


def _how(seen: Seen) -> list[Shown]:
    tables = (run_table(seen.record), environment_table([seen.record]), knobs_table(seen.record.knobs))
    return list(map(html_table, tables))


#: The tabs in their order, each with what makes its view. A further tab is a line here.
TABS: tuple[tuple[str, Callable[[], View]], ...] = (
    ("Where the time goes", lambda: Drawn(_where)),
    ("What if", lambda: WhatIf()),
    ("Timeline", lambda: Drawn(_timeline)),
    ("Transforms", lambda: Drawn(_transforms)),
    ("Operators", lambda: Drawn(_operators)),
    ("Lines", lambda: Drawn(_lines)),
    ("Flame graph", lambda: Drawn(_flame)),
    ("Memory", lambda: Drawn(_memory)),
    ("Pages", lambda: Drawn(_pages)),
    ("How", lambda: Drawn(_how)),
)


class Look:
    """The tabs.

    Attributes:
        widget: To be placed.
        seen: The run that is looked at; None before the first.
    """

    def __init__(self) -> None:
        self.seen: Seen | None = None
        self._in_front = True
        self._drawn: dict[int, tuple[str, str]] = {}
        self._title = widgets.HTML(message("There is no run to look at yet."))
        self._views = [make() for _, make in TABS]
        self._tabs = widgets.Tab([view.widget for view in self._views], titles=[title for title, _ in TABS])
        self._tabs.observe(lambda change: self._draw(), names="selected_index")
        self._latest = Latest(self._failed)
        self.widget = widgets.VBox([self._title, self._tabs])

    def look_at(self, seen: Seen) -> None:
        """Look at this run; what is in front is drawn soon."""
        self.seen = seen
        self._draw()

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the tabs can be seen: a figure drawn out of sight would get no width."""
        self._in_front = in_front
        self._draw()

    def wait_until_drawn(self, timeout_s: float) -> bool:
        """Whether all was drawn within that time."""
        return self._latest.wait_until_idle(timeout_s)

    def _draw(self) -> None:
        if self.seen is not None and self._in_front:
            self._latest.ask(self._draw_now)

    def _draw_now(self) -> None:
        seen, number = self.seen, self._tabs.selected_index or 0
        if seen is None or self._drawn.get(number) == seen.key:
            return
        self._drawn[number] = seen.key
        self._views[number].show(seen)
        self._title.value = f"<div class='wb-title'>{escape(run_headline(seen.record))}</div>"

    def _failed(self, told: str) -> None:
        self._title.value = message(told, bad=True)


def _overhead(seen: Seen) -> Shown:
    return html_table(profiler_table(seen.record))


def _lens_file(seen: Seen, name: str) -> Path | None:
    return seen.folder / seen.record.profiles[name] if name in seen.record.profiles else None


def _without(seen: Seen, profiler: str) -> str:
    how = "Choose it under Measuring, profilers, and run again."
    return message(f"This run went without the profiler '{profiler}'. {how}")
