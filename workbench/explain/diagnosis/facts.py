"""The figures of a run that the rules look at, gathered once."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.explain.breakdown import LEFT_OVER, NO_WORK, LaneBreakdown, break_down, find_lane, share_of
from workbench.explain.diagnosis.page_times import page_times, starting_share
from workbench.explain.steady_spans import steady_spans
from workbench.records import LaneStats, Record, StageStats, Steady


@dataclass(frozen=True)
class CoreUse:
    """What the workers did with the time in which they had an order, in seconds, summed over them.

    Attributes:
        work_s: That time.
        cpu_s: On a core.
        ready_s: Ready, and waiting for a core.
        blocked_s: Neither: waiting for something else.
    """

    work_s: float
    cpu_s: float
    ready_s: float
    blocked_s: float


@dataclass(frozen=True)
class Facts:
    """A run in figures.

    Attributes:
        record: The run's record.
        steady: Its counted steps.
        main: The lane of the main process.
        worker: That of the workers, where their stages were timed.
        device: That of the device, where there was one.
        cores: What the workers did with their time; None where the scheduler's counters are missing.
        pages: A row for each time that a page was made (see `page_times`); empty where that is not known.
        starting: Share of the time in which the main process waited for a worker to start.
    """

    record: Record
    steady: Steady
    main: LaneBreakdown
    worker: LaneBreakdown | None
    device: LaneBreakdown | None
    cores: CoreUse | None
    pages: pd.DataFrame
    starting: float

    @property
    def wait(self) -> float:
        """Share of its time in which the main process waits for pages."""
        return share_of(self.main, "wait")

    @property
    def without_core(self) -> float:
        """Share of its time in which the main process is ready and waits for a core; 0 where that isn't known."""
        lane = next((lane for lane in self.record.lanes if lane.lane == "main"), None)
        return (lane.ready_s or 0.0) / lane.wall_s if lane is not None and lane.wall_s > 0.0 else 0.0

    @property
    def idle(self) -> float:
        """Share of their time in which the workers have no order."""
        return share_of(self.worker, "idle")

    @property
    def device_busy(self) -> float:
        """Share of the time in which the device is at work."""
        return sum(part.share for part in self.device.parts if part.stage not in LEFT_OVER) if self.device else 0.0

    @property
    def background_busy(self) -> float:
        """Share of the time in which the thread beside the main process's loop is at work, or waits for the device."""
        return sum(part.share for part in self.main.background)

    @property
    def device_name(self) -> str:
        """What to call it."""
        return "simulated device" if self.record.simulated else "device"

    @property
    def own_work(self) -> float:
        """Share of its time in which the main process waits for nobody."""
        waiting = sum(part.share for part in self.main.parts if part.is_waiting)
        return max(0.0, 1.0 - waiting)

    @property
    def work_s(self) -> float:
        """Seconds that the workers' stages took, what no stage explains included."""
        return sum(part.total_s for part in self.worker.parts if part.stage not in NO_WORK) if self.worker else 0.0

    def of_work(self, *stages: str) -> float:
        """Share of the workers' work that some stages take."""
        if self.worker is None or self.work_s <= 0.0:
            return 0.0
        return sum(part.total_s for part in self.worker.parts if part.stage in stages) / self.work_s

    def of_main(self, *stages: str) -> float:
        """Share of the main process's time that some stages take."""
        return share_of(self.main, *stages)

    def of_background(self, *stages: str) -> float:
        """Share of the time that some stages take in the thread beside the main process's loop."""
        return sum(part.share for part in self.main.background if part.stage in stages)

    def stage(self, name: str) -> StageStats | None:
        """The times of a stage."""
        return next((row for row in self.record.stages if row.name == name), None)

    def isolated(self, name: str) -> StageStats | None:
        """The times of a stage with no other process at work."""
        return next((row for row in self.record.isolated if row.name == name), None)


def gather(record: Record, spans: pd.DataFrame | None) -> Facts | None:
    """The figures of a run; None where it failed, or timed no stages.

    Args:
        record: Its record.
        spans: Its spans (`run_store.read_spans`), where there are any.
    """
    lanes = break_down(record)
    main = find_lane(lanes, "main")
    if record.steady is None or main is None:
        return None
    worker = find_lane(lanes, "worker")
    counted = steady_spans(record, spans)
    return Facts(
        record=record,
        steady=record.steady,
        main=main,
        worker=worker,
        device=find_lane(lanes, "device"),
        cores=None if worker is None or worker.in_main else _core_use(record, worker),
        pages=page_times(counted),
        starting=starting_share(counted, record.steady.wall_s),
    )


def _core_use(record: Record, worker: LaneBreakdown) -> CoreUse | None:
    counted: LaneStats | None = next((lane for lane in record.lanes if lane.lane == "worker"), None)
    if counted is None or counted.cpu_s is None or counted.ready_s is None:
        return None
    no_work_s = sum(part.total_s for part in worker.parts if part.stage in NO_WORK)
    work_s = max(counted.wall_s - no_work_s, 0.0)
    return CoreUse(work_s, counted.cpu_s, counted.ready_s, max(0.0, work_s - counted.cpu_s - counted.ready_s))
