"""The panel: knobs, Run, the runs as cards, looking at one of them, and racing several. It only puts them together."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.words.items import item_of
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.preview import PreviewMaker
from workbench.measure.trial.profiled import run_profiled
from workbench.panel.close_widgets import close_tree
from workbench.panel.comparison_panel import ComparisonPanel, Judge
from workbench.panel.knob_panel import KnobPanel
from workbench.panel.live import LiveView
from workbench.panel.look import Look, Seen
from workbench.panel.page_preview import PagePreview
from workbench.panel.run_cards import RunCards, changed_knobs
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import Job, RunQueue, in_words
from workbench.panel.style import style_sheet
from workbench.records import Record
from workbench.units import format_rate
from workbench.workloads.ocr.preflight import check_inputs

#: A cancelled trial is gone within a second.
_PATIENCE_S = 5.0

_SECTIONS = ("Look", "Compare", "Data set")
_LOOK, _COMPARE, _DATA_SET = range(3)


class Workbench:
    """The lab of explore.ipynb. There is one in a kernel: a new one closes the one before, and ends what it ran.

    Args:
        reports: Where the results go, and where earlier ones lie.
        judge: Opens, judges and exports races.
        knobs: What the widgets show at first.

    Attributes:
        widget: To be displayed.
        queue: What it has been asked to do.
        look: The tabs that show a run.
        knobs: The widgets of the knobs.
    """

    _open: ClassVar[Workbench | None] = None

    def __init__(self, reports: Path, judge: Judge, knobs: Knobs | None = None) -> None:
        if Workbench._open is not None:
            Workbench._open.close()
            Workbench._open = None
        self._runs = RunList(reports)
        self._runs.refresh()
        self._lock = threading.Lock()
        self.queue = RunQueue(self._show_queue)
        self._live = LiveView()
        self.look = Look()
        self._maker = PreviewMaker()
        self._preview = PagePreview(self._maker)
        self._cards = RunCards(
            self._runs, on_look=self._look_at, on_take=self._take, on_tick=lambda: self._ticked()
        )
        self._race = ComparisonPanel(
            self._runs,
            self.queue,
            judge,
            on_begin=self._live.begin,
            on_event=self._live.event,
            on_end=self._ended,
            on_baseline=lambda: self._baseline_changed(),
        )
        self._run = widgets.Button(description="Run", button_style="primary", layout={"width": "110px"})
        self._run.add_class("wb-run")
        self._first = knobs or Knobs()
        self._side = KnobPanel(self._first, self._runs, self._knobs_are)
        self.knobs = self._side.widgets
        self._cancel = widgets.Button(description="Cancel", disabled=True, layout={"width": "100px"})
        self._clear = widgets.Button(description="Clear queue", layout={"width": "auto", "display": "none"})
        self._queued = widgets.HTML()
        self._run.on_click(lambda button: self.run())
        self._cancel.on_click(lambda button: self.queue.cancel())
        self._clear.on_click(lambda button: self.queue.clear())
        self._sections = widgets.Tab(
            [self.look.widget, self._race.widget, self._preview.widget], titles=list(_SECTIONS)
        )
        self._sections.add_class("wb-sections")
        self._sections.observe(lambda change: self._turned(), names="selected_index")
        self.widget = self._placed()
        self._race.refresh()
        self._show_runs()
        self._look_at_newest()
        Workbench._open = self

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End what runs and what waits, and give back the widgets."""
        self.queue.clear()
        self.queue.cancel()
        self.queue.wait_until_idle(_PATIENCE_S)
        self._maker.close()
        close_tree(self.widget)

    def run(self, settings: Mapping[str, Any] | None = None) -> None:
        """Run the knobs as they are set, as soon as what waits before is done.

        Args:
            settings: Knobs to set before.
        """
        if settings:
            self._side.set(Knobs().changed(**{**self._side.settings(), **settings}))
        try:
            knobs = Knobs.parse(self._side.settings())
        except BadInput:
            self._knobs_are(None)
            return
        title = " ".join(changed_knobs(knobs, self._first)) or "knobs of the parameters cell"
        self.queue.add(Job(title, lambda cancel: self._measure(title, knobs, cancel), self._failed))

    def _knobs_are(self, knobs: Knobs | None) -> None:
        """What cannot run cannot be asked for; why not stands beside the knobs."""
        self._run.disabled = knobs is None
        if knobs is not None:
            self._preview.set_knobs(knobs)

    def _measure(self, title: str, knobs: Knobs, cancel: threading.Event) -> None:
        self._live.begin(title)
        check_inputs(knobs)
        record = run_profiled(knobs, self._runs.runs, on_event=self._live.event, cancel=cancel)
        self._ended(_how_it_ended(record), record.failure is not None and record.failure.kind != "cancelled")
        if record.failure is None:
            self._look_at(record.run_id)

    def _failed(self, told: str) -> None:
        self._ended(told, True)

    def _ended(self, told: str, bad: bool) -> None:
        self._live.idle(told, bad=bad)
        self._runs.refresh()
        self._cards.to_front()
        self._show_runs()

    def _show_runs(self) -> None:
        baseline = self._runs.get(self._race.baseline or "")
        self._cards.show(baseline=baseline.knobs if baseline else self._first)

    def _baseline_changed(self) -> None:
        self._show_runs()
        if self.look.seen is not None:
            self._look_at(self.look.seen.record.run_id)

    def _ticked(self) -> None:
        self._race.set_ticked(self._cards.ticked)
        self._show_runs()

    def _show_queue(self) -> None:
        with self._lock:
            waiting = self.queue.waiting
            self._cancel.disabled = self.queue.current is None
            self._clear.layout.display = None if waiting else "none"
            told = f"{len(waiting)} waiting: {waiting[0].title}" if waiting else ""
            told += f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
            self._queued.value = _muted(told)

    def _look_at(self, run_id: str) -> None:
        try:
            record = self._runs.record(run_id)
            baseline_id = self._race.baseline
            baseline = self._runs.record(baseline_id) if baseline_id else None
        except BadInput as error:
            self._live.idle(in_words(error), bad=True)
            return
        folder = self._runs.runs
        self.look.look_at(Seen(record, folder / run_id, baseline, folder / baseline_id if baseline_id else None))
        self._cards.show(looked_at=run_id)

    def _look_at_newest(self) -> None:
        sound = [run for run in self._runs.newest_first(with_all=False) if run.failure is None]
        if sound:
            self._look_at(sound[0].run_id)

    def _take(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            self._side.set(run.knobs)

    def _turned(self) -> None:
        section = self._sections.selected_index
        self.look.set_in_front(section == _LOOK)
        self._race.set_in_front(section == _COMPARE)
        self._preview.set_in_front(section == _DATA_SET)

    def _placed(self) -> widgets.Widget:
        row = {"align_items": "center", "width": "100%"}
        buttons = widgets.HBox([self._run, self._cancel, self._queued, self._clear], layout=row)
        top = widgets.VBox([buttons, self._live.widget])
        top.add_class("wb-box")
        runs = widgets.VBox([widgets.HTML("<h3>Runs</h3>"), self._cards.widget])
        side = widgets.VBox([self._side.widget])
        side.add_class("wb-side")
        side.add_class("wb-box")
        main = widgets.VBox([top, runs], layout={"grid_gap": "12px"})
        main.add_class("wb-main")
        wrapped = {"grid_gap": "14px", "align_items": "flex-start", "flex_flow": "row wrap"}
        upper = widgets.HBox([side, main], layout=wrapped)
        whole = widgets.VBox([style_sheet(), upper, self._sections], layout={"grid_gap": "14px"})
        whole.add_class("wb")
        return whole


def _how_it_ended(record: Record) -> str:
    if record.failure is None:
        return f"Done: {format_rate(record.steady.samples_per_s if record.steady else None, item_of(record))}."
    if record.failure.kind == "cancelled":
        return f"Cancelled in phase {record.failure.phase}."
    return f"Failed in phase {record.failure.phase}: {record.failure.message}"


def _muted(text: str) -> str:
    return f"<span class='wb-muted wb-small'>{escape(text)}</span>"
