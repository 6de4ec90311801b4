"""What to try next, from the evidence of one run. Rules are here; what they are held against is in `Thresholds`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.analysis.breakdown import LEFT_OVER, LaneBreakdown, break_down, find_lane, share_of
from workbench.errors import BadInput
from workbench.records import Record
from workbench.units import format_share

#: The knobs that address a stage.
_REMEDIES = {
    "read": ("cache=encoded", "cache=prepared"),
    "decode": ("image_decoder=turbojpeg", "scaled_decode=true", "cache=prepared", "cache=decoded"),
    "orient": ("scaled_decode=true", "cache=prepared"),
    "LongestMaxSize": ("scaled_decode=true", "cache=prepared"),
    "PadIfNeeded": ("transforms=direct", "cache=prepared"),
    "keypoints": ("transforms=direct",),
    "resize": ("scaled_decode=true", "cache=prepared"),
    "pad": ("cache=prepared",),
    "Normalize": ("normalize=device", "normalize=opencv"),
    "ConditionalNormalize": ("normalize=device", "normalize=opencv"),
    "OpenCVNormalize": ("normalize=device",),
    "targets": ("targets=fast", "targets=cached"),
    "collate": ("transport=ring", "normalize=device"),
    "start": ("persistent_workers=true",),
    "epoch": ("persistent_workers=true",),
    "receive": ("transport=ring", "normalize=device"),
    "release": ("transport=ring", "normalize=device"),
    "transfer": ("pin_memory=true", "normalize=device"),
    "postprocess": ("postprocess=threads",),
    "metric": ("postprocess=threads",),
}

#: Stages that only move a page that is ready.
_MOVES = ("cache", "collate", "send")


@dataclass(frozen=True)
class Thresholds:
    """From which share of a lane's time on something is worth a word."""

    waits_for_pages: float = 0.3
    waits_for_device: float = 0.5
    postprocess: float = 0.2
    moves_batches: float = 0.2
    idle_workers: float = 0.5
    stage: float = 0.1
    only_moves: float = 0.8


def next_steps(record: Record, thresholds: Thresholds | None = None) -> list[str]:
    """Sentences, the most promising first, each with its evidence. Hints only: a comparison says what they gain."""
    limits = thresholds or Thresholds()
    lanes = break_down(record)
    worker, main = find_lane(lanes, "worker"), find_lane(lanes, "main")
    if main is None:
        return []
    open_lanes = [lane.lane for lane in lanes if not lane.closes]
    if open_lanes:
        names = " and ".join(open_lanes)
        return [f"The breakdown of the {names} lane does not close: find out first what is missed or counted twice."]
    steps = [*_loading(record, main, worker, limits), *_device(record, main, limits), *_own_work(record, main, limits)]
    if steps:
        return steps
    largest = max(main.parts, key=lambda part: part.share)
    return [
        f"Nothing stands out: the largest stage of the main process is '{largest.stage}' with "
        f"{format_share(largest.share)} of its time."
    ]


def _device(record: Record, main: LaneBreakdown, limits: Thresholds) -> Iterator[str]:
    waiting = share_of(main, "fetch", "drain")
    if waiting >= limits.waits_for_device:
        which = "simulated device" if record.simulated else "device"
        yield (
            f"The {which} bounds the run: the main process waits for it {format_share(waiting)} of the time. Loading "
            "pages faster would gain little; a lighter `encoder`, another `precision` or `batch_size` may."
        )


def _own_work(record: Record, main: LaneBreakdown, limits: Thresholds) -> Iterator[str]:
    scoring = share_of(main, "postprocess", "metric")
    if scoring >= limits.postprocess:
        yield (
            f"Post-processing and scoring take {format_share(scoring)} of the main process's time, one page after the "
            f"other, while the device waits{_to_try(record, 'postprocess')}."
        )
    moving = [part for part in main.parts if part.stage in ("receive", "release", "transfer", "epoch")]
    share = sum(part.share for part in moving)
    if share >= limits.moves_batches:
        largest = max(moving, key=lambda part: part.share)
        yield (
            f"Taking over batches and giving them back takes {format_share(share)} of the main process's time, most of "
            f"it '{largest.stage}'{_to_try(record, largest.stage)}."
        )


def _loading(record: Record, main: LaneBreakdown, worker: LaneBreakdown | None, limits: Thresholds) -> Iterator[str]:
    waiting, idle = share_of(main, "wait"), share_of(worker, "idle")
    if waiting < limits.waits_for_pages:
        return
    if worker is None:
        yield (
            f"Loading bounds the run: the main process waits for pages {format_share(waiting)} of the time. What the "
            f"{record.knobs.loader} loader does meanwhile is not timed."
        )
        return
    if not worker.in_main and idle >= limits.idle_workers:
        yield (
            f"The main process waits for pages {format_share(waiting)} of the time although its workers are idle "
            f"{format_share(idle)} of theirs: look at what is between them (`prefetch_factor`, `batch_size`)."
        )
        return
    yield f"Loading bounds the run: the main process waits for pages {format_share(waiting)} of the time."
    yield from _cores(record)
    work = [part for part in worker.parts if not part.is_waiting and part.stage not in LEFT_OVER]
    busy_s = sum(part.total_s for part in work)
    moves_s = sum(part.total_s for part in work if part.stage in _MOVES)
    if not worker.in_main and moves_s >= limits.only_moves * busy_s:
        yield (
            "The workers only copy pages that lie in memory already: without them (`num_workers=0`) a page makes one "
            "way less."
        )
        return
    large = [part for part in work if part.total_s > limits.stage * busy_s]
    for part in sorted(large, key=lambda part: -part.share):
        yield f"'{part.stage}' is {format_share(part.total_s / busy_s)} of loading{_to_try(record, part.stage)}."


def _cores(record: Record) -> Iterator[str]:
    cores = record.environment.cores if record.environment else 1
    workers = record.knobs.num_workers
    if workers == 0:
        yield f"Pages are loaded in the main process: `num_workers={max(cores - 1, 1)}` would overlap loading with it."
    elif workers + 1 < cores:
        yield f"{workers} workers and the main process leave cores idle of {cores}: try `num_workers={cores - 1}`."


def remedies(record: Record, stage: str) -> list[str]:
    """Settings that address a stage, and are others than the run's."""
    return [remedy for remedy in _REMEDIES.get(stage, ()) if _is_open(record, remedy)]


def _to_try(record: Record, stage: str) -> str:
    found = [f"`{remedy}`" for remedy in remedies(record, stage)]
    return f"; to try: {', '.join(found)}" if found else ""


def _is_open(record: Record, setting: str) -> bool:
    """Whether a setting is another one than the run's, and can be had."""
    name, _, value = setting.partition("=")
    if name == "pin_memory" and not (record.environment and record.environment.gpu):
        return False
    try:
        return record.knobs.changed(**{name: value}) != record.knobs
    except BadInput:
        return False
