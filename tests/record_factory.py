"""Records made by hand, for the tests of what explains them."""

from __future__ import annotations

from typing import Any

from workbench.records import (
    Batches,
    Count,
    Description,
    Environment,
    Failure,
    LaneStats,
    Memory,
    Record,
    Score,
    StageStats,
    Startup,
    Steady,
)
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.stages import STAGES


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
    """A run that ended well, of 100 samples at `rate` per second, in ten batches of the default targets' bytes."""
    lanes = lanes if lanes is not None else [make_lane("main", 1.0, 0.99), make_lane("worker", 2.0, 1.98, processes=2)]
    return Record(
        run_id=name,
        created_at="2026-01-01T00:00:00+00:00",
        status="ok",
        knobs=OcrKnobs(**knobs),
        item="page",
        workload_stages=list(STAGES),
        device="replay device: 3 ms per sample (simulated)",
        simulated=True,
        environment=Environment(python="3.11", platform="Linux", cpu="a CPU", cores=2, memory_bytes=8 * 10**9),
        description=Description(num_samples=100, counts=[Count(name="words", number=500)]),
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
        steady=make_steady(100 / rate),
        batches=make_batches(10, 10),
        stages=stages if stages is not None else make_stages(),
        lanes=lanes,
        memory=Memory(peak_pss_bytes=10**9, cache_bytes=None),
        quality={"H-mean": Score(value=hmean, tolerance=0.005, num_samples=100)},
    )


def make_steady(
    wall_s: float,
    *,
    num_steps: int = 10,
    num_samples: int = 100,
    begin_ns: int = 0,
    warmup_steps: int = 0,
    **others: Any,
) -> Steady:
    """The counted steps of a run: from `begin_ns` on, for `wall_s`."""
    values = {
        "begin_ns": begin_ns,
        "end_ns": begin_ns + round(wall_s * 1e9),
        "num_steps": num_steps,
        "num_samples": num_samples,
        "num_epochs": 1.0,
        "warmup_steps": warmup_steps,
        "wall_s": wall_s,
        "samples_per_s": num_samples / wall_s,
    }
    return Steady(**{**values, **others})


def make_batches(num_batches: int, size: int, bytes_per_sample: int = 22 * 640 * 640) -> Batches:
    """Batches of one size; by default float32 images of 640 x 640 with the default target maps: 22 bytes a pixel."""
    return Batches(
        number=list(range(num_batches)),
        samples=[size] * num_batches,
        num_bytes=[size * bytes_per_sample] * num_batches,
    )


def make_failed(name: str = "broken", message: str = "out of luck") -> Record:
    """A run that failed while it was steady."""
    return Record(
        run_id=name,
        created_at="2026-01-01T00:00:00+00:00",
        status="failed",
        failure=Failure(kind="error", phase="steady", message=message),
        knobs=OcrKnobs(),
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
    """A run that waits for its samples, and whose workers decode most of the time."""
    return [
        make_stage("worker", "idle", 0.1),
        make_stage("worker", "decode", 1.4, per="sample", count=100),
        make_stage("worker", "Normalize", 0.4, per="sample", count=100),
        make_stage("worker", "collate", 0.08),
        make_stage("worker", "send", 0.05, background=True),
        make_stage("main", "wait", 0.6),
        make_stage("main", "fetch", 0.3),
        make_stage("main", "postprocess", 0.09),
    ]
