"""How far one run of this machine is from the next, by what a run and its repeats show.

A prediction rests on one run, and is compared with another one: both scatter. On a quiet machine little, and then the
floor of `predictor.Confidence` holds; beside neighbours more, which the run itself shows where its parts differ, and
its repeats where there are some.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workbench.explain.verdicts.effect import ended_well, rate
from workbench.records import Record

#: Parts of a run that are compared with each other, and how many it takes at least.
_PARTS, _LEAST_PARTS = 8, 4

#: Runs of one kind that say how far they are from each other.
_LEAST_RUNS = 3


def noise_of(record: Record, repeats: Sequence[Record] = ()) -> float:
    """Standard deviation of the log of a run's throughput: the larger one of what it and its repeats show.

    Args:
        record: The run.
        repeats: Runs of the same knobs on the same machine, the run among them.

    Returns:
        0 where neither says anything.
    """
    rates = np.log([rate(one) for one in repeats if ended_well(one)])
    between = float(rates.std(ddof=1)) if len(rates) >= _LEAST_RUNS else 0.0
    return max(_within(record), between)


def _within(record: Record) -> float:
    """Standard error of a run's mean throughput, by parts of it that hold the same kinds of steps.

    Where the machine is slower for longer than a part takes, neighbouring parts are alike, and say less than their
    number: so parts of twice the length are asked as well, and the larger error is taken.
    """
    steady, batches = record.steady, record.batches
    if steady is None or len(batches.end_ns) <= steady.warmup_steps or not steady.warmup_steps:
        return 0.0
    took = np.diff(np.array(batches.end_ns[steady.warmup_steps - 1 :], np.float64))
    samples = np.array(batches.samples[steady.warmup_steps :], np.float64)
    return max(_error(took, samples, parts, record.knobs.num_workers) for parts in (_PARTS, _PARTS // 2))


def _error(took: npt.NDArray[np.float64], samples: npt.NDArray[np.float64], parts: int, num_workers: int) -> float:
    """Standard error of the mean of this many parts, each of whole rounds of workers; 0 where there are too few."""
    rounds = max(num_workers, 1)
    length = len(took) // parts // rounds * rounds
    if parts < _LEAST_PARTS or length == 0:
        return 0.0
    whole = slice(0, parts * length)
    rates = samples[whole].reshape(parts, length).sum(axis=1) / took[whole].reshape(parts, length).sum(axis=1)
    return float(np.log(rates).std(ddof=1) / parts**0.5)
