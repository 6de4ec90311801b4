"""How near a run is to its ceiling, and who holds it up: the time that is missing, charged once.

The ceiling is a device that is at work all the time. Without one, the loader alone is what is asked for: then it is
workers that are at work all the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from workbench.explain.breakdown import (
    BACKLOG,
    BATCH_WAIT,
    IDLE,
    LaneBreakdown,
    Part,
    device_busy,
    find_lane,
    receives,
    share_of,
)
from workbench.explain.diagnosis.critical_path import CriticalPath, Holder, Kind
from workbench.records import Record, Steady
from workbench.stages import RANK_WAIT, UNATTRIBUTED
from workbench.units import NS_PER_S

Ceiling = Literal["device", "model", "loading"]

#: Kinds of holders that are the way of a batch from its samples to the main process.
LOADING: tuple[Kind, ...] = ("loading", "rare", "start", "epoch")


@dataclass(frozen=True)
class Charged:
    """A run and its ceiling.

    Attributes:
        ceiling: What would be at work all the time: the device, a model in the main process itself, or the workers.
        reached: Share of the time in which it was, 0..1.
        charges: The rest: shares of the time, 0..1, by who held it up.
    """

    ceiling: Ceiling
    reached: float
    charges: Mapping[Holder, float] = field(default_factory=dict)

    def of(self, *kinds: Kind) -> float:
        """What some kinds of holders are charged with together."""
        return sum(share for holder, share in self.charges.items() if holder.kind in kinds)


def charge(
    record: Record, lanes: Sequence[LaneBreakdown], spans: pd.DataFrame | None, rare: Mapping[int, float] | None = None
) -> Charged:
    """How near a run is to its ceiling, and who holds it up.

    Args:
        record: The run, with counted steps.
        lanes: Where its time went, the main process among it.
        spans: Its spans; None, or empty: its charges are in proportion to what the main process spends its time on.
        rare: By batch: share of its making that rare slow samples are to blame for.
    """
    assert record.steady is not None
    own = list(lanes)
    main = find_lane(own, "main")
    assert main is not None
    ceiling, reached = _reached(record, own, main)
    if spans is None or not len(spans):
        return _in_proportion(ceiling, reached, own, main)
    if ceiling == "loading":
        idle = _of_idle_workers(record.steady, spans)
        whole = sum(idle.values())
        if not whole:
            return _in_proportion(ceiling, reached, own, main)
        return Charged(ceiling, reached, {holder: (1.0 - reached) * ns / whole for holder, ns in idle.items()})
    path = CriticalPath(record, record.steady, spans, "device" if ceiling == "device" else "main", rare)
    seconds = path.charges()
    wall_s = (record.steady.end_ns - record.steady.begin_ns) / NS_PER_S
    return Charged(ceiling, path.busy_share, {holder: each / wall_s for holder, each in seconds.items()})


def _reached(record: Record, lanes: list[LaneBreakdown], main: LaneBreakdown) -> tuple[Ceiling, float]:
    if find_lane(lanes, "device") is not None:
        return "device", min(1.0, device_busy(lanes))
    model = sum(part.share for part in main.parts if part.kind.role == "submit" and not part.kind.moves_bytes)
    if model > 0.0:
        return "model", min(1.0, model)
    if find_lane(lanes, "worker") is not None:
        return "loading", 1.0 - share_of(find_lane(lanes, "worker"), IDLE)
    return "loading", share_of(main, BATCH_WAIT)


def _in_proportion(ceiling: Ceiling, reached: float, lanes: list[LaneBreakdown], main: LaneBreakdown) -> Charged:
    """The missing time over all that the main process does but for waiting for the device, and for the model itself."""
    shares: dict[Holder, float] = defaultdict(float)
    for part in main.parts:
        is_model = ceiling == "model" and part.kind.role == "submit" and not part.kind.moves_bytes
        if part.stage == UNATTRIBUTED:
            shares[Holder("unexplained")] += part.share
        elif part.stage == BATCH_WAIT:
            if ceiling != "loading":
                _share_out(shares, "loading", part.share, _work(find_lane(lanes, "worker")))
        elif part.stage == BACKLOG:
            results = [each for each in main.background if each.is_work and not receives(each.kind)]
            _share_out(shares, "background", part.share, results)
        elif part.stage == RANK_WAIT:
            shares[Holder("ranks", part.stage)] += part.share
        elif part.is_work and not is_model:
            shares[Holder("main", part.stage)] += part.share
    whole = sum(shares.values())
    if whole <= 0.0:
        return Charged(ceiling, reached, {Holder("unexplained"): 1.0 - reached})
    return Charged(ceiling, reached, {holder: (1.0 - reached) * share / whole for holder, share in shares.items()})


def _work(lane: LaneBreakdown | None) -> list[Part]:
    """What the workers do for a batch before it is sent."""
    return [part for part in lane.parts if part.is_work and part.stage != UNATTRIBUTED] if lane is not None else []


def _share_out(shares: dict[Holder, float], kind: Kind, share: float, parts: Sequence[Part]) -> None:
    whole = sum(part.share for part in parts)
    for part in parts:
        shares[Holder(kind, part.stage)] += share * part.share / whole
    if not parts:
        shares[Holder(kind)] += share


def _of_idle_workers(steady: Steady, spans: pd.DataFrame) -> dict[Holder, float]:
    """Nanoseconds in which workers had no order, by what the main process did meanwhile: it gives them."""
    inside = spans[(spans["end_ns"] > steady.begin_ns) & (spans["begin_ns"] < steady.end_ns)]
    idle = inside[(inside["lane"] == "worker") & (inside["stage"] == IDLE)]
    main = inside[(inside["lane"] == "main") & ~inside["background"].astype(bool)].sort_values("begin_ns")
    begins, ends, stages = main["begin_ns"].to_numpy(), main["end_ns"].to_numpy(), main["stage"].to_numpy()
    found: dict[Holder, float] = defaultdict(float)
    for begin, end in zip(idle["begin_ns"].tolist(), idle["end_ns"].tolist(), strict=True):
        begin, end = max(begin, steady.begin_ns), min(end, steady.end_ns)
        first, last = ends.searchsorted(begin, side="right"), begins.searchsorted(end, side="left")
        left = float(end - begin)
        for at in range(first, last):
            ns = float(min(ends[at], end) - max(begins[at], begin))
            holder = Holder("epoch") if stages[at] == BATCH_WAIT else Holder("main", str(stages[at]))
            found[holder] += ns
            left -= ns
        found[Holder("unexplained")] += max(left, 0.0)
    return found
