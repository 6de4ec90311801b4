"""Where the time goes: the stages of each lane with what is left over; a lane's parts add up to its whole.

A lane closes where its stages explain its time and explain it once: stages that were timed elsewhere than in their
place, or within one another, add up to more than the whole, and that is as wrong as a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.records import Lane, Origin, Record

#: A lane whose stages explain less of its time than this does not close: its breakdown must not be trusted.
CLOSES_FROM = 0.95

#: A lane whose stages add up to more than this share of its time doesn't close either: some of it counts twice.
CLOSES_UP_TO = 1.05

UNATTRIBUTED = "unattributed"

#: What is left of the device's time. It isn't unexplained: nothing was asked of the device.
FREE = "free"

LEFT_OVER = (UNATTRIBUTED, FREE)

#: Stages in which a lane waits for another one.
WAITING = ("idle", "wait", "fetch", "backlog", "drain")

#: Stages in which a worker isn't at work.
NO_WORK = (*WAITING, "start")


@dataclass(frozen=True)
class Part:
    """One stage of a lane.

    Attributes:
        stage: Its name; `UNATTRIBUTED` for the time that no stage explains.
        share: Of the lane's wall time, 0..1.
        per_sample_s: Seconds of this lane for each page of the steady part.
        total_s: Seconds, summed over the lane's processes.
        origin: Whether it was measured or simulated.
        is_waiting: Whether the lane waits for another one in it.
    """

    stage: str
    share: float
    per_sample_s: float
    total_s: float
    origin: Origin
    is_waiting: bool


@dataclass(frozen=True)
class LaneBreakdown:
    """A lane and its parts, in the order of the work, what is left over last.

    Attributes:
        lane: Which lane.
        processes: Processes that make it up.
        wall_s: Its wall time, summed over these; the parts add up to it.
        parts: The stages, and what is left over.
        background: Stages of helper threads, which run beside the parts and are not among them.
        closure: Share that the named stages explain, 0..1; time that several of them cover counts once.
        in_main: Whether this is the worker lane of a run that loads its pages in the main process.
    """

    lane: Lane
    processes: int
    wall_s: float
    parts: tuple[Part, ...]
    background: tuple[Part, ...]
    closure: float
    in_main: bool = False

    @property
    def explained(self) -> float:
        """Sum of the named stages over the whole; above 1 where they overlap."""
        return sum(part.share for part in self.parts if part.stage not in LEFT_OVER)

    @property
    def closes(self) -> bool:
        """Whether the breakdown can be trusted. The device lane need not explain all: it may be free."""
        is_whole = self.lane == "device" or min(self.closure, self.explained) >= CLOSES_FROM
        return is_whole and self.explained <= CLOSES_UP_TO


def break_down(record: Record) -> list[LaneBreakdown]:
    """The lanes of a run: workers, main process, device. Empty where the run timed no stages, or failed."""
    if record.steady is None:
        return []
    num_pages = record.steady.num_pages
    lanes = []
    for lane in record.lanes:

        def part(name: str, total_s: float, origin: Origin, wall_s: float = lane.wall_s) -> Part:
            return Part(name, total_s / wall_s, total_s / num_pages, total_s, origin, name in WAITING)

        rows = [row for row in record.stages if row.lane == lane.lane]
        if not rows or lane.wall_s <= 0:
            continue
        parts = [part(row.name, row.total_s, row.origin) for row in rows if not row.background]
        left_s = lane.wall_s - sum(row.total_s for row in parts)
        rest = FREE if lane.lane == "device" else UNATTRIBUTED
        parts.append(part(rest, left_s, lane.origin))
        background = [part(row.name, row.total_s, row.origin) for row in rows if row.background]
        closure = lane.attributed_s / lane.wall_s
        in_main = lane.lane == "worker" and record.knobs.num_workers == 0
        lanes.append(
            LaneBreakdown(lane.lane, lane.processes, lane.wall_s, tuple(parts), tuple(background), closure, in_main)
        )
    return lanes


def explain_lanes(lanes: list[LaneBreakdown]) -> str:
    """What a reader of a breakdown must know about its lanes and about the stages that are no work, in sentences."""
    stages = {part.stage for lane in lanes for part in lane.parts}
    told = []
    if any(lane.in_main for lane in lanes):
        told.append(
            "Pages are loaded in the main process (num_workers=0): the worker lane is that same process seen from "
            "inside the loader. Its stages run within 'wait' of the main lane; its 'idle' is the main process's step."
        )
    elif "idle" in stages:
        told.append("'idle': a worker has no order, as many batches as prefetch_factor allows are loaded already.")
    if "start" in stages:
        told.append("'start': worker processes start at the begin of an epoch.")
    if "wait" in stages:
        told.append("'wait': the main process waits for a batch of pages.")
    if stages & {"fetch", "drain"}:
        told.append("'fetch' and 'drain': it waits for the device.")
    if "backlog" in stages:
        told.append("'backlog': it waits for the thread that works on results beside it.")
    if any(lane.background for lane in lanes):
        told.append("Stages of helper threads run beside the others and are no part of the sum.")
    return " ".join(told)


def find_lane(lanes: list[LaneBreakdown], name: Lane) -> LaneBreakdown | None:
    """The lane of a name, where there is one."""
    return next((lane for lane in lanes if lane.lane == name), None)


def share_of(lane: LaneBreakdown | None, *stages: str) -> float:
    """What share of a lane's time some stages take together, 0..1."""
    return sum(part.share for part in lane.parts if part.stage in stages) if lane else 0.0
