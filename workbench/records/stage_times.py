"""What stages took: one by one, summed up by lane, and by rank."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.records.parts import Part
from workbench.stages import Lane, Per

Origin = Literal["measured", "simulated"]


class StageStats(Part):
    """The times of one stage over the steady part."""

    lane: Lane
    name: str
    per: Per = Field(description="what one span of this stage covers")
    count: int = Field(description="spans that ended in the steady part")
    mean_s: float
    p50_s: float
    p95_s: float
    total_s: float = Field(description="time inside the steady part, summed over the lane's processes")
    origin: Origin = "measured"
    background: bool = Field(False, description="runs in a background thread, beside what the lane's parts add up to")
    side_by_side: int = Field(1, ge=1, description="processes of the main lane, beside its own, that share this work")


class LaneStats(Part):
    """How much of a lane's wall time its stages explain."""

    lane: Lane
    processes: int = Field(description="processes (or streams) that make up the lane")
    wall_s: float = Field(description="wall time of the lane, summed over its processes")
    attributed_s: float = Field(description="time inside its stages, counted once")
    origin: Origin = "measured"
    cpu_s: float | None = Field(None, description="time on a core of the threads that do the lane's work, summed")
    ready_s: float | None = Field(None, description="time in which these were ready to run and had to wait for a core")
    background_cpu_s: float | None = Field(None, description="time on a core of all other threads of its processes")

    @property
    def attributed_share(self) -> float | None:
        """Share of the wall time that named stages explain, 0..1; None without wall time."""
        return self.attributed_s / self.wall_s if self.wall_s > 0 else None


class RankStats(Part):
    """One rank of several that train together, over its own counted steps."""

    rank: int
    num_steps: int
    samples_per_s: float
    wait_share: float = Field(description="share of the time in which it waited for a batch, 0..1")
    own_step_s: float = Field(0.0, description="seconds of a step outside of backward, where ranks wait for each other")
    own_stage: str = Field("", description="what takes most of that")
    rank_wait_s: float | None = Field(
        None, description="seconds of a step in which it had its gradients and waited for the slowest rank's"
    )
    exchange_s: float | None = Field(
        None, description="seconds of a step in which gradients were exchanged, and nothing else was done"
    )
    lanes: list[LaneStats] = Field(default_factory=list, description="empty: not told apart")
