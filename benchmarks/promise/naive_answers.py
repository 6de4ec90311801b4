"""What is usually said of such a change: two answers without a model, which a prediction has to beat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.explain.breakdown import WAITING
from workbench.records import Record

_NO_WORK = (*WAITING, "start", "epoch", "progress")


def share_of_time(record: Record, questions: Sequence[str]) -> float:
    """Pages per second if stages were in series: a stage's share of all work is what its end would save.

    More workers divide the loading's share; a slower device stretches its own.
    """
    loading, others, device = _work_s(record)
    changed_loading, changed_others, changed_device = _changed(record, questions)
    workers = max(record.knobs.num_workers, 1)
    new_workers = max(int(_value(questions, "num_workers", record.knobs.num_workers)), 1)
    before = loading / workers + others + device
    after = changed_loading / new_workers + changed_others + changed_device
    assert record.steady is not None
    return record.steady.samples_per_s * before / after


def smallest_ceiling(record: Record, questions: Sequence[str]) -> float:
    """Pages per second if all background perfectly: the slower of loading alone, and of main process and device."""
    loading, others, device = _changed(record, questions)
    workers = int(_value(questions, "num_workers", record.knobs.num_workers))
    if workers == 0:
        return 1.0 / (loading + others + device)
    return min(workers / loading, 1.0 / (others + device))


def _work_s(record: Record) -> tuple[float, float, float]:
    """Seconds a page of loading, of the main process, of the device, as measured."""
    assert record.steady is not None
    sums = {"worker": 0.0, "main": 0.0, "device": 0.0}
    for row in record.stages:
        if row.name not in _NO_WORK and not row.background:
            sums[row.lane] += row.total_s / record.steady.num_pages
    return sums["worker"], sums["main"], sums["device"]


def _changed(record: Record, questions: Sequence[str]) -> tuple[float, float, float]:
    assert record.steady is not None
    sums = dict(zip(("worker", "main", "device"), _work_s(record), strict=True))
    for question in questions:
        match = re.fullmatch(r"(\w+) x([\d.]+)", question)
        if match:
            for row in record.stages:
                if row.name == match[1] and row.lane != "device":
                    sums[row.lane] += (float(match[2]) - 1.0) * row.total_s / record.steady.num_pages
    sums["device"] *= float(_value(questions, "replay_ms_per_sample", record.knobs.replay_ms_per_sample)) / (
        record.knobs.replay_ms_per_sample
    )
    return sums["worker"], sums["main"], sums["device"]


def _value(questions: Sequence[str], name: str, otherwise: float) -> float:
    found = [question.partition("=")[2] for question in questions if question.startswith(f"{name}=")]
    return float(found[0]) if found else otherwise
