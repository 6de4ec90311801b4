"""A trial through profilers, beside the same trial without: what the profilers cost belongs to what they show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import ProfilerOverhead, Record
from workbench.records.run_folder import RECORD, read_record, write_json


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
    """Run one trial; where the knobs ask for profilers, once without them before it and once after.

    The overhead is the throughput without the profilers over that with them. The two plain trials give it a spread:
    how far they are apart is what this machine makes up by itself.

    Args:
        knobs: What is to be measured.
        runs: Folder of run folders.
        on_event: Called with progress.
        cancel: When set, the running trial is ended.

    Returns:
        The record of the trial through the profilers, with their overhead; of the trial that was cancelled, if one was.
    """
    if not knobs.profilers:
        return run_trial(knobs, runs, on_event=on_event, cancel=cancel)
    plain_knobs = knobs.changed(profilers=(), line_functions=(), native_stacks=False, checked_samples=0)
    say = on_event or (lambda event: None)
    say(Event(phase="imports", message="1 of 3, without profilers"))
    before = run_trial(plain_knobs, runs, on_event=on_event, cancel=cancel)
    if cancel is not None and cancel.is_set():
        return before
    say(Event(phase="imports", message=f"2 of 3, through {', '.join(knobs.profilers)}"))
    record = run_trial(knobs, runs, on_event=on_event, cancel=cancel)
    if cancel is not None and cancel.is_set():
        return record
    say(Event(phase="imports", message="3 of 3, without profilers"))
    after = run_trial(plain_knobs, runs, on_event=on_event, cancel=cancel)
    overhead = overhead_of(record, [before, after])
    if overhead is None:
        return record
    whole = record.model_copy(update={"profiler_overhead": overhead})
    write_json(runs / record.run_id / RECORD, whole)
    return whole


def plain_run(record: Record, runs: Path) -> Record:
    """The run that answers for a run through profilers: the same without them, just before it.

    Args:
        record: A run.
        runs: The folder that its run folder lies in.

    Returns:
        The record itself where it went through no profilers, or where there is no such run.
    """
    if record.profiler_overhead is None:
        return record
    return read_record(runs / record.profiler_overhead.run_ids[0])


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
