"""Records made by hand, for the tests of what explains them."""

from __future__ import annotations

from typing import Any

from workbench.knobs.knobs import Knobs
from workbench.records import (
    Closure,
    Environment,
    Failure,
    LaneStats,
    Memory,
    PageCounts,
    Quality,
    Record,
    StageStats,
    Startup,
    Steady,
)


def make_record(
    rate: float = 100.0,
    *,
    name: str = "run",
    startup_s: float = 5.0,
    cache_fill_s: float | None = None,
    hmean: float = 0.9,
    stages: list[StageStats] | None = None,
    lanes: list[LaneStats] | None = None,
    **knobs: Any,
) -> Record:
    """A run that ended well, of 100 pages at `rate` pages per second."""
    lanes = lanes if lanes is not None else [make_lane("main", 1.0, 0.99), make_lane("worker", 2.0, 1.98, processes=2)]
    shares = {lane.lane: lane.attributed_s / lane.wall_s for lane in lanes}
    return Record(
        run_id=name,
        created_at="2026-01-01T00:00:00+00:00",
        status="ok",
        knobs=Knobs(**knobs),
        device="replay device: 3 ms a page (simulated)",
        simulated=True,
        environment=Environment(python="3.11", platform="Linux", cpu="a CPU", cores=2, memory_bytes=8 * 10**9),
        pages=PageCounts(num_pages=100, num_words=500, num_ignored_words=5),
        startup=Startup(
            imports_s=2.0,
            dataset_s=0.1,
            cache_fill_s=cache_fill_s,
            model_s=0.1,
            workers_s=0.5,
            warmup_s=0.5,
            other_s=startup_s - 3.2 - (cache_fill_s or 0.0),
            total_s=startup_s,
        ),
        steady=Steady(num_steps=10, num_pages=100, num_epochs=1.0, warmup_steps=2, wall_s=100 / rate, samples_per_s=rate),
        stages=stages if stages is not None else make_stages(),
        lanes=lanes,
        closure=Closure(main=shares.get("main"), worker=shares.get("worker")),
        memory=Memory(peak_pss_bytes=10**9, cache_bytes=None),
        quality=Quality(hmean=hmean, precision=hmean, recall=hmean, num_pages=100),
    )


def make_failed(name: str = "broken", message: str = "out of luck") -> Record:
    """A run that failed while it was steady."""
    return Record(
        run_id=name,
        created_at="2026-01-01T00:00:00+00:00",
        status="failed",
        failure=Failure(kind="error", phase="steady", message=message),
        knobs=Knobs(),
    )


def make_lane(lane: Any, wall_s: float, attributed_s: float, *, processes: int = 1) -> LaneStats:
    """A lane."""
    return LaneStats(lane=lane, processes=processes, wall_s=wall_s, attributed_s=attributed_s)


def make_stage(lane: Any, name: str, total_s: float, **settings: Any) -> StageStats:
    """A stage of ten spans."""
    mean = total_s / 10
    values = {"per": "batch", "count": 10, "mean_s": mean, "p50_s": mean, "p95_s": mean, "total_s": total_s}
    return StageStats(lane=lane, name=name, **{**values, **settings})


def make_stages() -> list[StageStats]:
    """A run that waits for its pages, and whose workers decode most of the time."""
    return [
        make_stage("worker", "idle", 0.1),
        make_stage("worker", "decode", 1.4, per="page", count=100),
        make_stage("worker", "Normalize", 0.4, per="page", count=100),
        make_stage("worker", "collate", 0.08),
        make_stage("worker", "send", 0.05, background=True),
        make_stage("main", "wait", 0.6),
        make_stage("main", "fetch", 0.3),
        make_stage("main", "postprocess", 0.09),
    ]
