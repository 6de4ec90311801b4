"""The throughput of a trial in turns: of whole epochs, whatever part of one its slices held, and without thawing."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from workbench.explain.verdicts.slices import sliced_rate
from workbench.records import Batches, Description, Record, Slice

MS = 1_000_000


def record_of(
    durations_ms: list[float], slices: list[tuple[float, float]], *, in_epoch: int, warmup_steps: int = 1, **knobs: int
) -> Record:
    """A trial whose steps, of 10 samples each, took these times one after the other."""
    record = make_record()
    count = len(durations_ms)
    return record.model_copy(
        update={
            "knobs": record.knobs.changed(batch_size=10, **knobs),
            "description": Description(num_samples=10 * in_epoch),
            "steady": record.steady.model_copy(update={"warmup_steps": warmup_steps}),
            "batches": Batches(
                number=list(range(count)),
                samples=[10] * count,
                num_bytes=[1] * count,
                end_ns=[int(end * MS) for end in np.cumsum(durations_ms)],
            ),
            "slices": [Slice(begin_ns=int(begin * MS), end_ns=int(end * MS)) for begin, end in slices],
        }
    )


def test_even_steps_give_their_rate():
    assert sliced_rate(record_of([200.0] * 21, [(200.0, 4200.0)], in_epoch=4)) == pytest.approx(50.0)


def test_the_first_steps_of_epochs_weigh_as_they_do_in_an_epoch():
    """Epochs of 4 steps, the first of which takes 700 ms and the others 100: 40 samples in a second.

    The slices hold two first steps in 14, where 3.5 are their share: samples over time would be 25 % too many.
    """
    durations = [700.0, 100.0, 100.0, 100.0] * 8
    ends = np.cumsum(durations)
    slices = [(ends[3], ends[10]), (ends[12], ends[15]), (ends[16], ends[19]), (ends[20], ends[23])]
    record = record_of(durations, slices, in_epoch=4, num_workers=0)
    assert sliced_rate(record) == pytest.approx(40.0)


def test_rounds_of_workers_are_told_apart_in_a_long_epoch():
    """Two workers bring their batches together: 380 ms and 20 ms. Seen an odd number of steps, the mean stays 200."""
    durations = [380.0, 20.0] * 12 + [380.0]
    record = record_of(durations, [(400.0, 5000.0)], in_epoch=100, warmup_steps=8, num_workers=2, prefetch_factor=2)
    assert sliced_rate(record) == pytest.approx(50.0)


def test_steps_right_after_a_thaw_do_not_count():
    """In each slice three quick steps are slow at first."""
    slice_ms = [60.0, 20.0, 20.0, *[10.0] * 34]
    durations = [10.0, *slice_ms * 3]
    ends = np.cumsum(durations)
    slices = [(ends[37 * n], ends[37 * (n + 1)]) for n in range(3)]
    assert sliced_rate(record_of(durations, slices, in_epoch=8)) > 970.0
    # Planted: as if nothing had been frozen, it is a sixth less.
    assert sliced_rate(record_of(durations, [(ends[0] - 200.0, ends[-1])], in_epoch=8)) < 860.0


def test_a_long_step_that_was_frozen_in_its_midst_counts():
    durations = [500.0] * 9
    record = record_of(durations, [(500.0, 1750.0), (1750.0, 4500.0)], in_epoch=2, num_workers=0)
    assert sliced_rate(record) == pytest.approx(20.0)


def test_a_trial_that_was_over_before_its_first_turn_is_taken_whole():
    """A short script: its steps took less time than it takes to freeze it. Nothing over nothing is no rate."""
    record = record_of([10.0] * 12, [(500.0, 600.0), (700.0, 800.0)], in_epoch=4)
    assert sliced_rate(record) == record.steady.samples_per_s
