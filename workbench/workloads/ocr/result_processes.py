"""A small pool of processes that find and score words beside the loop.

Each has slots of shared memory. A batch's maps are copied into one, then the process gets their shape, and what comes
back are a few numbers: no array is pickled. Batches go round, and results are taken in the order of the batches.

The processes are forked before the device is made, as loader workers are. They end when they are told to, or when the
trial's process is gone, however it went.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workbench.errors import ProcessDied
from workbench.measure.timing.stages import become_worker
from workbench.memory import SharedMemory
from workbench.workload import Timed
from workbench.workloads.ocr.scoring import Maps, Scored, Scorer

#: Two keep up with a device of about a millisecond a page, and leave cores to whoever loads.
NUM_PROCESSES = 2

#: Batches that a process has in its memory: one that it works on, and the next one.
_SLOTS = 2

#: Batches that may be with the processes.
MAX_WITH_PROCESSES = NUM_PROCESSES * _SLOTS

_BYTES_A_MATRIX = 9 * 8

#: How long a process that was told to end may take.
_END_WITHIN_S = 5.0

_TimerOf = Callable[..., Timed]
_Then = Callable[[Scored], None]


@dataclass(frozen=True)
class _Order:
    """A batch in a slot: what to read there, and whose it is."""

    slot: int
    shape: tuple[int, ...]
    dtype: str
    pages: list[int]
    batch: int


@dataclass
class _Member:
    """One of the processes, as the trial's process sees it."""

    process: ForkProcess
    connection: Connection
    memory: SharedMemory
    next_slot: int = 0


@dataclass
class ResultProcesses:
    """The processes; used by one thread at a time.

    Attributes:
        slot_bytes: Room for the maps and matrices of a batch.
        scorer: Does the work.
        timers: What times the stages of each process, one for each.
    """

    slot_bytes: int
    scorer: Scorer
    timers: Sequence[_TimerOf]
    _members: list[_Member] = field(default_factory=list)
    _pending: deque[tuple[_Member, _Then]] = field(default_factory=deque)
    _count: int = 0

    def start(self) -> list[int]:
        """Start them; gives their numbers as processes."""
        context = multiprocessing.get_context("fork")
        for number, timer in enumerate(self.timers):
            memory = SharedMemory(_SLOTS * self.slot_bytes, name="workbench-results")
            own, theirs = context.Pipe()
            process = context.Process(
                target=_serve,
                args=(theirs, memory, self.slot_bytes, self.scorer, timer),
                name=f"results {number}",
                daemon=True,
            )
            process.start()
            theirs.close()
            self._members.append(_Member(process, own, memory))
        return [member.process.pid or 0 for member in self._members]

    def make_room(self) -> None:
        """Wait until the process whose turn it is has a free slot.

        Raises:
            ProcessDied: Where a process is gone.
            Exception: What one has raised.
        """
        while len(self._pending) >= len(self._members) * _SLOTS:
            self._take()

    def hand_over(
        self, maps: Maps, matrices: npt.NDArray[np.float64], pages: Sequence[int], batch: int, then: _Then
    ) -> None:
        """Give a batch to the process whose turn it is; there must be room.

        Args:
            maps: [B, S, S], see `Scorer`.
            matrices: float64 [B, 3, 3].
            pages: Numbers of the pages.
            batch: Number of the batch.
            then: Called with what came of it, in the order of the batches, in a later call of this object.

        Raises:
            ProcessDied: Where the process is gone.
        """
        member = self._members[self._count % len(self._members)]
        self._count += 1
        order = _Order(member.next_slot, maps.shape, maps.dtype.str, list(pages), batch)
        member.next_slot = (member.next_slot + 1) % _SLOTS
        own_matrices, own_maps = _views(member.memory, self.slot_bytes, order)
        own_matrices[:] = matrices
        own_maps[:] = maps
        try:
            member.connection.send(order)
        except OSError:
            raise _death_of(member) from None
        self._pending.append((member, then))

    def flush(self) -> None:
        """Wait for all results.

        Raises:
            ProcessDied: Where a process is gone.
            Exception: What one has raised.
        """
        while self._pending:
            self._take()

    def stop(self) -> list[str]:
        """End them, at once where they are not through. Gives what went wrong, a sentence each."""
        notes = []
        for member in self._members:
            with contextlib.suppress(OSError):
                member.connection.send(None)
        for number, member in enumerate(self._members):
            member.process.join(_END_WITHIN_S if not self._pending else 0.0)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
            elif member.process.exitcode:
                notes.append(f"results process {number} ended with {_cause(member.process.exitcode)}")
            member.connection.close()
        self._members.clear()
        self._pending.clear()
        return notes

    def _take(self) -> None:
        member, then = self._pending.popleft()
        wait([member.connection, member.process.sentinel])
        try:
            reply = member.connection.recv() if member.connection.poll() else None
        except (EOFError, OSError):
            reply = None
        if reply is None:
            raise _death_of(member)
        if isinstance(reply, Exception):
            raise reply
        then(reply)


def _death_of(member: _Member) -> ProcessDied:
    process = member.process
    process.join(_END_WITHIN_S)
    code = process.exitcode
    how = "ended without a word" if code is None else f"ended with {_cause(code)}"
    remedy = "The tail of stderr may say more"
    if code == -signal.SIGKILL:
        remedy = "The kernel kills when memory runs out: lower batch_size, or take postprocess=threads"
    return ProcessDied(
        f"a process that finds words (pid {process.pid}) {how}. {remedy}", was_killed=code == -signal.SIGKILL
    )


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _views(memory: SharedMemory, slot_bytes: int, order: _Order) -> tuple[npt.NDArray[np.float64], Maps]:
    """Matrices and maps of a batch in its slot."""
    begin, count = order.slot * slot_bytes, order.shape[0]
    matrices = np.frombuffer(memory.view, np.float64, count * 9, begin).reshape(count, 3, 3)
    dtype = np.dtype(order.dtype)
    values = int(np.prod(order.shape))
    maps = np.frombuffer(memory.view, dtype, values, begin + count * _BYTES_A_MATRIX)
    return matrices, maps.reshape(order.shape)


def room_for(batch_size: int, side: int) -> int:
    """Bytes of a slot: a batch of float32 maps [B, S, S] with its matrices."""
    return batch_size * (_BYTES_A_MATRIX + side * side * 4)


def _serve(connection: Connection, memory: SharedMemory, slot_bytes: int, scorer: Scorer, timer: _TimerOf) -> None:
    """The whole life of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the terminal goes to the parent alone
    become_worker(None)
    cv2.setNumThreads(0)  # threads of the parent's do not survive a fork
    parent = multiprocessing.parent_process()
    assert parent is not None
    while True:
        if parent.sentinel in wait([connection, parent.sentinel]):
            os._exit(0)
        order = connection.recv()
        if order is None:
            return
        reply: Any
        try:
            matrices, maps = _views(memory, slot_bytes, order)
            reply = scorer(maps, matrices, order.pages, partial(timer, batch=order.batch))
        except Exception as error:  # it is raised in the trial's process
            error.add_note(traceback.format_exc())
            reply = error
        connection.send(reply)
