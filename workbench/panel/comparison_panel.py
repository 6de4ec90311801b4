"""Comparing runs: the ticked ones are the variants; intervals narrow while it runs; then the verdicts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.figures.comparison_tables import verdict_table
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.throughput import narrowing, throughput
from workbench.explain.figures.verdicts import verdicts
from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.headline import comparison_headline
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import Launch, RunSlices, run_comparison
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.comparison.variants import check_variants
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.panel.display import Renderable, Screen, message, title
from workbench.panel.run_list import RunList, name_choices, name_variants
from workbench.panel.run_queue import Job, RunQueue, in_words
from workbench.records import Comparison, Policy, Record, Slicing
from workbench.records.run_folder import COMPARISON, is_there, read_comparison, read_state
from workbench.report.export import ENDED, export_report
from workbench.report.outcome import fresh_name, new_comparison_folder, save_comparison
from workbench.report.predictions import add_predictions
from workbench.report.rules import rules_here
from workbench.report.verdicts import compare_run, stopping_rule
from workbench.units import format_rate

_MOST_BLOCKS = 20
_BLOCKS = 5

_STOPS = {
    "clear": "every verdict is clear",
    "blocks": "all blocks are done",
    "budget": "the time is up",
    "cancelled": "it was cancelled, and can go on",
    "failed": "the baseline failed",
    "lost": "no node was left",
}


class ComparisonPanel:
    """Chooses, runs and shows a comparison.

    Args:
        runs: The runs, of which some are ticked.
        queue: Where the comparison waits for its turn.
        on_begin: Called with a title when a comparison or an export begins, and with the knobs of the baseline.
        on_event: Called with the progress of the trial that is running.
        on_end: Called with how it ended, in words, and whether badly.
        on_baseline: Called when another baseline is chosen.
        launch: Runs a trial: knobs in, record out.
        run_slices: Runs the trials of a block in turns.

    Attributes:
        widget: To be placed.
    """

    def __init__(
        self,
        runs: RunList,
        queue: RunQueue,
        *,
        on_begin: Callable[[str, Knobs | None], None],
        on_event: Callable[[Event], None],
        on_end: Callable[[str, bool], None],
        on_baseline: Callable[[], None],
        launch: Launch = run_trial,
        run_slices: RunSlices = run_sliced_block,
    ) -> None:
        self._runs, self._queue, self._launch, self._run_slices = runs, queue, launch, run_slices
        self._on_begin, self._on_event, self._on_end = on_begin, on_event, on_end
        self._on_baseline = on_baseline
        self._ticked: list[str] = []
        self._folder: Path | None = None
        self._offering = False
        wide = {"width": "auto", "flex": "1 1 auto"}
        self._baseline = widgets.Dropdown(description="baseline", layout=wide)
        self._baseline.observe(lambda change: self._baseline_chosen(), names="value")
        self._blocks = widgets.IntSlider(
            _BLOCKS, Policy().min_blocks, _MOST_BLOCKS, description="blocks", layout=wide,
            tooltip="trials of each variant at most",
        )  # fmt: skip
        self._start = widgets.Button(description="Compare", button_style="primary", disabled=True)
        self._start.on_click(lambda button: self._begin())
        self._more = widgets.Button(description="More blocks", disabled=True, tooltip="go on with what is shown")
        self._more.on_click(lambda button: self._go_on())
        self._export = widgets.Button(description="Export HTML", disabled=True, tooltip="one file, for the team")
        self._export.on_click(lambda button: self._write_report())
        self._earlier = widgets.Dropdown(description="shown", layout=wide)
        self._earlier.observe(lambda change: self._show_earlier(), names="value")
        self._hint = widgets.HTML()
        self._answer = widgets.HTML()
        self._link = widgets.HTML()
        self._screen = Screen()
        row = {"align_items": "center", "width": "100%"}
        self.widget = widgets.VBox(
            [
                widgets.HBox([self._baseline, self._blocks, self._start], layout=row),
                self._hint,
                widgets.HBox([self._earlier, self._more, self._export], layout=row),
                self._link,
                self._answer,
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
        few = "Tick two runs or more in the list: they are the variants."
        self._hint.value = message(f"{count} variants are ticked." if count > 1 else few)
        self._start.disabled = count < 2

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the panel can be seen."""
        self._screen.set_in_front(in_front)

    def refresh(self) -> None:
        """Offer the comparisons that there are, the newest first."""
        folders = sorted(self._runs.comparisons.glob(f"*/{COMPARISON}"), reverse=True)
        names = [path.parent.name for path in folders]
        if tuple(names) != tuple(self._earlier.options):
            self._offer(self._earlier, names, self._earlier.value if self._earlier.value in names else None)

    def _offer(self, dropdown: widgets.Dropdown, options: Sequence[object], chosen: str | None) -> None:
        """Offer these with one of them chosen, without a call of anybody.

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

    def _begin(self) -> None:
        chosen = [self.baseline, *(run_id for run_id in self._ticked if run_id != self.baseline)]
        plain = {"profilers": (), "line_functions": (), "native_stacks": False}  # profilers cost time
        knobs = [own.changed(**plain) for own in self._knobs_of(chosen)]
        variants = dict(zip(name_variants(knobs), knobs, strict=True))
        num_blocks = self._blocks.value

        def open_comparison() -> Journal:
            check_variants(variants)
            return Journal.begin(
                new_comparison_folder(self._runs.reports),
                variants,
                runs=self._runs.runs,
                seed=knobs[0].seed,
                num_blocks=num_blocks,
                policy=rules_here(self._runs.reports, knobs[0], planned_blocks=num_blocks, slicing=Slicing()),
                slicing=Slicing(),
            )

        self._add(f"comparison of {len(variants)} variants", open_comparison)

    def _go_on(self) -> None:
        folder = self._folder
        if folder is not None:
            num_blocks = read_state(folder).most_blocks + self._blocks.value
            self._add("more blocks", lambda: Journal.resume(folder, num_blocks=num_blocks))

    def _add(self, text: str, open_comparison: Callable[[], Journal]) -> None:
        self._queue.add(Job(text, lambda cancel: self._run(text, open_comparison(), cancel), self._failed))

    def _run(self, text: str, journal: Journal, cancel: threading.Event) -> None:
        self._folder = journal.folder
        self._on_begin(text, next(iter(journal.state.variants.values())))
        self._buttons()
        self._screen.show([])
        self._link.value = ""
        in_turns = "The variants are started one after the other; then they take turns."
        whole = "First a warm-up trial, which does not count: it fills caches and wakes the cores."
        self._answer.value = message(in_turns if journal.state.policy.slicing is not None else whole)
        rule = stopping_rule(journal)

        def is_clear(records: Mapping[str, Sequence[Record]]) -> bool:
            self._show_so_far(journal, records)
            return rule(records)

        def on_trial(done: int, total: int, variant: str, record: Record) -> None:
            rate = format_rate(record.steady.samples_per_s, record.item) if record.steady else "failed"
            self._answer.value = message(f"trial {done} of {total} at most: {variant}, {rate}")

        compared = run_comparison(
            journal,
            is_clear=is_clear,
            on_trial=on_trial,
            on_event=self._on_event,
            cancel=cancel,
            launch=self._launch,
            run_slices=self._run_slices,
        )
        if any(compared.records.values()):
            save_comparison(add_predictions(compare_run(compared), compared), journal.folder)
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
            try:
                self._show(self._runs.comparisons / self._earlier.value)
            except BadInput as error:
                self._answer.value = message(in_words(error), bad=True)

    def _show(self, folder: Path) -> None:
        self._folder = folder
        self._buttons()
        if not is_there(folder / COMPARISON):
            self._answer.value = message("It was cancelled before there was anything to compare.")
            return
        comparison = read_comparison(folder)
        options = self._earlier.options
        self._offer(self._earlier, options, folder.name if folder.name in options else None)
        self._answer.value = title(comparison_headline(comparison))
        shown: list[Renderable] = [html_table(verdict_table(comparison)), verdicts(comparison)]
        records = self._records(comparison)
        if records:
            shown.append(narrowing(records, policy=comparison.policy, most_blocks=comparison.num_blocks))
        self._screen.show([*shown, throughput(comparison)])

    def _records(self, comparison: Comparison) -> dict[str, list[Record]]:
        """The records of a comparison by variant; none where one of them is gone."""
        try:
            return {
                variant.name: [self._runs.record(run_id) for run_id in variant.run_ids]
                for variant in comparison.variants
            }
        except BadInput:
            return {}

    def _write_report(self) -> None:
        folder = self._folder
        if folder is not None:
            self._queue.add(Job("report", lambda cancel: self._make_report(folder, cancel), self._failed))

    def _make_report(self, folder: Path, cancel: threading.Event) -> None:
        self._on_begin("writing the report", None)
        path = self._runs.reports / f"{fresh_name('compare')}.html"
        export_report(folder, path, cancel)
        self._link.value = f"<div>Report: <code class='wb-report'>{escape(str(path))}</code></div>"
        self._on_end(f"The report is written: {path}", False)

    def _buttons(self) -> None:
        try:
            stop = read_state(self._folder).stop if self._folder is not None else None
        except BadInput:
            stop, self._folder = None, None
        self._export.disabled = stop not in ENDED
        self._more.disabled = self._folder is None or stop is None or stop == "failed"

    def _failed(self, text: str) -> None:
        self._answer.value = message(text, bad=True)
        self._on_end("It failed before its end.", True)

    def _knobs_of(self, run_ids: Sequence[str | None]) -> list[Knobs]:
        found = [self._runs.get(run_id) for run_id in run_ids if run_id is not None]
        return [run.knobs for run in found if run is not None]
