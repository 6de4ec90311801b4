"""A trial of several ranks: torchrun's agent starts them and ends all where one dies; their records become one."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.ranks.joined import joined_record
from workbench.measure.timing.moment import Moment
from workbench.measure.trial.process_tree import adopt_orphans, end_others
from workbench.records import Failure, FailureKind, Phase, Record
from workbench.records.run_folder import KNOBS, SAMPLES, SPANS, read_record
from workbench.units import counted

_RANK = ("-m", "workbench.measure.ranks.rank")

#: How often it is looked whether all ranks live, in seconds.
_LOOK_S = 0.1

#: What a rank says that has lost another one: it is not the cause.
_LOST_ANOTHER = ("closed by peer", "reset by peer", "broken pipe", "gloo", "nccl", "process group")


class RankFailed(Exception):
    """A rank has failed, and with it the trial.

    Attributes:
        failure: Its own failure, with the number of the rank.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class RankedTrial:
    """Measures one set of knobs with several ranks.

    Args:
        knobs: What is to be measured.
        folder: The run folder; each rank has one of its own in it.
        started_ns: When the process was started, on the clock.
        events_fd: Where rank 0 writes its events.

    Attributes:
        phase: What the trial is doing; where it fails, the record says so.
    """

    def __init__(self, knobs: Knobs, folder: Path, *, started_ns: int, events_fd: int) -> None:
        self.phase: Phase = "launch"
        self._knobs = knobs
        self._folder = folder
        self._started_ns = started_ns
        self._events_fd = events_fd

    def run(self) -> Record:
        """Do it.

        Raises:
            BadInput: For more ranks than there are cores or GPUs.
            RankFailed: Where a rank ended badly, in whatever way; all are gone then.
            RanksDiffer: Where they hold different parameters.
        """
        check_ranks(self._knobs)
        for number in range(self._knobs.ranks):
            own = folder_of(self._folder, number)
            own.mkdir()
            shutil.copyfile(self._folder / KNOBS, own / KNOBS)
        self._launch()
        records = [read_record(folder_of(self._folder, number)) for number in range(self._knobs.ranks)]
        for name in (SPANS, SAMPLES):
            kept = folder_of(self._folder, 0) / name
            if kept.is_file():
                shutil.copyfile(kept, self._folder / name)
        return joined_record(records, self._folder.name)

    def _launch(self) -> None:
        """Start the ranks, and wait until all have ended well."""
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        count, began = self._knobs.ranks, Moment()
        adopt_orphans()  # what a rank leaves that dies
        # What torchrun sets to 1, where nobody else does: ranks share the cores.
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // count)))
        os.dup2(self._events_fd, sys.stdout.fileno())  # which ranks inherit
        logs = self._folder / "torchrun"  # what the agent keeps there is of no use to anybody
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=self._folder.name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=_LOOK_S,
            logs_specs=DefaultLogsSpecs(log_dir=str(logs)),
        )
        arguments = [*_RANK, str(self._folder), "--started-ns", str(self._started_ns)]
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except ChildFailedError as error:
            raise RankFailed(cause_of(error.failures, self._folder, count)) from None
        finally:
            end_others(began)
            shutil.rmtree(logs, ignore_errors=True)


def check_ranks(knobs: Any) -> None:
    """See, before any trial, whether there are as many cores or GPUs as ranks.

    Raises:
        BadInput: Where there are fewer.
    """
    if knobs.ranks == 1:
        return
    there = len(os.sched_getaffinity(0))
    kind = "core"
    if knobs.device in ("auto", "cuda"):
        import torch

        if torch.cuda.is_available():
            there, kind = torch.cuda.device_count(), "GPU"
    if knobs.ranks > there:
        what = f"each rank needs a {kind} of its own, and here {counted(there, kind)} can be had"
        raise BadInput("knobs", [Problem(what, f"ranks={knobs.ranks}", f"Take ranks={there} at most")])


def folder_of(run_folder: Path, rank: int) -> Path:
    """The run folder of one rank."""
    return run_folder / f"rank-{rank}"


def cause_of(failures: Mapping[int, Any], folder: Path, count: int) -> Failure:
    """The failure that the others came of, which may have been seen in the same moment.

    Args:
        failures: torchrun's own, by rank: each with `exitcode`.
        folder: The run folder.
        count: How many ranks there were.
    """
    killed = {rank: -one.exitcode for rank, one in failures.items() if one.exitcode < 0}
    for rank, number in sorted(killed.items()):
        if number != signal.SIGTERM:
            return _killed(rank, number)
    found = {rank: failure for rank in range(count) if (failure := _failure_of(folder_of(folder, rank))) is not None}
    own = [rank for rank, failure in found.items() if not any(w in failure.message.lower() for w in _LOST_ANOTHER)]
    for rank in [*own, *found]:
        return found[rank].model_copy(update={"message": f"rank {rank}: {found[rank].message}"})
    rank, failure = next(iter(sorted(failures.items())))
    message = f"rank {rank} ended with exit code {failure.exitcode} and left no record"
    return Failure(kind="crash", phase="launch", message=message)


def _killed(rank: int, number: int) -> Failure:
    name = signal.Signals(number).name
    kind: FailureKind = "killed" if number == signal.SIGKILL else "crash"
    remedy = ", as the kernel does when memory runs out. Lower batch_size, num_workers or ranks"
    message = f"rank {rank} was ended by signal {name}{remedy if kind == 'killed' else ''}"
    return Failure(kind=kind, phase="steady", message=message)


def _failure_of(folder: Path) -> Failure | None:
    try:
        return read_record(folder).failure
    except BadInput:
        return None
