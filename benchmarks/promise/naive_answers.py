"""What is usually said of such a change: two answers without a model, which a prediction has to beat."""

from __future__ import annotations

from collections.abc import Mapping

from promise.prediction_cells import Cell

from workbench.records import Record
from workbench.stages import Lane

_LANES: tuple[Lane, ...] = ("worker", "main", "device")


def share_of_time(record: Record, cell: Cell) -> float:
    """Pages per second if stages were in series: a stage's share of all work is what its end would save.

    More workers divide the loading's share; a slower device stretches its own.
    """
    loading, others, device = _work_s(record)
    changed_loading, changed_others, changed_device = _changed_s(record, cell)
    before = loading / max(record.knobs.num_workers, 1) + others + device
    after = changed_loading / max(_workers(record, cell), 1) + changed_others + changed_device
    assert record.steady is not None
    return record.steady.samples_per_s * before / after


def smallest_ceiling(record: Record, cell: Cell) -> float:
    """Pages per second if all overlapped perfectly: the slower of loading, and of main process and device."""
    loading, others, device = _changed_s(record, cell)
    workers = _workers(record, cell)
    if workers == 0:
        return 1.0 / (loading + others + device)
    return min(workers / loading, 1.0 / (others + device))


def _work_s(record: Record) -> tuple[float, float, float]:
    """Seconds for each page of loading, of the main process, of the device, as measured."""
    return _sums_s(record, {})


def _changed_s(record: Record, cell: Cell) -> tuple[float, float, float]:
    """Likewise, with the stages and the device as a cell changes them."""
    loading, others, device = _sums_s(record, cell.stages)
    before = record.knobs.replay_ms_per_sample
    return loading, others, device * float(cell.settings.get("replay_ms_per_sample", before)) / before


def _sums_s(record: Record, factors: Mapping[str, float]) -> tuple[float, float, float]:
    assert record.steady is not None
    sums = dict.fromkeys(_LANES, 0.0)
    idle = record.catalogue.names("wait", "start", "epoch")
    for row in record.stages:
        if row.name in idle or row.name == "progress" or row.background:
            continue
        factor = 1.0 if row.lane == "device" else factors.get(row.name, 1.0)
        sums[row.lane] += factor * row.total_s / record.steady.num_samples
    return sums["worker"], sums["main"], sums["device"]


def _workers(record: Record, cell: Cell) -> int:
    return int(cell.settings.get("num_workers", record.knobs.num_workers))
