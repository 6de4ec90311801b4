"""Figures out of single trials on a real device: what must be true of every record, whatever the speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from promise.figure import Figure, not_taken

from workbench.records import Record
from workbench.stages import Lane

if TYPE_CHECKING:
    import pandas as pd

LEAST_ATTRIBUTED = 0.95

#: The first counted step of a batch size may take this many times the median of the later ones. A step that is not warm
#: takes ten times as long and more: libraries search for their fastest way then.
MOST_COLD = 2.0

#: Later steps of a batch size that a first one is compared with, at least.
_LEAST_LATER = 2

_MB = 1e6


def attributed(record: Record, what: str) -> Iterator[Figure]:
    """The share of each lane's time that named stages explain. The device's is its busy share, by its own spans."""
    lanes: tuple[Lane, ...] = ("main", "worker", "device")
    for name in lanes:
        lane = record.lane(name)
        value = lane.attributed_share if lane else None
        title = f"attributed share, {name} lane, {what}"
        goal = "shown (>= 0)" if name == "device" else f">= {LEAST_ATTRIBUTED}"
        if value is None:
            yield not_taken(title, "nothing in this lane was timed", unit="share", goal=goal)
        else:
            met = name == "device" or value >= LEAST_ATTRIBUTED
            yield Figure(title, value, "share", goal, met, None, _steps(record))


def device_sum(record: Record, what: str) -> Figure:
    """The sum of the device's spans over the wall time: work of one stream cannot take more than there is."""
    name, goal = f"sum of device spans over wall time, {what}", "<= 1"
    rows = [row for row in record.stages if row.lane == "device"]
    if record.steady is None or not rows:
        return not_taken(name, "there are no device spans", unit="share", goal=goal)
    value = sum(row.total_s for row in rows) / record.steady.wall_s
    counts = ", ".join(f"{row.count} of '{row.name}'" for row in rows)
    met = value <= 1.0 and all(row.count == record.steady.num_steps for row in rows)
    return Figure(name, value, "share", goal, met, None, f"{counts} in {_steps(record)}")


def warm(record: Record, spans: pd.DataFrame, what: str) -> Figure:
    """The first counted device step of each batch size against the median of the later ones."""
    name, goal = f"first counted step of a batch size over later ones, {what}", f"<= {MOST_COLD}"
    if record.steady is None:
        return not_taken(name, "there are no counted steps", unit="times", goal=goal)
    counted = record.batches.number[record.steady.warmup_steps :][: record.steady.num_steps]
    device = spans[(spans["lane"] == "device") & spans["batch"].isin(counted)]
    taken_ms = ((device["end_ns"] - device["begin_ns"]) * 1e-6).groupby(device["batch"]).sum()
    sizes = record.batches.sizes()
    ratios = {}
    for size, numbers in groupby(sorted(counted, key=lambda number: (sizes[number], number)), key=sizes.__getitem__):
        times = [float(taken_ms[number]) for number in numbers if number in taken_ms.index]
        if len(times) > _LEAST_LATER:
            ratios[size] = times[0] / float(np.median(times[1:]))
    missing = sorted(set(sizes.values()) - set(ratios))
    if missing or not ratios:
        sizes_text = ", ".join(map(str, missing)) or "any"
        return not_taken(name, f"too few counted device steps with batches of {sizes_text}", unit="times", goal=goal)
    value = max(ratios.values())
    each = "; ".join(f"{ratio:.2f} with {size} samples" for size, ratio in ratios.items())
    detail = f"{each}; {record.steady.warmup_steps} warm-up steps"
    return Figure(name, value, "times", goal, value <= MOST_COLD, None, detail)


def device_memory(record: Record, what: str) -> Iterator[Figure]:
    """What the allocator and the driver say that the trial's process has held on the device."""
    peak, held = record.memory.peak_device_bytes, record.memory.device_process_bytes
    name, goal = f"device memory by torch's allocator, {what}", "> 0"
    if not peak:
        yield not_taken(name, "the allocator was not read", unit="MB", goal=goal)
    else:
        yield Figure(name, peak / _MB, "MB", goal, True)
    name, goal = f"device memory by the driver (NVML), {what}", "at least the allocator's peak (> 0)"
    if held is None:
        reason = "the driver does not list this process (as in a container), or nvidia-ml-py is not installed"
        yield not_taken(name, reason, unit="MB", goal=goal)
    else:
        detail = "contexts and workspaces are in it; the peak may lie before the reading"
        yield Figure(name, held / _MB, "MB", goal, held >= (peak or 0), None, detail)


def training(record: Record, what: str) -> Figure:
    """The time of a training step on the device, all four stages of which must be there."""
    name, goal = f"training step on the device, {what}", "all stages timed (> 0)"
    rows = {row.name: row for row in record.stages if row.lane == "device"}
    missing = [stage for stage in ("forward", "loss", "backward", "optimizer") if stage not in rows]
    if missing or record.steady is None:
        reason = f"no spans of {', '.join(missing)}" if missing else "there are no counted steps"
        return not_taken(name, reason, unit="ms", goal=goal)
    each = ", ".join(f"{row.name} {row.p50_s * 1e3:.3g} ms" for row in rows.values())
    met = all(row.count == record.steady.num_steps for row in rows.values())
    value = sum(row.p50_s for row in rows.values()) * 1e3
    return Figure(name, value, "ms", goal, met, None, f"medians: {each}; {_steps(record)}")


def over_all(records: Sequence[Record]) -> Iterator[Figure]:
    """The worst of all trials that were timed."""
    timed = [record for record in records if record.stages]
    lanes: tuple[Lane, ...] = ("main", "worker")
    for name in lanes:
        shares = [lane.attributed_share for record in timed if (lane := record.lane(name))]
        known = [share for share in shares if share is not None]
        title, goal = f"attributed share, {name} lane, worst of all trials", f">= {LEAST_ATTRIBUTED}"
        if known:
            yield Figure(title, min(known), "share", goal, min(known) >= LEAST_ATTRIBUTED, None, f"{len(known)} trials")
        else:
            yield not_taken(title, "no trial was timed", unit="share", goal=goal)
    sums = [device_sum(record, "worst of all trials") for record in timed if record.lane("device")]
    # One that does not hold comes before any that does, and then the largest.
    yield max(
        sums,
        key=lambda figure: (not figure.met, figure.value or 0.0),
        default=not_taken("sum of device spans over wall time, worst of all trials", "no trial has device spans"),
    )


def _steps(record: Record) -> str:
    steady = record.steady
    return f"{steady.num_steps} steps, {steady.samples_per_s:.0f} samples/s" if steady else "no counted steps"
