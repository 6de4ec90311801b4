"""The panel: knobs, Run, the runs as cards, one of them shown, several compared. It only puts them together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.comparison.run import Launch
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.preview import PreviewMaker
from workbench.measure.trial.profiled import run_profiled
from workbench.panel.comparison_panel import ComparisonPanel
from workbench.panel.display import close_tree, muted, style_sheet
from workbench.panel.knob_panel import KnobPanel
from workbench.panel.live import LiveView
from workbench.panel.look import Look
from workbench.panel.run_cards import RunCards, changes_of
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import Job, RunQueue, in_words
from workbench.panel.sample_preview import SamplePreview
from workbench.panel.script_panel import ScriptPanel
from workbench.panel.tune_panel import TunePanel
from workbench.records import Record
from workbench.units import format_rate

#: A cancelled trial is gone within a second.
_PATIENCE_S = 5.0

_LOOK, _COMPARE, _TUNE, _DATA_SET, _SCRIPT = range(5)


class Workbench:
    """The lab of explore.ipynb. There is one in a kernel: a new one closes the one before, and ends what it ran.

    Args:
        reports: Where the results go, and where earlier ones lie.
        knobs: What the widgets show at first; the panel is for their workload.
        run: Runs what Run asks for: knobs in, record out.
        launch: Runs the trials of comparisons, likewise.

    Attributes:
        widget: To be displayed.
        queue: What it has been asked to do.
        look: The tabs that show a run.
        knobs: The widgets of the knobs.
        script: The section for a script of the user's.
    """

    _open: ClassVar[Workbench | None] = None

    def __init__(
        self, reports: Path, knobs: Knobs, *, run: Callable[..., Record] = run_profiled, launch: Launch = run_trial
    ) -> None:
        if Workbench._open is not None:
            Workbench._open.close()
            Workbench._open = None
        self._first = knobs
        self._run_knobs = run
        self._runs = RunList(reports)
        self._runs.refresh()
        self._lock = threading.Lock()
        self.queue = RunQueue(self._show_queue)
        self._live = LiveView()
        self.look = Look()
        self._maker = PreviewMaker()
        self._preview = SamplePreview(self._maker, knobs)
        self._cards = RunCards(
            self._runs, knobs, on_look=self._look_at, on_take=self._take, on_tick=lambda: self._ticked()
        )
        self._comparison = ComparisonPanel(
            self._runs,
            self.queue,
            on_begin=self._live.begin,
            on_event=self._live.event,
            on_end=self._ended,
            on_baseline=lambda: self._baseline_changed(),
            launch=launch,
        )
        self._tune = TunePanel(
            self._runs,
            self.queue,
            lambda: self._side.knobs,
            on_begin=self._live.begin,
            on_event=self._live.event,
            on_end=self._ended,
            launch=launch,
        )
        self._run = widgets.Button(description="Run", button_style="primary", layout={"width": "110px"})
        self._run.add_class("wb-run")
        self._side = KnobPanel(knobs, self._runs, self._knobs_are)
        self.knobs = self._side.widgets
        self._cancel = widgets.Button(description="Cancel", disabled=True, layout={"width": "100px"})
        self._clear = widgets.Button(description="Clear queue", layout={"width": "auto", "display": "none"})
        self._queued = widgets.HTML()
        self._run.on_click(lambda button: self.run())
        self._cancel.on_click(lambda button: self.queue.cancel())
        self._clear.on_click(lambda button: self.queue.clear())
        self.script = ScriptPanel(self._runs, self._run_script)
        sections = {"Look": self.look.widget, "Compare": self._comparison.widget, "Tune": self._tune.widget}
        if not isinstance(knobs, ObservedKnobs):  # else the widgets beside it are those of the script
            sections |= {"Data set": self._preview.widget, "Your script": self.script.widget}
        self._sections = widgets.Tab(list(sections.values()), titles=list(sections))
        self._sections.add_class("wb-sections")
        self._sections.observe(lambda change: self._turned(), names="selected_index")
        self.widget = self._placed()
        self._comparison.refresh()
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
            self._side.set(parse_knobs({**self._side.settings(), **settings}))
        knobs = self._side.knobs
        if knobs is None:
            return
        title = " ".join(changes_of(knobs, self._first)) or "knobs of the parameters cell"
        self.queue.add(Job(title, lambda cancel: self._measure(title, knobs, cancel), self._failed))

    def _run_script(self, knobs: Knobs) -> None:
        title = " ".join(changes_of(knobs, ObservedKnobs()))
        self.queue.add(Job(title, lambda cancel: self._measure(title, knobs, cancel), self._failed))

    def _knobs_are(self, knobs: Knobs | None) -> None:
        """What cannot run cannot be asked for; why not stands beside the knobs."""
        self._run.disabled = knobs is None
        if knobs is not None and not isinstance(knobs, ObservedKnobs):
            self._preview.set_knobs(knobs)

    def _measure(self, title: str, knobs: Knobs, cancel: threading.Event) -> None:
        self._live.begin(title, knobs)
        check_inputs(knobs)
        record = self._run_knobs(knobs, self._runs.runs, on_event=self._live.event, cancel=cancel)
        self._ended(_how_it_ended(record), record.failure is not None and record.failure.kind != "cancelled")
        if record.failure is None:
            self._look_at(record.run_id)

    def _failed(self, text: str) -> None:
        self._ended(text, True)

    def _ended(self, text: str, bad: bool) -> None:
        self._live.idle(text, bad=bad)
        self._runs.refresh()
        self._cards.to_front()
        self._show_runs()

    def _show_runs(self) -> None:
        baseline = self._runs.get(self._comparison.baseline or "")
        self._cards.show(baseline=baseline.knobs if baseline else self._first)

    def _baseline_changed(self) -> None:
        self._show_runs()
        if self.look.run is not None:
            self._look_at(self.look.run.record.run_id)

    def _ticked(self) -> None:
        self._comparison.set_ticked(self._cards.ticked)
        self._show_runs()

    def _show_queue(self) -> None:
        with self._lock:
            waiting = self.queue.waiting
            self._cancel.disabled = self.queue.current is None
            self._clear.layout.display = None if waiting else "none"
            text = f"{len(waiting)} waiting: {waiting[0].title}" if waiting else ""
            text += f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
            self._queued.value = muted(text)

    def _look_at(self, run_id: str) -> None:
        try:
            run = self._runs.view(run_id, self._comparison.baseline)
        except BadInput as error:
            self._live.idle(in_words(error), bad=True)
            return
        self.look.look_at(run)
        self._cards.show(looked_at=run_id)

    def _look_at_newest(self) -> None:
        sound = [run for run in self._runs.newest_first(with_all=False) if run.failure is None]
        if sound:
            self._look_at(sound[0].run_id)

    def _take(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is None:
            return
        if isinstance(run.knobs, ObservedKnobs) and not isinstance(self._first, ObservedKnobs):
            self.script.take(run.knobs)
            self._sections.selected_index = _SCRIPT
        else:
            self._side.set(run.knobs)

    def _turned(self) -> None:
        section = self._sections.selected_index
        self.look.set_in_front(section == _LOOK)
        self._comparison.set_in_front(section == _COMPARE)
        self._tune.set_in_front(section == _TUNE)
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
        return f"Done: {format_rate(record.steady.samples_per_s if record.steady else None, record.item)}."
    if record.failure.kind == "cancelled":
        return f"Cancelled in phase {record.failure.phase}."
    return f"Failed in phase {record.failure.phase}: {record.failure.message}"
