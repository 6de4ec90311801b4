"""What workers, and threads of the main process, did with the time in which they were at work: on a core, or not."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.explain.breakdown import LaneBreakdown
from workbench.records import LaneStats, Record


@dataclass(frozen=True)
class CoreUse:
    """What the workers did with the time in which they were not idle, in seconds, summed over them.

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

    @property
    def blocked_share(self) -> float:
        """Share of the workers' work in which they were neither on a core nor waiting for one."""
        return self.blocked_s / self.work_s if self.work_s > 0.0 else 0.0


def core_use(record: Record, worker: LaneBreakdown) -> CoreUse | None:
    """What the workers did with their time; None where the scheduler's counters are missing."""
    counted = record.lane("worker")
    if counted is None or counted.cpu_s is None or counted.ready_s is None:
        return None
    no_work_s = sum(part.total_s for part in worker.parts if not part.is_work)
    work_s = max(counted.wall_s - no_work_s, 0.0)
    return CoreUse(work_s, counted.cpu_s, counted.ready_s, max(0.0, work_s - counted.cpu_s - counted.ready_s))


def off_core(lane: LaneStats | None, at_work: float) -> tuple[float, float]:
    """Shares of its work in which a lane's own thread waits for a core, and for something else; 0 where not known.

    Args:
        lane: What was counted of it.
        at_work: Share of its time in which it was at work.
    """
    if lane is None or lane.cpu_s is None or lane.ready_s is None or at_work <= 0.0:
        return 0.0, 0.0
    work_s = at_work * lane.wall_s
    off = max(0.0, 1.0 - lane.cpu_s / work_s)
    ready = min(off, lane.ready_s / work_s)
    return ready, off - ready


def threads_off_core(lane: LaneStats | None, at_work: float) -> float:
    """Share of their work in which a lane's further threads are on no core; 0 where not known.

    Args:
        lane: What was counted of it.
        at_work: Share of the lane's time in which one of these threads was at work.
    """
    if lane is None or lane.background_cpu_s is None or at_work <= 0.0:
        return 0.0
    return max(0.0, 1.0 - lane.background_cpu_s / (at_work * lane.wall_s))
