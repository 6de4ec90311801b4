"""Searching the best set of knobs: what is searched, what it has found so far, and the answer."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.tuning import search_figure, trades_table, values_table
from workbench.explain.words.tuning import (
    command_of,
    limits_sentence,
    minutes_to_go_on,
    snippet_of,
    tuning_headline,
    what_was_not_tried,
    where_the_time_went,
)
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.run import Launch, RunSlices, run_comparison
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.panel.display import Renderable, Screen, message, title
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import Job, RunQueue, in_words
from workbench.records import Record, Tuning
from workbench.records.run_folder import TUNE, read_tuning
from workbench.report.export import export_report
from workbench.report.outcome import TUNINGS, fresh_name
from workbench.report.tuning.open_search import open_search
from workbench.report.tuning.search import run_search
from workbench.report.tuning.state import Cancelled, TuningFolder
from workbench.units import format_rate

_MINUTES, _MOST_MINUTES = 20, 120


class TunePanel:
    """Asks for a search, runs and shows it.

    Args:
        runs: The runs of the panel, whose folder of results the search lies in.
        queue: Where the search waits for its turn.
        knobs: Gives the knobs as they are set, which are the baseline; None while they cannot run.
        on_begin: Called with a title when a search or an export begins, and with the knobs of the baseline.
        on_event: Called with the progress of the trial that is running.
        on_end: Called with how it ended, in words, and whether badly.
        launch: Runs a trial: knobs in, record out.
        run_slices: Runs the trials of a block in turns.

    Attributes:
        widget: To be placed.
    """

    def __init__(
        self,
        runs: RunList,
        queue: RunQueue,
        knobs: Callable[[], Knobs | None],
        *,
        on_begin: Callable[[str, Knobs | None], None],
        on_event: Callable[[Event], None],
        on_end: Callable[[str, bool], None],
        launch: Launch = run_trial,
        run_slices: RunSlices = run_sliced_block,
    ) -> None:
        self._runs, self._queue, self._knobs = runs, queue, knobs
        self._on_begin, self._on_event, self._on_end = on_begin, on_event, on_end
        self._launch, self._run_slices = launch, run_slices
        self._folder: Path | None = None
        wide = {"width": "auto", "flex": "1 1 auto"}
        self._minutes = widgets.IntSlider(_MINUTES, 2, _MOST_MINUTES, description="minutes", layout=wide)
        self._names = widgets.Text(description="knobs", placeholder="num_workers, cache; all if empty", layout=wide)
        self._memory = widgets.Text(description="memory", placeholder="no limit (4GB)", layout=wide)
        self._start_up = widgets.Text(description="start-up", placeholder="no limit (30s)", layout=wide)
        self._result = widgets.Dropdown(
            options=[("within tolerance", "within_tolerance"), ("same", "same")], description="result", layout=wide
        )
        self._start = widgets.Button(description="Search", button_style="primary")
        self._start.on_click(lambda button: self._begin())
        self._more = widgets.Button(description="Go on", disabled=True, tooltip="with what is shown, if it was stopped")
        self._more.on_click(lambda button: self._go_on())
        self._export = widgets.Button(description="Export HTML", disabled=True, tooltip="one file, for the team")
        self._export.on_click(lambda button: self._write_report())
        self._earlier = widgets.Dropdown(description="shown", layout=wide)
        self._earlier.observe(lambda change: self._show_earlier(), names="value")
        self._answer = widgets.HTML(
            message("The knobs as they are set are the baseline. Short trials, predictions, blocks, and a proof.")
        )
        self._doing = widgets.HTML()
        self._link = widgets.HTML()
        self._screen = Screen()
        row = {"align_items": "center", "width": "100%"}
        self.widget = widgets.VBox(
            [
                widgets.HBox([self._names, self._minutes, self._start], layout=row),
                widgets.HBox([self._memory, self._start_up, self._result], layout=row),
                widgets.HBox([self._earlier, self._more, self._export], layout=row),
                self._link,
                self._answer,
                self._doing,
                self._screen.widget,
            ]
        )
        self.refresh()

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the panel can be seen."""
        self._screen.set_in_front(in_front)

    def refresh(self) -> None:
        """Offer the searches that there are, the newest first."""
        folders = sorted((self._runs.reports / TUNINGS).glob(f"*/{TUNE}"), reverse=True)
        names = tuple(path.parent.name for path in folders)
        if names != tuple(self._earlier.options):
            shown = self._folder.name if self._folder is not None and self._folder.name in names else None
            self._earlier.options = names
            self._earlier.value = shown

    def _begin(self) -> None:
        knobs = self._knobs()
        if knobs is None:
            self._answer.value = message("The knobs as they are set cannot run.", bad=True)
            return
        plain = {"profilers": (), "line_functions": (), "native_stacks": False}  # profilers cost time
        settings = knobs.changed(**plain).model_dump()
        limits = {"memory": self._memory.value, "start_up": self._start_up.value, "result": self._result.value}
        kept_to = " ".join(f"{name}:{text.replace(' ', '')}" for name, text in limits.items() if text.strip())
        names, minutes = self._names.value, float(self._minutes.value)

        def begin() -> TuningFolder:
            return open_search(self._runs.reports, settings, knobs=names, minutes=minutes, limits=kept_to)

        self._add(f"search of {minutes:g} min", begin)

    def _go_on(self) -> None:
        folder = self._folder
        if folder is not None:
            minutes = float(self._minutes.value) if read_tuning(folder).stop == "no_time" else 0.0
            go_on = functools.partial(open_search, self._runs.reports, {}, minutes=minutes, resume=str(folder))
            self._add("the search goes on", go_on)

    def _add(self, text: str, begin: Callable[[], TuningFolder]) -> None:
        self._queue.add(Job(text, lambda cancel: self._run(text, begin(), cancel), self._failed))

    def _run(self, text: str, state: TuningFolder, cancel: threading.Event) -> None:
        self._folder = state.folder
        self._on_begin(text, state.tuning.baseline)
        self._more.disabled = self._export.disabled = True
        self._link.value = ""
        self._screen.show([])
        self._answer.value = message(
            "First a warm-up trial, which does not count: it fills caches and wakes the cores."
        )
        state.on_change = self._show_so_far
        launch = functools.partial(self._launch, on_event=self._on_event, cancel=cancel)
        compare = functools.partial(
            run_comparison, on_event=self._on_event, cancel=cancel, launch=self._launch, run_slices=self._run_slices
        )

        def on_trial(done: int, total: int, name: str, record: Record) -> None:
            rate = format_rate(record.steady.samples_per_s, record.item) if record.steady else "failed"
            self._doing.value = message(f"trial {done} of {total} at most: {name}, {rate}")

        how = "over"
        try:
            run_search(state, on_trial=on_trial, on_text=self._found, launch=launch, compare=compare)
        except Cancelled:
            how = "cancelled, and can go on"
        state.on_change = lambda tuning: None
        self._doing.value = ""
        self.refresh()
        self._show(state.folder)
        self._on_end(f"The search is {how}.", False)

    def _found(self, text: str) -> None:
        self._answer.value = message(text)

    def _show_so_far(self, tuning: Tuning) -> None:
        items: list[Renderable] = [search_figure(tuning)] if tuning.candidates else []
        self._screen.show([*items, html_table(values_table(tuning))])

    def _show_earlier(self) -> None:
        if self._earlier.value:
            self._show(self._runs.reports / TUNINGS / self._earlier.value)

    def _show(self, folder: Path) -> None:
        try:
            tuning = read_tuning(folder)
        except BadInput as error:
            self._answer.value = message(in_words(error), bad=True)
            return
        self._folder = folder
        self._more.disabled = tuning.stop not in (None, "no_time")
        self._export.disabled = tuning.stop is None
        self._answer.value = title(tuning_headline(tuning))
        time = where_the_time_went(tuning)
        self._minutes.value = max(self._minutes.value, min(minutes_to_go_on(tuning), _MOST_MINUTES))
        about = [limits_sentence(tuning), *what_was_not_tried(tuning), f"Time: {time}"]
        how = "" if tuning.stop == "failed" else f"<pre>{escape(command_of(tuning))}</pre>"
        how += f"<pre>{escape(snippet)}</pre>" if (snippet := snippet_of(tuning)) else ""
        text = "".join(f"<li>{escape(line)}</li>" for line in about)
        self._screen.show(
            [
                html_table(trades_table(tuning)), how, search_figure(tuning), html_table(values_table(tuning)),
                f"<ul>{text}</ul>",
            ]
        )  # fmt: skip

    def _write_report(self) -> None:
        folder = self._folder
        if folder is not None:
            self._queue.add(Job("report", lambda cancel: self._make_report(folder, cancel), self._failed))

    def _make_report(self, folder: Path, cancel: threading.Event) -> None:
        self._on_begin("writing the report", None)
        path = self._runs.reports / f"{fresh_name('tune')}.html"
        export_report(folder, path, cancel)
        self._link.value = f"<div>Report: <code class='wb-report'>{escape(str(path))}</code></div>"
        self._on_end(f"The report is written: {path}", False)

    def _failed(self, text: str) -> None:
        self._answer.value = message(text, bad=True)
        self._on_end("It failed before its end.", True)
