"""Racing runs against each other: ticked ones are the variants; intervals narrow while it runs; then the verdicts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.figures.comparison_tables import verdict_table
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.throughput import narrowing, throughput
from workbench.explain.figures.verdicts import verdicts
from workbench.explain.words.headline import comparison_headline
from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.items import item_of
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, run_comparison
from workbench.measure.trial.events import Event
from workbench.panel.outputs import Screen, Shown, message
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import Job, RunQueue, in_words
from workbench.panel.variant_names import name_choices, name_variants
from workbench.records import Comparison, Policy, Record
from workbench.records.run_folder import COMPARISON, read_comparison, read_state
from workbench.units import format_rate

_MOST_BLOCKS = 20
_BLOCKS = 5

#: A comparison that ended so has come to its end, and can be exported; any other would first run on.
_ENDED = ("clear", "blocks", "budget", "failed")


_STOPS = {
    "clear": "every verdict is clear",
    "blocks": "all blocks are done",
    "budget": "the time is up",
    "cancelled": "it was cancelled, and can go on",
    "failed": "the baseline failed",
}


class Judge(Protocol):
    """What the panel needs of somebody who knows reports."""

    def open(self, variants: Mapping[str, Knobs], num_blocks: int) -> Journal:
        """A new race."""

    def go_on(self, folder: Path, num_blocks: int) -> Journal:
        """A comparison that was cancelled, or is to have more blocks."""

    def stopping_rule(self, policy: Policy) -> Callable[[Mapping[str, Sequence[Record]]], bool]:
        """Says whether every verdict is clear."""

    def judge(self, compared: ComparisonRun, folder: Path) -> Comparison:
        """The comparison, written into the folder."""

    def export(self, folder: Path, cancel: threading.Event) -> Path:
        """The comparison as one HTML file."""


class ComparisonPanel:
    """Chooses, runs and shows a comparison.

    Args:
        runs: The runs, of which some are ticked.
        queue: Where the comparison waits for its turn.
        judge: See `Judge`.
        on_begin: Told a title when a comparison or an export begins.
        on_event: Told of the progress of the trial that is running.
        on_end: Told in words how it ended, and whether badly.
        on_baseline: Told that another baseline is chosen.

    Attributes:
        widget: To be placed.
    """

    def __init__(
        self,
        runs: RunList,
        queue: RunQueue,
        judge: Judge,
        *,
        on_begin: Callable[[str], None],
        on_event: Callable[[Event], None],
        on_end: Callable[[str, bool], None],
        on_baseline: Callable[[], None],
    ) -> None:
        self._runs, self._queue, self._judge = runs, queue, judge
        self._on_begin, self._on_event, self._on_end = on_begin, on_event, on_end
        self._on_baseline = on_baseline
        self._ticked: list[str] = []
        self._folder: Path | None = None
        self._offering = False
        wide = {"width": "auto", "flex": "1 1 auto"}
        self._baseline = widgets.Dropdown(description="baseline", layout=wide)
        self._baseline.observe(lambda change: self._baseline_chosen(), names="value")
        told = "trials of each variant at most"
        self._blocks = widgets.IntSlider(
            _BLOCKS, Policy().min_blocks, _MOST_BLOCKS, description="blocks", tooltip=told, layout=wide
        )
        self._start = widgets.Button(description="ComparisonRun", button_style="primary", disabled=True)
        self._start.on_click(lambda button: self._race())
        self._more = widgets.Button(description="More blocks", disabled=True, tooltip="go on with what is shown")
        self._more.on_click(lambda button: self._go_on())
        self._export = widgets.Button(description="Export HTML", disabled=True, tooltip="one file, for the team")
        self._export.on_click(lambda button: self._write_report())
        self._earlier = widgets.Dropdown(description="shown", layout=wide)
        self._earlier.observe(lambda change: self._show_earlier(), names="value")
        self._hint = widgets.HTML()
        self._told = widgets.HTML()
        self._link = widgets.HTML()
        self._screen = Screen()
        row = {"align_items": "center", "width": "100%"}
        self.widget = widgets.VBox(
            [
                widgets.HBox([self._baseline, self._blocks, self._start], layout=row),
                self._hint,
                widgets.HBox([self._earlier, self._more, self._export], layout=row),
                self._link,
                self._told,
                self._screen.widget,
            ]
        )
        self.set_ticked([])

    @property
    def baseline(self) -> str | None:
        """The run that is the baseline."""
        chosen: str | None = self._baseline.value
        return chosen

    def set_ticked(self, run_ids: Sequence[str]) -> None:
        """Take these runs as the variants."""
        self._ticked = list(run_ids)
        names = name_choices(self._knobs_of(self._ticked))
        options = [(name, run_id) for run_id, name in zip(self._ticked, names, strict=True)]
        before = self.baseline
        first = self._ticked[0] if self._ticked else None
        self._offer(self._baseline, options, before if before in self._ticked else first)
        if self.baseline != before:
            self._on_baseline()
        count = len(self._ticked)
        told = f"{count} variants are ticked."
        self._hint.value = message(told if count > 1 else "Tick two runs or more in the list: they are the variants.")
        self._start.disabled = count < 2

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the panel can be seen."""
        self._screen.set_in_front(in_front)

    def refresh(self) -> None:
        """Offer the comparisons that there are, the newest first."""
        folders = sorted((self._runs.runs.parent / "comparisons").glob(f"*/{COMPARISON}"), reverse=True)
        names = [path.parent.name for path in folders]
        if tuple(names) != tuple(self._earlier.options):
            self._offer(self._earlier, names, self._earlier.value if self._earlier.value in names else None)

    def _offer(self, dropdown: widgets.Dropdown, options: Sequence[object], chosen: str | None) -> None:
        """Offer these with one of them chosen, and tell nobody.

        A list chooses its first by itself; and a page shows nothing as chosen where the number stays and the list
        changes, so nothing is chosen in between.
        """
        self._offering = True
        try:
            dropdown.options = tuple(options)
            dropdown.value = None
            dropdown.value = chosen
        finally:
            self._offering = False

    def _baseline_chosen(self) -> None:
        if not self._offering:
            self._on_baseline()

    def _race(self) -> None:
        chosen = [self.baseline, *(run_id for run_id in self._ticked if run_id != self.baseline)]
        knobs = [one.changed(profilers="", line_functions="", native_stacks=False) for one in self._knobs_of(chosen)]
        variants = dict(zip(name_variants(knobs), knobs, strict=True))
        num_blocks = self._blocks.value
        self._add(f"race of {len(variants)}", lambda: self._judge.open(variants, num_blocks))

    def _go_on(self) -> None:
        folder = self._folder
        if folder is not None:
            num_blocks = read_state(folder).most_blocks + self._blocks.value
            self._add("more blocks", lambda: self._judge.go_on(folder, num_blocks))

    def _add(self, title: str, open_comparison: Callable[[], Journal]) -> None:
        self._queue.add(Job(title, lambda cancel: self._run(title, open_comparison(), cancel), self._failed))

    def _run(self, title: str, journal: Journal, cancel: threading.Event) -> None:
        self._folder = journal.folder
        self._on_begin(title)
        self._buttons()
        self._screen.show([])
        self._link.value = ""
        self._told.value = message("The first trial counts nowhere: it fills caches and wakes the cores.")
        rule = self._judge.stopping_rule(journal.state.policy)

        def is_clear(records: Mapping[str, Sequence[Record]]) -> bool:
            self._show_so_far(journal, records)
            return rule(records)

        def on_trial(done: int, total: int, variant: str, record: Record) -> None:
            rate = format_rate(record.steady.samples_per_s, item_of(record)) if record.steady else "failed"
            self._told.value = message(f"trial {done} of {total} at most: {variant}, {rate}")

        compared = run_comparison(journal, is_clear=is_clear, on_trial=on_trial, on_event=self._on_event, cancel=cancel)
        if any(compared.records.values()):
            self._judge.judge(compared, journal.folder)
        self.refresh()
        self._show(journal.folder)
        self._on_end(f"The comparison is over: {_STOPS.get(compared.state.stop or '', 'it ended')}.", False)

    def _show_so_far(self, journal: Journal, records: Mapping[str, Sequence[Record]]) -> None:
        state = journal.state
        names = list(records)
        blocks = max(map(len, records.values()))
        so_far = compare(records, baseline=names[0], order=[names] * blocks, seed=state.seed, policy=state.policy)
        drawn = narrowing(records, policy=state.policy, most_blocks=state.most_blocks)
        self._screen.show([drawn, throughput(so_far)])

    def _show_earlier(self) -> None:
        if self._earlier.value and not self._offering:
            folder = self._runs.runs.parent / "comparisons" / self._earlier.value
            try:
                self._show(folder)
            except BadInput as error:
                self._told.value = message(in_words(error), bad=True)

    def _show(self, folder: Path) -> None:
        self._folder = folder
        self._buttons()
        if not (folder / COMPARISON).is_file():
            self._told.value = message("It was cancelled before there was anything to compare.")
            return
        comparison = read_comparison(folder)
        options = self._earlier.options
        self._offer(self._earlier, options, folder.name if folder.name in options else None)
        headline = escape(comparison_headline(comparison))
        self._told.value = f"<div class='wb-title'>{headline}</div>"
        shown: list[Shown] = [html_table(verdict_table(comparison)), verdicts(comparison)]
        records = self._records(comparison)
        if records:
            policy = comparison.policy
            blocks = comparison.num_blocks
            shown.append(narrowing(records, policy=policy, most_blocks=blocks))
        self._screen.show([*shown, throughput(comparison)])

    def _records(self, comparison: Comparison) -> dict[str, list[Record]]:
        """The records of a comparison by variant; none where one of them is gone."""
        try:
            return {one.name: [self._runs.record(run_id) for run_id in one.run_ids] for one in comparison.variants}
        except BadInput:
            return {}

    def _write_report(self) -> None:
        folder = self._folder
        if folder is not None:
            self._queue.add(Job("report", lambda cancel: self._make_report(folder, cancel), self._failed))

    def _make_report(self, folder: Path, cancel: threading.Event) -> None:
        self._on_begin("writing the report")
        path = self._judge.export(folder, cancel)
        self._link.value = f"<div>Report: <code class='wb-report'>{escape(str(path))}</code></div>"
        self._on_end(f"The report is written: {path}", False)

    def _buttons(self) -> None:
        try:
            stop = read_state(self._folder).stop if self._folder is not None else None
        except BadInput:
            stop, self._folder = None, None
        self._export.disabled = stop not in _ENDED
        self._more.disabled = self._folder is None or stop is None or stop == "failed"

    def _failed(self, told: str) -> None:
        self._told.value = message(told, bad=True)
        self._on_end("It did not come to its end.", True)

    def _knobs_of(self, run_ids: Sequence[str | None]) -> list[Knobs]:
        found = [self._runs.get(run_id) for run_id in run_ids if run_id is not None]
        return [one.knobs for one in found if one is not None]
