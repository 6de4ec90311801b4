"""Milder faults: planted in a healthy pipeline, so large that they cost it a twentieth, a tenth or a fifth of its time.

Without the fault the device is at work all the time, and all else has some room. What a fault has to take until it
costs so much follows from what the healthy pipeline took: its part must come to the device's time over 1 less the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.explain.breakdown import break_down, find_lane
from workbench.records import Record

#: Shares of the time that a fault costs.
SIZES = (0.05, 0.1, 0.2)

#: A size for faults of which one is enough.
ONE_SIZE = (0.1,)


@dataclass(frozen=True)
class Healthy:
    """What the parts of a healthy pipeline take.

    Attributes:
        device_ms: The device for a page.
        worker_ms: A worker for a page.
        background_ms: The background thread for a batch.
        workers: How many there are.
        batch_size: Pages of a batch.
        epoch_ms: An epoch.
    """

    device_ms: float
    worker_ms: float
    background_ms: float
    workers: int
    batch_size: int
    epoch_ms: float

    def missing_ms(self, loss: float, has: float, pages: float) -> float:
        """What a part that has some milliseconds lacks until it takes as long as costs this share of the time.

        Args:
            loss: The share.
            has: What the part takes now.
            pages: Pages that the device does in the part's turn.
        """
        return max(0.0, self.device_ms * pages / (1.0 - loss) - has)


def healthy(record: Record, device_ms: float, num_pages: int) -> Healthy:
    """The parts of a run that was healthy."""
    assert record.steady is not None
    lanes = break_down(record)
    worker, main = find_lane(lanes, "worker"), find_lane(lanes, "main")
    assert worker is not None
    assert main is not None
    knobs, steps = record.knobs, record.steady.num_steps
    return Healthy(
        device_ms=device_ms,
        worker_ms=1e3 * sum(part.per_sample_s for part in worker.parts if part.is_work),
        background_ms=1e3 * sum(part.total_s for part in main.background if part.is_work) / steps,
        workers=knobs.num_workers,
        batch_size=knobs.batch_size,
        epoch_ms=1e3 * num_pages / record.steady.samples_per_s,
    )


@dataclass(frozen=True)
class Milder:
    """A milder fault: the cause and stage that must be named, and how it is planted (see `diagnosis.Fault`)."""

    name: str
    loss: float
    cause: str
    stage: str | None
    knobs: Mapping[str, object]
    planted: str = ""


def milder_faults(base: Healthy) -> Iterator[Milder]:
    """Every fault that can be made milder, the smallest first.

    A device and cores are there or not; rare pages and bytes of a batch have no size that costs a given time.
    """

    def slowed(name: str, loss: float, cause: str, stage: str, ms: float) -> Milder:
        return Milder(name, loss, cause, stage, {"slow_down": {stage: round(ms, 1)}})

    pages, batch = base.workers, base.batch_size
    for loss in SIZES:
        page_ms = base.missing_ms(loss, base.worker_ms, pages)
        batch_ms = base.missing_ms(loss, 0.0, batch)
        result_ms = base.missing_ms(loss, base.background_ms, batch)
        yield slowed("slow decode", loss, "loader-bound", "decode", page_ms)
        yield slowed("slow collate", loss, "loader-bound", "collate", page_ms * batch)
        yield slowed("slow transfer", loss, "transfer-bound", "transfer", batch_ms)
        yield slowed("main-thread launching", loss, "main-thread-bound", "forward", batch_ms)
        yield slowed("background post-processing", loss, "background-thread-bound", "postprocess", result_ms)
    for loss in ONE_SIZE:
        page_ms = base.missing_ms(loss, base.worker_ms, pages)
        yield slowed("slow normalize", loss, "loader-bound", "OpenCVNormalize", page_ms)
        yield slowed("slow targets", loss, "loader-bound", "targets", page_ms)
        yield Milder("one straggler worker", loss, "one slow worker", None, {}, f"straggler:{page_ms:.1f}")
        locked_ms = base.missing_ms(loss, base.worker_ms, 1)
        yield Milder("lock contention", loss, "lock contention", None, {}, f"lock:{locked_ms:.1f}")
        start_ms = base.epoch_ms * loss / (1.0 - loss)
        anew = {"persistent_workers": False, "epoch_overlap": False}
        yield Milder("slow worker start", loss, "slow worker start", "start", anew, f"slow_start:{start_ms:.0f}")
