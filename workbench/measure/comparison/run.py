"""A comparison: a warm-up trial, then blocks of one trial of every variant, until all is clear or they are done."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.file_cache import cached_share, forget, warm
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.order import blocks
from workbench.measure.comparison.sliced_block import NoRoom, run_sliced_block
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.measure.trial.machine import disturbances
from workbench.measure.trial.template import Template, template_of
from workbench.records import ComparisonState, Record, Stop, VariantTrial
from workbench.records.light import Kept
from workbench.records.run_folder import read_record
from workbench.units import NS_PER_S, format_share

#: A cache that still holds more than this of the data set's files is not cold, however often it is asked.
_COLD_SHARE = 0.01
_FORGET_TIMES = 3

#: A comparison that goes on within this time finds file cache and cores as its last trial has left them.
_WARM_S = 600.0

Records = Mapping[str, Sequence[Record]]

#: What runs a trial (see `measure.trial.launcher.run_trial`).
Launch = Callable[..., Record]

#: What runs the trials of a block in turns (see `sliced_block.run_sliced_block`).
RunSlices = Callable[..., dict[str, Record]]


@dataclass
class ComparisonRun:
    """What a comparison has left.

    Attributes:
        state: Its journal.
        order: Names of the variants in the order they ran, block by block.
        records: The records of each variant, in the order of the blocks: those that count (see `records.light`).
        notes: What a reader should know of how it went.
    """

    state: ComparisonState
    order: list[list[str]] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def run_comparison(
    journal: Journal,
    *,
    is_clear: Callable[[Records], bool] = lambda records: False,
    on_trial: Callable[[int, int, str, Record], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    is_over: Callable[[Records], bool] = lambda records: False,
    losers: Callable[[Records], Collection[str]] = lambda records: (),
    clock: Clock = monotonic_ns,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    launch: Launch = run_trial,
    run_slices: RunSlices = run_sliced_block,
    make_template: Callable[[Sequence[Path]], Template | None] = template_of,
    only: Iterable[tuple[int, Sequence[str]]] | None = None,
) -> ComparisonRun:
    """Run a comparison, or what is left of one: one trial at a time, for two at once would disturb each other.

    The trials of a block take turns where the policy says so, each of them frozen while another one runs; else each
    runs from its start to its end.

    A variant that failed runs no more; when the baseline (the first one) has failed, nothing is left to compare with,
    and the comparison ends. A disturbed trial is repeated at the end of its block, as often as the policy says, unless
    the machine is hardly ever quiet; both are kept.

    Where trials run whole, one runs before the first that counts nowhere; also before the first after a stop, unless
    the last trial has ended only minutes ago.

    Args:
        journal: What is to run, and what has run already.
        is_clear: Whether the records so far make further blocks needless; asked after the last begun.
        on_trial: Called after each trial with: trials done, trials at most, the variant, its record.
        on_event: Called with the progress of the trial that is running.
        cancel: When set, the running trial is ended, and the comparison with it.
        is_over: Whether the records so far leave no time for a further block; asked before every block.
        losers: The variants that are not worth a further block; asked after every block, and written down.
        clock: Reads the time.
        now: Gives the date, to which the date of the last trial is held.
        launch: Runs a trial: knobs in, record out.
        run_slices: Runs the trials of a block in turns.
        make_template: Makes what trials are forked from when the first ones, in these folders, have ended.
        only: The blocks that run here, by number, with their order; None: all of them, in balanced order.

    Raises:
        BadInput: Where the file cache is to be cold, and the file system doesn't let go of the files.
        KeyboardInterrupt: On an interrupt. What has run until then is in the journal.
    """
    cancel = cancel or threading.Event()
    trial = launch, run_slices, make_template
    return _Runner(journal, is_clear, on_trial, on_event, cancel, is_over, losers, clock, now, *trial, only).run()


class _Stopped(Exception):
    """The comparison ends within a block."""

    def __init__(self, why: Stop) -> None:
        super().__init__(why)
        self.why: Stop = why


class _Runner:
    def __init__(
        self,
        journal: Journal,
        is_clear: Callable[[Records], bool],
        on_trial: Callable[[int, int, str, Record], None] | None,
        on_event: Callable[[Event], None] | None,
        cancel: threading.Event,
        is_over: Callable[[Records], bool],
        losers: Callable[[Records], Collection[str]],
        clock: Clock,
        now: Callable[[], datetime],
        launch: Launch,
        run_slices: RunSlices,
        make_template: Callable[[Sequence[Path]], Template | None],
        only: Iterable[tuple[int, Sequence[str]]] | None,
    ) -> None:
        self._launch = launch
        self._run_slices = run_slices
        self._make_template = make_template
        self._only = only
        self._template: Template | None = None
        self._to_import: list[Path] = []
        self._journal = journal
        self._is_clear = is_clear
        self._on_trial = on_trial
        self._on_event = on_event
        self._cancel = cancel
        self._is_over = is_over
        self._losers = losers
        self._clock = clock
        self._began_ns = clock()
        self._block_s: list[float] = []
        self._names = list(journal.state.variants)
        self._compared = ComparisonRun(journal.state, records={name: [] for name in self._names})
        self._done = 0
        self._kept_records = Kept(journal.runs)
        since_s = self._since_last_trial_s(now())
        self._is_warm = since_s is not None and 0.0 <= since_s <= _WARM_S
        self._again = "" if since_s is None else f"the last trial had ended {_age(since_s)} before"

    def run(self) -> ComparisonRun:
        try:
            stop = self._run_blocks()
        except _Stopped as stopped:
            stop = stopped.why
        finally:
            if self._template is not None:
                self._template.close()
        if self._compared.order and not self._compared.order[-1]:
            self._compared.order.pop()  # a block that was cancelled does not count
        self._journal.stopped(stop)
        self._compared.state = self._journal.state
        return self._compared

    def _since_last_trial_s(self, now: datetime) -> float | None:
        """How long ago the last trial of this comparison has ended; None where none has, or it isn't known."""
        state = self._journal.state
        if state.warmup_run_id is None:
            return None
        ended: list[datetime] = []
        for run_id in (state.warmup_run_id, *(trial.run_id for trial in reversed(state.trials))):
            with contextlib.suppress(BadInput, ValueError):
                ended.append(datetime.fromisoformat(read_record(self._journal.runs / run_id).created_at))
                if run_id != state.warmup_run_id:  # which may have been repeated after the last of the others
                    break  # of thousands, no more are read than it takes
        return (now - max(ended)).total_seconds() if ended else None

    def _warm_up(self) -> None:
        """A trial that counts nowhere: it fills the file cache and branch caches, and wakes the cores."""
        name = self._names[0]
        record, _ = self._run_trial(name, self._journal.state.variants[name].changed(checked_samples=0))
        again = self._again
        self._tell(f"warm-up trial{f' (again: {again})' if again else ''}", record)
        if again:
            self._compared.notes.append(f"When the comparison went on, the warm-up trial was run again: {again}.")
        if record.status == "failed":
            self._compared.order[-1] = [name]
            self._compared.records[name].append(record)
            raise _Stopped("failed")
        self._journal.warmed_up(record.run_id)
        self._is_warm = True

    def _run_blocks(self) -> Stop:
        state = self._journal.state
        records = self._compared.records
        for block, order in self._only or enumerate(blocks(self._names, seed=state.seed)):
            if block == state.most_blocks:
                return "blocks"
            if self._is_over_budget() or self._is_over(records):
                return "budget"
            began_ns = self._clock()
            was_done = self._done
            self._compared.order.append([])
            self._run_block(block, order)
            if self._has_failed(self._names[0]):
                return "failed"
            if self._done > was_done:
                self._block_s.append((self._clock() - began_ns) / NS_PER_S)
            # Where a later block has begun, it was not clear; and to ask after each of a hundred takes its time.
            if any(self._journal.trials_of(block + 1, name) for name in self._names):
                continue
            self._journal.drop(self._losers(records), after=block)
            if block + 1 < state.most_blocks and self._is_clear(records):
                return "clear"
        return "blocks"

    def _run_block(self, block: int, order: Sequence[str]) -> None:
        dropped = self._journal.state.dropped
        alive = [name for name in order if not self._has_failed(name) and block <= dropped.get(name, block)]
        found = self._run_sliced(block, alive) or self._run_whole(block, alive)
        for name in order:
            if name in found:
                self._compared.order[-1].append(name)
                own = self._compared.records[name]
                own.append(self._kept_records.keep(found[name], whole=not own and name == self._names[0]))

    def _run_whole(self, block: int, alive: Sequence[str]) -> dict[str, Record]:
        """One trial after the other, in this order."""
        found: dict[str, Record] = {}
        for name in alive:
            found[name] = self._kept(block, name) or self._measure(block, name)
            if found[name].status == "failed" and name == self._names[0]:
                return found
        for _ in range(self._journal.state.policy.repeats):
            for name in alive:
                if self._is_to_be_repeated(block, name, found[name]):
                    found[name] = self._measure(block, name)
        return found

    def _run_sliced(self, block: int, alive: Sequence[str]) -> dict[str, Record]:
        """All of them at once, in turns; empty where they take none."""
        state = self._journal.state
        slicing = state.policy.slicing
        if slicing is None or len(alive) < 2:
            return {}
        kept = {name: record for name in alive if (record := self._kept(block, name)) is not None}
        if len(kept) == len(alive):
            return kept
        if self._template is None and self._to_import:
            self._template = self._make_template(self._to_import)
        cached = {name: self._prepare_file_cache(state.variants[name].data_files()) for name in alive}
        try:
            found = self._run_slices(
                {name: self._knobs_of(block, name) for name in alive},
                self._journal.runs,
                list(itertools.islice(blocks(alive, seed=state.seed + block), slicing.rounds)),
                slicing,
                seed=state.seed + block,
                on_event=self._on_event,
                cancel=self._cancel,
                template=self._template,
            )
        except NoRoom as error:
            self._journal.take_no_turns(str(error))
            return {}
        if self._cancel.is_set():
            raise _Stopped("cancelled")
        for name in [name for name in alive if found[name].status == "failed"]:
            beside, (found[name], _) = found[name], self._run_trial(name, self._knobs_of(block, name))
            if found[name].status == "ok":
                why = beside.failure.message if beside.failure is not None else ""
                self._journal.take_no_turns(f"'{name}' runs by itself, but not beside the others: {why}")
                return {}
        for name in alive:
            self._enter(block, name, found[name], cached[name])
        self._to_import = self._to_import or [self._journal.runs / record.run_id for record in found.values()]
        return found

    def _knobs_of(self, block: int, name: str) -> Knobs:
        """The knobs of a variant in a block: samples are kept once, which is enough to compare them."""
        knobs = self._journal.state.variants[name]
        return knobs if block == 0 else knobs.changed(checked_samples=0)

    def _measure(self, block: int, name: str) -> Record:
        """Run a trial and enter it in the journal."""
        if not self._is_warm:
            self._warm_up()
        record, cached = self._run_trial(name, self._knobs_of(block, name))
        self._enter(block, name, record, cached)
        return record

    def _enter(self, block: int, name: str, record: Record, cached: float | None) -> None:
        policy = self._journal.state.policy
        self._journal.add(
            VariantTrial(
                block=block,
                variant=name,
                run_id=record.run_id,
                disturbed=disturbances(record.machine, policy),
                files_cached_share=cached,
            )
        )
        self._done += 1
        self._tell(name, record)

    def _run_trial(self, name: str, knobs: Knobs) -> tuple[Record, float | None]:
        if self._cancel.is_set():
            raise _Stopped("cancelled")
        cached = self._prepare_file_cache(knobs.data_files())
        program = self._journal.state.programs.get(name)
        record = self._launch(knobs, self._journal.runs, program=program, on_event=self._on_event, cancel=self._cancel)
        if self._cancel.is_set():
            raise _Stopped("cancelled")
        return record, cached

    def _prepare_file_cache(self, files: Sequence[Path]) -> float | None:
        """Bring the file cache to the state in which every trial finds it; gives the share of the files in it."""
        if not self._journal.state.cold_cache:
            warm(files)
            return cached_share(files)
        for _ in range(_FORGET_TIMES):
            forget(files)
            cached = cached_share(files)
            if cached is None or cached <= _COLD_SHARE:
                return cached
        problem = Problem(
            f"the system keeps {format_share(cached)} of the data set's files in memory",
            remedy="Put the data set on a disk where nobody else reads them, or leave cold_cache out",
        )
        raise BadInput("cold_cache", [problem])

    def _kept(self, block: int, name: str) -> Record | None:
        """The record of a trial that was run before the comparison was interrupted."""
        trial = self._journal.accepted(block, name)
        if trial is None:
            return None
        try:
            return self._kept_records.read(trial.run_id)
        except BadInput as error:
            self._compared.notes.append(f"A trial of '{name}' was run anew, for its record was of no use: {error}")
            return None

    def _is_to_be_repeated(self, block: int, name: str, record: Record) -> bool:
        state = self._journal.state
        ran = self._journal.trials_of(block, name)
        repeats = sum(bool(trial.disturbed) for trial in ran[:-1])
        is_disturbed = record.status == "ok" and bool(disturbances(record.machine, state.policy))
        return is_disturbed and repeats < state.policy.repeats and not self._journal.is_mostly_busy()

    def _has_failed(self, name: str) -> bool:
        own = self._compared.records[name]
        return bool(own) and own[-1].status == "failed"

    def _is_over_budget(self) -> bool:
        budget_s = self._journal.state.policy.budget_s
        if budget_s is None or not self._block_s:
            return False
        spent_s = (self._clock() - self._began_ns) / NS_PER_S
        in_turns = self._journal.state.policy.slicing is not None  # then the first block takes longer than the others
        return spent_s + (self._block_s[-1] if in_turns else float(np.median(self._block_s))) > budget_s

    def _tell(self, name: str, record: Record) -> None:
        if self._on_trial is not None:
            self._on_trial(self._journal.num_accepted, self._journal.state.most_blocks * len(self._names), name, record)


def _age(seconds: float) -> str:
    """``"25 min"``, ``"3 h"``, ``"9 days"``; a clock that was set back meanwhile does not tell."""
    if seconds < 0.0:
        return "an unknown time"
    minutes = seconds / 60.0
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"
