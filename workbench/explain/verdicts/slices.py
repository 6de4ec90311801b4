"""The throughput of a trial that took turns with others.

Such a trial is frozen and thawed while it counts, so that it begins and ends anywhere in an epoch, and each step stands
for its place there: the first ones of an epoch wait for workers that begin anew, and workers that make whole batches
bring them together, one round after the other. So its throughput is that of a whole epoch, made of what steps in each
place of one took on the average.

Steps that were over right after a thaw are left out: caches were another trial's. A step that was frozen in its midst
and goes on for longer than that stays: its time is known, and what it does is part of the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.records import Record
from workbench.units import NS_PER_S

Numbers = npt.NDArray[np.int64]

#: For so long after a thaw a trial is not what it is otherwise.
_THAWING_NS = NS_PER_S // 10

#: Epochs in which each of its steps is seen so often that it stands for itself.
_OFTEN = 4


def sliced_rate(record: Record) -> float:
    """Samples per second of a trial that took turns; of one that was over before its first turn, of all its steps.

    Args:
        record: Of a trial that ended well, and has slices.
    """
    steps = _steps_of(record)
    took_s = np.bincount(steps.place, steps.took_ns / NS_PER_S, len(steps.epoch))
    samples = np.bincount(steps.place, steps.samples, len(steps.epoch))
    seen = samples > 0
    if not seen.any():
        assert record.steady is not None
        return record.steady.samples_per_s
    return float(steps.epoch[seen].sum() / (steps.epoch[seen] * took_s[seen] / samples[seen]).sum())


@dataclass(frozen=True)
class _Steps:
    """The steps of a trial that its throughput is made of.

    Attributes:
        took_ns: int64 [steps].
        samples: int64 [steps].
        place: int64 [steps]: steps in one place take as long as each other.
        epoch: int64 [places]: samples in each place of an epoch.
    """

    took_ns: Numbers
    samples: Numbers
    place: Numbers
    epoch: Numbers


def _steps_of(record: Record) -> _Steps:
    assert record.steady is not None
    batches, knobs = record.batches, record.knobs
    end_ns, samples = np.array(batches.end_ns, np.int64), np.array(batches.samples, np.int64)
    first = max(record.steady.warmup_steps, 1)
    in_epoch = _steps_of_an_epoch(record)
    number = np.array(batches.number, np.int64)[first:] % in_epoch
    places = _places(in_epoch, knobs.num_workers, knobs.prefetch_factor, is_seen_often=len(number) >= _OFTEN * in_epoch)
    size = np.full(in_epoch, knobs.batch_size, np.int64)
    size[number] = samples[first:]
    thawed = np.array([one.begin_ns for one in record.slices], np.int64)
    last_thaw = thawed[np.searchsorted(thawed, end_ns[first:], side="right") - 1]
    is_kept = (end_ns[first:] >= thawed[0]) & (end_ns[first:] - last_thaw > _THAWING_NS)
    return _Steps(
        took_ns=np.diff(end_ns[first - 1 :])[is_kept],
        samples=samples[first:][is_kept],
        place=places[number][is_kept],
        epoch=np.bincount(places, size).astype(np.int64),
    )


def _steps_of_an_epoch(record: Record) -> int:
    description = record.description
    if description is not None and description.epoch_batches:
        return description.epoch_batches
    samples = 0 if description is None else description.epoch_samples or description.num_samples
    return max(1, -(-samples // record.knobs.batch_size))


def _places(in_epoch: int, num_workers: int, prefetch_factor: int, *, is_seen_often: bool) -> Numbers:
    """int64 [steps of an epoch]: a number for each place.

    Where each step is seen often it is a place of its own. Else those at the begin of an epoch, until the queue is as
    full as it stays, are apart from the others, and within both those of each worker.
    """
    step = np.arange(in_epoch)
    if is_seen_often:
        return step
    workers = max(num_workers, 1)
    begin = max(1, num_workers * prefetch_factor)
    kind = step % workers + workers * (step >= begin)
    return np.unique(kind, return_inverse=True)[1].astype(np.int64)
