"""Where the time goes: the stages of each lane with what is left over; a lane's parts add up to its whole.

A breakdown closes where the stages of a lane explain its time, and explain it once: stages that were timed elsewhere
than in their place, or within one another, add up to more than the whole, and that is as wrong as a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.explain.words.items import plural
from workbench.records import Origin, Record, StageStats
from workbench.stages import UNATTRIBUTED as UNATTRIBUTED
from workbench.stages import Catalogue, Lane, Stage

#: A lane whose stages explain less of its time than this does not close: its breakdown must not be trusted.
CLOSES_FROM = 0.95

#: A lane whose stages add up to more than this share of its time doesn't close either: some of it counts twice.
CLOSES_UP_TO = 1.05

#: What is left of the device's time. It isn't unexplained: nothing was asked of the device.
FREE = "free"

LEFT_OVER = (UNATTRIBUTED, FREE)

#: Waits of the measured loop: for a batch, and for its background thread to make room; and a worker's for an order.
BATCH_WAIT, BACKLOG, IDLE = "wait", "backlog", "idle"

#: A part of the pipeline that is at work for this share of the time bounds the run.
BUSY_FROM = 0.90


@dataclass(frozen=True)
class Part:
    """One stage of a lane.

    Attributes:
        stage: Its name; `UNATTRIBUTED` or `FREE` for the time that no stage explains.
        share: Of the lane's wall time, 0..1; where processes beside the lane share the work, on their average.
        per_sample_s: Seconds of this lane for each sample of the counted steps.
        total_s: Seconds, summed over the lane's processes.
        origin: Whether it was measured or simulated.
        kind: Its row in the catalogue of stages.
        side_by_side: Processes beside the lane that share the work; else 1.
    """

    stage: str
    share: float
    per_sample_s: float
    total_s: float
    origin: Origin
    kind: Stage
    side_by_side: int = 1

    @property
    def is_waiting(self) -> bool:
        """Whether the lane waits for another one in it."""
        return self.kind.role == "wait"

    @property
    def is_work(self) -> bool:
        """Whether the lane is at work in it: neither waiting nor being started. What nobody explains counts as work."""
        return self.kind.role not in ("wait", "start")


@dataclass(frozen=True)
class LaneBreakdown:
    """A lane and its parts, in the order of the work, what is left over last.

    Attributes:
        lane: Which lane.
        processes: Processes that make it up.
        wall_s: Its wall time, summed over these; the parts add up to it.
        parts: The stages, and what is left over.
        background: Stages of background threads, which run beside the parts and are not among them.
        attributed_share: Share that the named stages explain, 0..1; time that several of them cover counts once.
        in_main: Whether this is the worker lane of a run that loads its samples in the main process.
    """

    lane: Lane
    processes: int
    wall_s: float
    parts: tuple[Part, ...]
    background: tuple[Part, ...]
    attributed_share: float
    in_main: bool = False

    @property
    def explained(self) -> float:
        """Sum of the named stages over the whole; above 1 where they overlap."""
        return sum(part.share for part in self.parts if part.stage not in LEFT_OVER)

    @property
    def closes(self) -> bool:
        """Whether the breakdown can be trusted. The device lane need not explain all: it may be free."""
        is_whole = self.lane == "device" or min(self.attributed_share, self.explained) >= CLOSES_FROM
        return is_whole and self.explained <= CLOSES_UP_TO

    @property
    def sending_busy(self) -> float:
        """Share of the time in which the threads that send batches are at work (in the worker lane)."""
        return sum(part.share for part in self.background if part.kind.role == "send")

    @property
    def receiving_busy(self) -> float:
        """Share of the time in which the thread that receives and pins batches is at work (in the main lane)."""
        return sum(part.share for part in self.background if receives(part.kind))

    @property
    def background_busy(self) -> float:
        """Share of the time in which whoever works on results beside the loop is at work (in the main lane).

        Of a thread that hands over to processes, and of these, the busier counts.
        """
        shares: dict[int, float] = {}
        for part in self.background:
            if part.is_work and not receives(part.kind):
                shares[part.side_by_side] = shares.get(part.side_by_side, 0.0) + part.share
        return max(shares.values(), default=0.0)


def receives(stage: Stage) -> bool:
    """Whether a background stage of the main process belongs to the thread that receives and pins batches."""
    return stage.role in ("receive", "submit")


def break_down(record: Record) -> list[LaneBreakdown]:
    """The lanes of a run: workers, main process, device. Empty where the run timed no stages, or failed."""
    if record.steady is None:
        return []
    catalogue, num_samples = record.catalogue, max(record.steady.num_samples, 1)
    found = []
    for lane in record.lanes:
        rows = [row for row in record.stages if row.lane == lane.lane]
        if not rows or lane.wall_s <= 0:
            continue
        parts = [_part(row, catalogue, lane.wall_s, num_samples) for row in rows if not row.background]
        # Spans that overlap by some microseconds leave less than nothing; `explained` says so, and a share is none.
        left_s = max(lane.wall_s - sum(part.total_s for part in parts), 0.0)
        rest = Stage(FREE, "device", "wait") if lane.lane == "device" else Stage(UNATTRIBUTED, lane.lane, "work")
        parts.append(Part(rest.name, left_s / lane.wall_s, left_s / num_samples, left_s, lane.origin, rest))
        found.append(
            LaneBreakdown(
                lane=lane.lane,
                processes=lane.processes,
                wall_s=lane.wall_s,
                parts=tuple(parts),
                background=tuple(_part(row, catalogue, lane.wall_s, num_samples) for row in rows if row.background),
                attributed_share=lane.attributed_share or 0.0,
                in_main=lane.lane == "worker" and record.knobs.num_workers == 0,
            )
        )
    return found


def _part(row: StageStats, catalogue: Catalogue, wall_s: float, num_samples: int) -> Part:
    kind = catalogue.find(row.lane, row.name)
    share = row.total_s / (wall_s * row.side_by_side)
    return Part(row.name, share, row.total_s / num_samples, row.total_s, row.origin, kind, row.side_by_side)


def explain_lanes(lanes: list[LaneBreakdown], item: str = "sample") -> str:
    """What a reader of a breakdown must know about its lanes and about the stages that are not work, in sentences.

    Args:
        lanes: The lanes of a run.
        item: What one sample is called.
    """
    sentences = []
    in_main = any(lane.in_main for lane in lanes)
    if in_main:
        sentences.append(
            f"{plural(item).capitalize()} are loaded in the main process (num_workers=0): the worker lane is that same "
            f"process seen from inside the loader. '{BATCH_WAIT}' of the main lane is that loading, no waiting; "
            f"'{IDLE}' of the worker lane is the main process's step."
        )
    kinds = {part.stage: part.kind for lane in lanes for part in lane.parts}
    sentences += [
        f"'{name}': {kind.meaning}"
        for name, kind in kinds.items()
        if kind.meaning and not (in_main and name in (IDLE, BATCH_WAIT))
    ]
    if any(lane.background for lane in lanes):
        sentences.append("Stages of background threads run beside the others and are not part of the sum.")
    return " ".join(sentences)


def find_lane(lanes: list[LaneBreakdown], name: Lane) -> LaneBreakdown | None:
    """The lane of a name, where there is one."""
    return next((lane for lane in lanes if lane.lane == name), None)


def share_of(lane: LaneBreakdown | None, *stages: str) -> float:
    """What share of a lane's time some stages take together, 0..1."""
    return sum(part.share for part in lane.parts if part.stage in stages) if lane else 0.0


def device_busy(lanes: list[LaneBreakdown]) -> float:
    """Share of the time in which the device is at work; 0 without one."""
    device = find_lane(lanes, "device")
    return sum(part.share for part in device.parts if part.is_work) if device else 0.0


def bound_by_background(lanes: list[LaneBreakdown]) -> bool:
    """Whether the main process's background thread bounds the run.

    It does where it is at work all the time, more than the device is, and either the main process waits for it rather
    than for a batch, or it is at work more than the workers are as well (it may take many batches until it is so far
    behind that the main process has to wait). Busy alone is not enough: what comes after a slow loader may be busy as
    well, and hold nobody up.
    """
    main = find_lane(lanes, "main")
    if main is None or main.background_busy < max(BUSY_FROM, device_busy(lanes)):
        return False
    waits_for_it = share_of(main, BACKLOG) >= share_of(main, BATCH_WAIT)
    worker = find_lane(lanes, "worker")
    return waits_for_it or (worker is not None and main.background_busy >= 1.0 - share_of(worker, IDLE))
