"""What a device that had nothing to do was waiting for: its idle time, charged to what its next step had to wait for.

From the begin of a step on the device one goes back in time along what it waited for: the main process, and wherever
that waited itself, the worker that made its batch, or the background thread that had to make room; until the step
before began on the device. All that lies on this way has delayed the step, so the idle time before it is shared out
over the way in proportion. (What the main process did in the idle moments themselves says less: where its background
thread bounds the run, the device is at work while the loop waits for that thread, and idle when the loop goes on.)

Each second is charged once, so that charges add up to the idle time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from workbench.explain.breakdown import BACKLOG, BATCH_WAIT, IDLE, receives
from workbench.records import Record, Steady
from workbench.stages import RANK_WAIT, Catalogue, Lane
from workbench.units import NS_PER_S

#: What holds up the device: `loading` is a worker that makes a batch (`rare`: one of its rare slow samples), `epoch` a
#: worker that had no order because an epoch had ended, `main` is the work of the loop, `background` that of its thread
#: for results; `late` is a thread that goes on later than it could, for it gets no core, or not the interpreter's lock.
Kind = Literal[
    "loading", "rare", "sending", "receiving", "start", "epoch", "main", "background", "late", "ranks", "unexplained"
]

#: Of this number of spans after a wait for a batch, one names the batch.
_SOON = 8

#: Where nothing of a lane says which stage it is.
_NO_STAGE = ""


@dataclass(frozen=True)
class Holder:
    """Who held up the device, and in which stage; ``""`` where it is not known, or does not matter."""

    kind: Kind
    stage: str = _NO_STAGE


Charges = Mapping[Holder, float]


class _Thread:
    """The spans of one thread, in the order of their begins."""

    def __init__(self, spans: pd.DataFrame) -> None:
        spans = spans.sort_values("begin_ns", kind="stable")
        self.begin: list[int] = spans["begin_ns"].tolist()
        self.end: list[int] = spans["end_ns"].tolist()
        self.stage: list[str] = spans["stage"].tolist()
        self.batch: list[int] = spans["batch"].tolist()

    def before(self, now: int) -> int:
        """The last span that began before a moment; -1 where there is none."""
        return bisect_left(self.begin, now) - 1

    def covers(self, index: int, now: int) -> bool:
        """Whether a span reaches up to a moment."""
        return index >= 0 and self.end[index] >= now


@dataclass(frozen=True)
class _Made:
    """How a worker made a batch: from when to when, and the share of each stage in it (unexplained under ``""``)."""

    worker: int
    begin: int
    end: int
    shares: Mapping[str, float]


class CriticalPath:
    """Goes back from every step of the device to what it waited for.

    Args:
        record: The run.
        steady: Its counted steps.
        spans: All its spans.
        lane: Where its model runs: on a device, or in the main process itself.
        rare: By batch: share of its making that rare slow samples are to blame for.
    """

    def __init__(
        self,
        record: Record,
        steady: Steady,
        spans: pd.DataFrame,
        lane: Lane = "device",
        rare: Mapping[int, float] | None = None,
    ) -> None:
        self._rare = rare or {}
        self._steady = steady
        self._kinds: Catalogue = record.catalogue
        inside = spans[(spans["end_ns"] > steady.begin_ns) & (spans["begin_ns"] < steady.end_ns)]
        background = inside["background"].astype(bool)
        main, worker = inside["lane"] == "main", inside["lane"] == "worker"
        on_the_way = inside["stage"].map(
            {name: receives(self._kinds.find("main", name)) for name in set(inside["stage"])}
        )
        self._main = _Thread(inside[main & ~background])
        self._results = _Thread(inside[main & background & ~on_the_way.astype(bool)])
        self._receiver = _Thread(inside[main & background & on_the_way.astype(bool)])
        made = inside[worker & ~background]
        self._workers = {
            number: _Thread(made[made["process"] == number]) for number in made["process"].unique().tolist()
        }
        self._batches = self._made(made)
        self._typical = _typical(list(self._batches.values()))
        self._per_epoch, self._refills = self._epoch_budgets(record)
        handed = [at for at, stage in enumerate(self._main.stage) if stage == BACKLOG]
        self._handed = {self._main.batch[at]: self._main.end[at] for at in handed}
        self._steps = _steps(self._kinds, steady, inside, lane)
        # A model that runs in the main process itself delays nobody while it runs: all else comes before or after it.
        self._in_main = record.device == "cpu" or lane == "main"
        self._charges: dict[Holder, float] = defaultdict(float)
        self._left: dict[int, float] = {}

    @property
    def busy_share(self) -> float:
        """Share of the time in which the device was at work."""
        busy = sum(end - begin for begin, end, _ in self._steps)
        return busy / max(self._steady.end_ns - self._steady.begin_ns, 1)

    def charges(self) -> Charges:
        """Seconds of the device's idle time, by who held it up; they add up to all of it."""
        self._charges.clear()
        self._left = dict(self._refills)
        idle_from, floor = self._steady.begin_ns, self._steady.begin_ns
        for begin, end, first in [*self._steps, (self._steady.end_ns,) * 3]:
            if begin > idle_from:
                self._share_out(floor, idle_from, begin)
            idle_from, floor = end, first
        return {holder: ns / NS_PER_S for holder, ns in self._charges.items()}

    def _share_out(self, floor: int, idle_from: int, until: int) -> None:
        """The idle time before a step, over what lies on the way from it back to the begin of the step before."""
        way = _Way(self, idle_from if self._in_main else floor, idle_from)
        way.go_back(until)
        total = sum(way.pieces.values())
        if not total:
            self._charges[Holder("unexplained")] += until - idle_from
        for holder, ns in way.pieces.items():
            self._charges[holder] += (until - idle_from) * ns / total

    def _made(self, spans: pd.DataFrame) -> dict[int, _Made]:
        no_work = self._kinds.names("wait", "start", lane="worker")
        work = spans[~spans["stage"].isin(no_work) & (spans["batch"] >= 0)]
        work = work.assign(ns=work["end_ns"] - work["begin_ns"])
        ends = work.groupby("batch").agg(worker=("process", "first"), begin=("begin_ns", "min"), end=("end_ns", "max"))
        of: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for batch, stage, ns in zip(work["batch"].tolist(), work["stage"], work["ns"].tolist(), strict=True):
            of[batch][stage] += ns
        found = {}
        for batch, worker, begin, end in zip(ends.index.tolist(), *(ends[name].tolist() for name in ends), strict=True):
            whole = max(end - begin, sum(of[batch].values()), 1)
            shares = {stage: ns / whole for stage, ns in of[batch].items()}
            shares[_NO_STAGE] = 1.0 - sum(shares.values())
            found[batch] = _Made(worker, begin, end, shares)
        return found

    def _epoch_budgets(self, record: Record) -> tuple[int, dict[int, float]]:
        """Batches of an epoch, and by epoch what its workers were idle before their first batches, on the average."""
        knobs, described = record.knobs, record.description
        if knobs.epoch_overlap or not knobs.num_workers or described is None:
            return 0, {}
        per_epoch = -(-(described.epoch_samples or described.num_samples) // knobs.batch_size)
        budgets: dict[int, float] = defaultdict(float)
        for number, made in self._batches.items():
            if number % per_epoch < knobs.num_workers:
                thread = self._workers[made.worker]
                at = thread.before(made.begin)
                while at >= 0 and self._kinds.find("worker", thread.stage[at]).role in ("wait", "start"):
                    if thread.stage[at] == IDLE:
                        budgets[number // per_epoch] += (thread.end[at] - thread.begin[at]) / knobs.num_workers
                    at -= 1
        return per_epoch, dict(budgets)


class _Way:
    """The way back from one step of the device.

    Attributes:
        pieces: Nanoseconds of it, by who they are of.
    """

    def __init__(self, path: CriticalPath, floor: int, idle_from: int) -> None:
        self._path = path
        self._floor = floor
        self._idle_from = idle_from
        self.pieces: dict[Holder, float] = defaultdict(float)

    def go_back(self, now: int) -> None:
        """From a moment at which the main process went on."""
        on: int | str | None = "main"
        while on is not None and now > self._floor:
            if on == "main":
                now, on = self._on_main(now)
            elif on == "background":
                now, on = self._in_background(now)
            else:
                now, on = self._in_worker(int(on), now)

    def _add(self, holder: Holder, begin: int, end: int) -> int:
        """Charge the part of an interval that lies on the way; gives where it begins."""
        begin = max(begin, self._floor)
        if end > begin:
            self.pieces[holder] += end - begin
        return min(begin, end)

    def _on_main(self, now: int) -> tuple[int, int | str | None]:
        path, main = self._path, self._path._main
        at = main.before(now)
        if not main.covers(at, now):
            return self._add(Holder("unexplained"), main.end[at] if at >= 0 else self._floor, now), "main"
        stage, begin = main.stage[at], main.begin[at]
        if stage == BATCH_WAIT:
            return self._awaited(self._batch_after(at), begin, now)
        if path._kinds.find("main", stage).role != "wait":
            return self._add(Holder("main", stage), begin, now), "main"
        if stage == RANK_WAIT:
            return self._add(Holder("ranks", stage), begin, now), "main"
        results = path._results
        last = results.before(now)
        if stage == BACKLOG or (last >= 0 and results.end[last] > max(begin, self._idle_from)):
            return self._worked_on_results(begin, now)
        return self._waited_for_device(begin, now, "main")

    def _worked_on_results(self, begin: int, now: int) -> tuple[int, int | str | None]:
        """The main process waited for its background thread, from `begin` on: it went on when that was through."""
        results = self._path._results
        last = results.before(now)
        if last < 0 or results.end[last] <= begin:
            return self._add(Holder("late"), begin, now), "main"
        return self._add(Holder("late"), min(results.end[last], now), now), "background"

    def _waited_for_device(self, begin: int, now: int, thread: str) -> tuple[int, str | None]:
        """Who waits for a device that is idle goes on late; before that it is the device that was at work."""
        now = self._add(Holder("late"), max(begin, self._idle_from), now) if now > self._idle_from else now
        return now, thread if begin > self._idle_from else None

    def _in_background(self, now: int) -> tuple[int, int | str | None]:
        path, results = self._path, self._path._results
        at = results.before(now)
        if not results.covers(at, now):
            gap_from = results.end[at] if at >= 0 else self._floor
            if self._got_work_at(at + 1, gap_from):
                return now, "main"
            return self._add(Holder("late"), gap_from, now), "background"
        if path._kinds.find("main", results.stage[at]).role == "wait":
            return self._waited_for_device(results.begin[at], now, "background")
        return self._add(Holder("background", results.stage[at]), results.begin[at], now), "background"

    def _got_work_at(self, span: int, gap_from: int) -> bool:
        """Whether the background thread had nothing to do before a span of it, until the loop gave it something."""
        path, results = self._path, self._path._results
        if span == len(results.stage):
            return False
        is_first = span == 0 or results.batch[span] != results.batch[span - 1]
        return is_first and path._handed.get(results.batch[span], 0) > gap_from

    def _batch_after(self, wait: int) -> int:
        """The batch that ended a wait: that of what follows; of a script, the wait itself names the one before."""
        main = self._path._main
        for at in range(wait + 1, min(wait + 1 + _SOON, len(main.stage))):
            if main.stage[at] != BATCH_WAIT and main.batch[at] >= 0:
                return main.batch[at]
        return main.batch[wait]

    def _awaited(self, batch: int, begin: int, now: int) -> tuple[int, int | str | None]:
        """The main process waited for a batch, from `begin` on: for its way to it, and before that for its worker."""
        made = self._path._batches.get(batch)
        if made is None or made.begin >= now:  # which batch it was is not known: any
            for stage, share in self._path._typical.items():
                self.pieces[Holder("loading", stage)] += share * max(0, now - max(begin, self._floor))
            return begin, "main"
        ready = max(made.end, begin)
        if now > ready:
            now = self._on_its_way(batch, ready, now)
        return now, made.worker if now > begin else "main"

    def _on_its_way(self, batch: int, ready: int, now: int) -> int:
        """From the end of a batch's making to its arrival: what its thread of the main process did, and sending."""
        receiver, left = self._path._receiver, max(ready, self._floor)
        for at in range(receiver.before(now), -1, -1):
            if receiver.end[at] <= left:
                break
            held = min(receiver.end[at], now)
            self._add(Holder("sending", "send"), held, now)
            now = self._add(Holder("receiving", receiver.stage[at]), max(receiver.begin[at], left), held)
        return self._add(Holder("sending", "send"), left, now)

    def _in_worker(self, worker: int, now: int) -> tuple[int, int | str | None]:
        path, thread = self._path, self._path._workers[worker]
        at = thread.before(now)
        if at < 0:
            return self._add(Holder("loading"), self._floor, now), None
        stage, batch = thread.stage[at], thread.batch[at]
        made = path._batches.get(batch)
        if made is not None and made.worker == worker and made.end >= now > made.begin:
            return self._made(batch, made, now), worker
        role = path._kinds.find("worker", stage).role
        # Until its first stage a new worker waits for its first order, and imports and opens what its data set needs.
        before = at - 1 if role == "wait" else at
        is_new = before >= 0 and path._kinds.find("worker", thread.stage[before]).role == "start"
        begin = thread.begin[at] if thread.covers(at, now) else thread.end[at]
        if is_new:
            return self._add(Holder("start", thread.stage[before]), begin, now), worker
        if not thread.covers(at, now):
            return self._add(Holder("loading"), begin, now), worker
        if role != "wait":
            return self._add(Holder("loading", stage), begin, now), worker
        main = path._main  # the worker had no order: whoever gives them held it up
        gives = main.before(now)
        if main.covers(gives, now) and main.stage[gives] == BATCH_WAIT:
            return self._add(Holder("epoch"), main.begin[gives], now), "main"
        return now, "main"

    def _made(self, batch: int, made: _Made, now: int) -> int:
        """The making of a batch; of the first ones of an epoch what the workers were idle before is the epoch's."""
        begin = max(made.begin, self._floor)
        left = float(now - begin)
        per_epoch, budgets = self._path._per_epoch, self._path._left
        epoch = batch // per_epoch if per_epoch else -1
        if budgets.get(epoch, 0.0) > 0.0:
            refill = min(left, budgets[epoch])
            self.pieces[Holder("epoch")] += refill
            budgets[epoch] -= refill
            left -= refill
        rare = self._path._rare.get(batch, 0.0)
        if rare:
            self.pieces[Holder("rare")] += left * rare
            left *= 1.0 - rare
        for stage, share in made.shares.items():
            if share > 0.0:
                self.pieces[Holder("loading", stage)] += left * share
        return begin


def _typical(batches: Sequence[_Made]) -> Mapping[str, float]:
    """What batches are made of on the average; unexplained where none is known."""
    shares: dict[str, float] = defaultdict(float)
    for made in batches:
        for stage, share in made.shares.items():
            shares[stage] += share / len(batches)
    return shares or {_NO_STAGE: 1.0}


def _steps(kinds: Catalogue, steady: Steady, spans: pd.DataFrame, lane: Lane) -> Sequence[tuple[int, int, int]]:
    """The work of the device: begin and end of each stretch of it, and the begin of the last step in that."""
    role = "work" if lane == "device" else "submit"
    own = spans[(spans["lane"] == lane) & ~spans["background"].astype(bool)]
    rows = {name: kinds.find(lane, name) for name in own["stage"].unique()}
    model = [name for name, row in rows.items() if row.role == role and not row.moves_bytes]
    own = own[own["stage"].isin(model)].sort_values("begin_ns", kind="stable")
    steps = own.groupby("batch")["begin_ns"].transform("min").where(own["batch"] >= 0, own["begin_ns"])
    found: list[tuple[int, int, int]] = []
    columns = (
        column.clip(steady.begin_ns, steady.end_ns).tolist() for column in (own["begin_ns"], own["end_ns"], steps)
    )
    for begin, end, step in zip(*columns, strict=True):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]), max(step, found[-1][2]))
        else:
            found.append((begin, end, step))
    return found
