"""A trial with profilers between two without: figures come from a clean one, and what the profilers cost is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import ProfilerOverhead, Record
from workbench.records.run_folder import RECORD, write_json


def trials_of(knobs: Knobs) -> int:
    """How many trials `run_profiled` runs."""
    return 3 if knobs.profilers else 1


def run_profiled(
    knobs: Knobs,
    runs: Path,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
) -> Record:
    """Run one trial; where the knobs ask for profilers, a clean one before it and one after.

    What a run says of itself is said by a clean trial, the first one; the trial with profilers says what these have
    found. Their overhead is the throughput without them over that with them. Two clean trials give it a spread: how far
    they are apart is what this machine makes up by itself.

    Args:
        knobs: What is to be measured.
        runs: Folder of run folders.
        on_event: Called with progress.
        cancel: When set, the running trial is ended.

    Returns:
        The record of the clean trial before, which names the one with profilers; of the one after, where that before
        has failed; where both have, of the trial with profilers, with a note. Of the trial that was cancelled, if one
        was.
    """
    if not knobs.profilers:
        return run_trial(knobs, runs, on_event=on_event, cancel=cancel)

    def run(which: str, knobs: Knobs) -> Record:
        return run_trial(knobs, runs, on_event=_naming(which, on_event), cancel=cancel)

    clean_knobs = knobs.changed(profilers=(), line_functions=(), native_stacks=False)
    before = run("clean run before", clean_knobs)
    if cancel is not None and cancel.is_set():
        return before
    record = run("with profilers", knobs.changed(checked_samples=0))
    if cancel is not None and cancel.is_set():
        return record
    after = run("clean run after", clean_knobs.changed(checked_samples=0, isolated_samples=0))
    clean = [trial for trial in (before, after) if trial.steady is not None]
    overhead = overhead_of(record, clean)
    if overhead is not None:
        record = _written(record, runs, profiler_overhead=overhead)
    if clean:
        return _written(clean[0], runs, profiled_run_id=record.run_id)
    why = before.failure.message.splitlines()[0] if before.failure and before.failure.message else "no reason given"
    note = f"both runs without profilers failed, so these figures are of the run with them ({why})"
    return _written(record, runs, notes=[note, *record.notes])


def _naming(which: str, on_event: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    if on_event is None:
        return None
    return lambda event: on_event(event.model_copy(update={"trial": which}))


def _written(record: Record, runs: Path, **changes: object) -> Record:
    """A record with some fields changed, in its folder as well."""
    changed = record.model_copy(update=changes)
    write_json(runs / record.run_id / RECORD, changed)
    return changed


def overhead_of(record: Record, plain: list[Record]) -> ProfilerOverhead | None:
    """What the profilers of a trial cost; None where it, or every trial without them, has failed."""
    rates = [trial.steady.samples_per_s for trial in plain if trial.steady is not None]
    if record.steady is None or not rates:
        return None
    factors = sorted(rate / record.steady.samples_per_s for rate in rates)
    return ProfilerOverhead(
        profilers=list(record.knobs.profilers),
        factor=float(sum(factors) / len(factors)),
        lowest=factors[0],
        highest=factors[-1],
        run_ids=[trial.run_id for trial in plain if trial.steady is not None],
    )
