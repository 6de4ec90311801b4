"""A run made by hand, with its spans: what a pipeline leaves in which one thing is wrong, exact to the nanosecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from record_factory import make_batches, make_record, make_steady

from workbench.records import SPAN_COLUMNS, Description, Isolated, LaneStats, Limits, Record, StageStats

NS = 1e9

#: Batches that the background thread may fall behind.
PENDING = 3


@dataclass
class Pipeline:
    """What a run is made of; times in seconds.

    Attributes:
        sample: By stage: what it takes for a sample.
        batch: By stage of a worker: what it takes for a batch.
        of_worker: By worker: what every sample takes longer in `decode`.
        of_sample: By sample: likewise.
        locked: What every sample waits in `decode`, neither on a core nor for one.
        ready: For each second on a core: how long a worker waits for one.
        device: For a sample.
        own: By stage of the main process: what it takes for a batch.
        background: By stage of the main process's background thread, which works on results: likewise.
        receiver: By stage of the thread that receives batches: likewise.
        send: What the thread of a worker that sends takes for a batch.
        start: What a worker takes to start, where it starts anew in every epoch.
        after_start: What the first step after that takes longer in `transfer`.
    """

    workers: int = 2
    epochs: int = 4
    per_epoch: int = 8
    size: int = 8
    sample: Mapping[str, float] = field(
        default_factory=lambda: {"read": 1e-4, "decode": 8e-3, "Normalize": 2e-3, "targets": 7e-3}
    )
    batch: Mapping[str, float] = field(default_factory=lambda: {"collate": 0.02})
    send: float = 3e-4
    of_worker: Mapping[int, float] = field(default_factory=dict)
    of_sample: Mapping[int, float] = field(default_factory=dict)
    locked: float = 0.0
    ready: float = 0.1
    device: float = 3e-3
    own: Mapping[str, float] = field(
        default_factory=lambda: {"receive": 2e-3, "transfer": 1e-5, "postprocess": 0.01, "metric": 5e-3}
    )
    background: Mapping[str, float] = field(default_factory=dict)
    receiver: Mapping[str, float] = field(default_factory=dict)
    start: float = 0.0
    after_start: float = 0.0
    cores: int = 2
    knobs: Mapping[str, Any] = field(default_factory=dict)

    def run(self) -> tuple[Record, pd.DataFrame]:
        """The record and the spans of the run."""
        return _Making(self).run()


class _Making:
    def __init__(self, pipeline: Pipeline) -> None:
        self._of = pipeline
        self._rows: list[tuple[Any, ...]] = []
        self._blocked_s = self._work_s = 0.0
        self._sent = [0.0] * pipeline.workers
        self._received = self._background_free = 0.0
        self._pending: list[float] = []

    def run(self) -> tuple[Record, pd.DataFrame]:
        of, now, device_free = self._of, 0.0, 0.0
        free = [0.0] * of.workers
        taken: list[float] = []
        for batch in range(of.epochs * of.per_epoch):
            if batch % of.per_epoch == 0:
                taken = [now] * of.workers * 2
                for worker in range(of.workers if of.start else 0):
                    self._idle(worker, free[worker], now)
                    self._add("worker", worker, "start", now, now + of.start)
                    free[worker] = now + of.start
                ready = self._make_epoch(batch, free, taken)
            number = batch % of.per_epoch
            begin, now = now, max(now, self._receive(ready(number), batch))
            self._add("main", 0, "wait", begin, now, batch=batch)
            now = self._do(now, batch, "receive")
            taken.append(now)
            now = self._do(now, batch, "transfer", of.after_start if number == 0 else 0.0)
            begin = max(now, device_free)
            device_free = begin + of.device * of.size
            self._add("device", 0, "forward", begin, device_free, batch=batch)
            if of.background:
                now = self._collect_in_background(now, device_free, batch)
            else:
                self._add("main", 0, "fetch", now, device_free, batch=batch)
                now = device_free
            for name in of.own:
                if name not in ("receive", "transfer"):
                    now = self._do(now, batch, name)
        begin, now = now, max(now + 1e-6, device_free, self._background_free)
        self._add("main", 0, "drain", begin, now)
        for worker, since in enumerate(free):
            self._idle(worker, since, now)
        spans = pd.DataFrame(self._rows, columns=list(SPAN_COLUMNS))
        return self._record(spans, now), spans

    def _receive(self, sent: float, batch: int) -> float:
        """Gives when the thread that receives has a batch ready, where there is such a thread."""
        if not self._of.receiver:
            return sent
        now = max(sent, self._received)
        for stage, cost in self._of.receiver.items():
            self._add("main", 0, stage, now, now + cost, batch=batch, background=True)
            now += cost
        self._received = now
        return now

    def _collect_in_background(self, now: float, device_free: float, batch: int) -> float:
        """Gives when the main process goes on: at once, but for a background thread that has fallen behind."""
        if len(self._pending) >= PENDING:
            begin, now = now, max(now, self._pending.pop(0))
            self._add("main", 0, "backlog", begin, now, batch=batch)
        begin = max(now, self._background_free)
        free = max(begin, device_free)
        self._add("main", 0, "fetch", begin, free, batch=batch, background=True)
        for stage, cost in self._of.background.items():
            self._add("main", 0, stage, free, free + cost, batch=batch, background=True)
            free += cost
        self._background_free = free
        self._pending.append(free)
        return now

    def _make_epoch(self, first: int, free: list[float], taken: list[float]) -> Any:
        """Gives when a batch of the epoch is ready; it is begun when there is an order, made of what was taken."""

        def ready(number: int) -> float:
            worker = number % self._of.workers
            begin = max(free[worker], taken[number])
            self._idle(worker, free[worker], begin)
            free[worker] = self._make(worker, first + number, number, begin)
            return self._sent[worker]

        return ready

    def _make(self, worker: int, batch: int, number: int, now: float) -> float:
        of, began = self._of, now
        for sample in range(number * of.size, (number + 1) * of.size):
            for stage, cost in of.sample.items():
                longer = of.of_worker.get(worker, 0.0) + of.of_sample.get(sample, 0.0) if stage == "decode" else 0.0
                blocked = of.locked if stage == "decode" else 0.0
                takes = (cost + longer) * (1.0 + of.ready) + blocked
                self._add("worker", worker, stage, now, now + takes, sample, batch)
                self._blocked_s += blocked
                now += takes
        for stage, cost in of.batch.items():
            self._add("worker", worker, stage, now, now + cost * (1.0 + of.ready), batch=batch)
            now += cost * (1.0 + of.ready)
        self._work_s += now - began
        begin = max(now, self._sent[worker])
        self._sent[worker] = begin + of.send
        self._add("worker", worker, "send", begin, begin + of.send, batch=batch, background=True)
        return now

    def _do(self, now: float, batch: int, stage: str, longer: float = 0.0) -> float:
        if stage not in self._of.own:
            return now
        end = now + self._of.own[stage] + longer
        self._add("main", 0, stage, now, end, batch=batch)
        return end

    def _idle(self, worker: int, begin: float, end: float) -> None:
        if end > begin:
            self._add("worker", worker, "idle", begin, end)

    def _add(
        self,
        lane: str,
        process: int,
        stage: str,
        begin: float,
        end: float,
        sample: int = -1,
        batch: int = -1,
        background: bool = False,
    ) -> None:
        origin = "simulated" if lane == "device" else "measured"
        times = round(begin * NS), round(end * NS)
        self._rows.append((lane, process, stage, *times, sample, batch, background, origin))

    def _record(self, spans: pd.DataFrame, wall_s: float) -> Record:
        of = self._of
        per_epoch = of.size * of.per_epoch
        knobs = {"num_workers": of.workers, "batch_size": of.size, "persistent_workers": not of.start, **of.knobs}
        base = make_record(stages=_stages(spans), lanes=self._lanes(wall_s, spans), **knobs)
        steps = of.epochs * of.per_epoch
        return base.model_copy(
            update={
                "environment": base.environment.model_copy(update={"cores": of.cores}),
                "steady": make_steady(
                    wall_s, num_steps=steps, num_samples=of.epochs * per_epoch, num_epochs=float(of.epochs)
                ),
                "batches": make_batches(steps, of.size),
                "limits": Limits(
                    device_steps=2, background_batches=PENDING if of.background else 0, loaded_batches=2 * of.workers
                ),
                "description": Description(num_samples=per_epoch),
                "isolated": Isolated(samples=list(range(of.size, of.size + 32)), stages=self._isolated()),
            }
        )

    def _lanes(self, wall_s: float, spans: pd.DataFrame) -> list[LaneStats]:
        of = self._of
        on_core = (self._work_s - self._blocked_s) / (1.0 + of.ready)
        busy = spans[spans["lane"] == "device"]
        lanes = [
            LaneStats(lane="main", processes=1, wall_s=wall_s, attributed_s=wall_s),
            LaneStats(
                lane="worker", processes=of.workers, wall_s=of.workers * wall_s, attributed_s=of.workers * wall_s,
                cpu_s=on_core, ready_s=on_core * of.ready,
            ),
        ]  # fmt: skip
        if len(busy):
            device_s = float((busy["end_ns"] - busy["begin_ns"]).sum() / NS)
            lanes.append(LaneStats(lane="device", processes=1, wall_s=wall_s, attributed_s=device_s))
        return lanes

    def _isolated(self) -> list[StageStats]:
        of = self._of
        samples = [_isolated_row("worker", name, "sample", 32, cost) for name, cost in of.sample.items()]
        batches = [_isolated_row("worker", name, "batch", 4, cost) for name, cost in of.batch.items()]
        own = {**of.own, **of.background}
        return [*samples, *batches, *(_isolated_row("main", name, "batch", 4, cost) for name, cost in own.items())]


def _isolated_row(lane: Any, name: str, per: Any, count: int, cost: float) -> StageStats:
    return StageStats(
        lane=lane, name=name, per=per, count=count, mean_s=cost, p50_s=cost, p95_s=cost, total_s=count * cost
    )


def _stages(spans: pd.DataFrame) -> list[StageStats]:
    rows = []
    for (lane, name, background), own in spans.groupby(["lane", "stage", "background"], sort=False):
        seconds = (own["end_ns"] - own["begin_ns"]) / NS
        rows.append(
            StageStats(
                lane=lane, name=name, per="sample" if (own["sample"] >= 0).any() else "batch", count=len(own),
                mean_s=seconds.mean(), p50_s=seconds.median(), p95_s=seconds.quantile(0.95), total_s=seconds.sum(),
                background=background, origin="simulated" if lane == "device" else "measured",
            )
        )  # fmt: skip
    return rows


def names(causes: Sequence[Any]) -> list[tuple[str, str | None]]:
    """What the causes are, and of which stage."""
    return [(cause.name, cause.stage) for cause in causes]
