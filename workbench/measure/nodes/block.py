"""What runs on a node: one block of a comparison."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import Launch, RunSlices, run_comparison
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.nodes.result import BlockResult, packed
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import ComparisonState

#: How often it is looked whether the block is still asked for.
_LOOK_S = 0.2

#: Progress within one phase is sent no more often than this.
_TELL_S = 0.5

#: What Dask sets in the processes that it starts, unless its configuration says otherwise.
_SET_BY_DASK = {
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class BlockJob:
    """A block that is to be run.

    Attributes:
        comparison: Names the comparison, so that a node knows what it has run of it.
        state: Its variants and rules, as JSON: those variants that still run.
        block: Number of the block.
        order: Names of the variants in the order in which they run.
    """

    comparison: str
    state: str
    block: int
    order: list[str]


#: By comparison: the journal of what this process has run of it, in a folder of its own.
_journals: dict[str, Journal] = {}

#: Blocks that run in this process; one at a time, unless somebody else's Dask does what it likes.
_running = threading.Semaphore(1)
_num_running = 0


def run_block(
    job: BlockJob,
    *,
    on_event: Callable[[Event], None] | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
    scratch: Path | None = None,
    launch: Launch = run_trial,
    run_slices: RunSlices = run_sliced_block,
) -> BlockResult:
    """Run a block in this process, one trial at a time or in turns, as the comparison would where it was begun.

    The first one begins with a warm-up trial where trials run whole, and so does one after a long rest.

    Args:
        job: The block.
        on_event: Called with progress.
        is_wanted: Whether somebody still asks for it; when nobody does, its trials are ended.
        scratch: Where folders of trials may lie for as long as the comparison takes; None: where temporary files do.
        launch: Runs a trial.
        run_slices: Runs the trials of a block in turns.
    """
    global _num_running
    leave_out_dasks_variables(os.environ)
    cancel, is_over = threading.Event(), threading.Event()

    def watch() -> None:
        while not is_over.wait(_LOOK_S):
            if not is_wanted():
                cancel.set()

    with _running:
        _num_running += 1
        watcher = threading.Thread(target=watch, name="block-watch", daemon=True)
        watcher.start()
        try:
            return _run(_journal_for(job, scratch), job, on_event, cancel, launch, run_slices)
        finally:
            is_over.set()
            watcher.join()
            _num_running -= 1


def num_running() -> int:
    """How many blocks run in this process."""
    return _num_running


def forget(comparison: str) -> None:
    """Remove what this process keeps of a comparison that is over."""
    journal = _journals.pop(comparison, None)
    if journal is not None:
        shutil.rmtree(journal.folder.parent, ignore_errors=True)


def leave_out_dasks_variables(environment: Any) -> None:
    """Take out of an environment what Dask has put there: neither trials nor observed scripts get it.

    Trials get no variable that decides how fast they are (`measure.trial.variables`), but the environment of a script
    is the user's; and what Dask sets is none of the user's.
    """
    for name, value in _SET_BY_DASK.items():
        if environment.get(name) == value:
            del environment[name]
    for name in [name for name in environment if name.startswith("DASK_")]:
        del environment[name]


def quiet(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """The same, but not called more often than a reader can see: what is sent costs time beside the trial."""
    last: tuple[str, str, float] = ("", "", 0.0)

    def tell(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if (event.phase, event.trial) != last[:2] or event.message or now - last[2] >= _TELL_S:
            last = event.phase, event.trial, now
            on_event(event)

    return tell


def _journal_for(job: BlockJob, scratch: Path | None) -> Journal:
    """The journal of the comparison here, made ready for this block."""
    asked = ComparisonState.model_validate_json(job.state)
    journal = _journals.get(job.comparison)
    if journal is None:
        folder = Path(tempfile.mkdtemp(prefix="workbench-node-", dir=scratch))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (folder / "runs").mkdir()
        begun = asked.model_copy(update={"runs": str(folder / "runs"), "trials": [], "warmup_run_id": None})
        journal = _journals[job.comparison] = Journal(folder / "comparison", begun)
    changes: dict[str, Any] = {
        "variants": asked.variants,
        "policy": asked.policy.model_copy(update={"budget_s": None}),
        "most_blocks": job.block + 1,
        "trials": [trial for trial in journal.state.trials if trial.block != job.block],
        "whole_because": "",
        "stop": None,
    }
    journal.replace(journal.state.model_copy(update=changes))
    return journal


def _run(
    journal: Journal,
    job: BlockJob,
    on_event: Callable[[Event], None] | None,
    cancel: threading.Event,
    launch: Launch,
    run_slices: RunSlices,
) -> BlockResult:
    warm = journal.state.warmup_run_id
    compared = run_comparison(
        journal,
        on_event=quiet(on_event) if on_event is not None else None,
        cancel=cancel,
        launch=launch,
        run_slices=run_slices,
        make_template=lambda folders: None,
        only=[(job.block, job.order)],
    )
    state = journal.state
    trials = [trial for trial in state.trials if trial.block == job.block]
    warmup = state.warmup_run_id if state.warmup_run_id != warm else None
    known = {trial.run_id for trial in trials}
    records = [record for own in compared.records.values() for record in own]
    failed = next((record.run_id for record in records if record.run_id not in known), None)
    run_ids = [*filter(None, [warmup, failed]), *(trial.run_id for trial in trials)]
    return BlockResult(
        host=socket.gethostname(),
        trials=[trial.model_dump_json() for trial in trials],
        warmup_run_id=warmup,
        failed_run_id=failed,
        stop=state.stop,
        whole_because=state.whole_because,
        notes=compared.notes,
        folders={run_id: packed(journal.runs / run_id) for run_id in run_ids},
    )
