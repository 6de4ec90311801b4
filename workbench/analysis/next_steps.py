"""What to try next, from the evidence of one run. Rules are here; what they are held against is in `Thresholds`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.analysis.breakdown import LaneBreakdown, break_down, find_lane, share_of
from workbench.knobs import Knobs
from workbench.records import Record
from workbench.units import format_share

#: The knobs that address a stage of the worker lane.
_REMEDIES = {
    "decode": ("image_decoder=opencv", "cache=decoded", "cache=prepared"),
    "read": ("cache=decoded",),
    "Normalize": ("normalize=device",),
    "ConditionalNormalize": ("normalize=device",),
    "LongestMaxSize": ("cache=prepared",),
    "PadIfNeeded": ("cache=prepared",),
    "collate": ("normalize=device",),
}


@dataclass(frozen=True)
class Thresholds:
    """From which share of a lane's time on something is worth a word."""

    waits_for_pages: float = 0.3
    waits_for_device: float = 0.5
    postprocess: float = 0.2
    idle_workers: float = 0.5
    stage: float = 0.1


def next_steps(record: Record, thresholds: Thresholds | None = None) -> list[str]:
    """Sentences, the most promising first, each with its evidence. Hints only: a comparison says what they gain."""
    limits = thresholds or Thresholds()
    lanes = break_down(record)
    worker, main = find_lane(lanes, "worker"), find_lane(lanes, "main")
    if main is None:
        return []
    not_closing = [lane for lane in lanes if not lane.closes]
    if not_closing:
        names = " and ".join(lane.lane for lane in not_closing)
        return [f"The breakdown of the {names} lane does not close: find out first what its stages miss."]
    return [*_main_lane(record.knobs, main, limits), *_worker_lane(record.knobs, main, worker, limits)] or [
        "Nothing stands out: no stage is far larger than the others."
    ]


def _main_lane(knobs: Knobs, main: LaneBreakdown, limits: Thresholds) -> Iterator[str]:
    device = share_of(main, "fetch")
    if device >= limits.waits_for_device:
        yield (
            f"The main process waits for the device {format_share(device)} of the time: loading pages faster gains "
            "little; a faster model (encoder, precision, batch_size) is what helps."
        )
    postprocess = share_of(main, "postprocess", "metric")
    if postprocess >= limits.postprocess:
        yield (
            f"Post-processing and scoring take {format_share(postprocess)} of the main process's time, in which the "
            "device has nothing to do."
        )


def _worker_lane(
    knobs: Knobs, main: LaneBreakdown, worker: LaneBreakdown | None, limits: Thresholds
) -> Iterator[str]:
    waiting = share_of(main, "wait")
    if worker is None or waiting < limits.waits_for_pages:
        return
    idle = share_of(worker, "idle")
    if knobs.num_workers and idle >= limits.idle_workers:
        yield (
            f"The main process waits for pages {format_share(waiting)} of the time although its workers are idle "
            f"{format_share(idle)} of theirs: look at what is between them (prefetch_factor, receive)."
        )
        return
    yield f"Loading bounds the run: the main process waits for pages {format_share(waiting)} of the time."
    if knobs.num_workers == 0:
        yield "Pages are loaded in the main process: num_workers=2 would overlap loading with the device."
    stages = [part for part in worker.parts if not part.is_waiting and part.share >= limits.stage]
    for part in sorted(stages, key=lambda part: -part.share):
        remedies = [f"`{remedy}`" for remedy in _REMEDIES.get(part.stage, ()) if not _is_set(knobs, remedy)]
        try_it = f"; to try: {', '.join(remedies)}" if remedies else ""
        yield f"'{part.stage}' takes {format_share(part.share)} of the workers' time{try_it}."


def _is_set(knobs: Knobs, setting: str) -> bool:
    name, _, value = setting.partition("=")
    return str(getattr(knobs, name)) == value
