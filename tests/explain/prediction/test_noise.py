"""How far one run is from the next: nothing on an even machine, more beside neighbours, no less than repeats show."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record, make_stage

from workbench.explain.prediction.noise import noise_of, noise_of_isolated
from workbench.records import Batches, Description, Isolated, Machine, Record


def record_of(took_ms: list[float], *, warmup_steps: int = 2, **knobs: int) -> Record:
    """A trial whose counted steps, of 10 samples each, took these times."""
    record = make_record(**knobs)
    ends = np.cumsum([10.0] * warmup_steps + took_ms) * 1e6
    return record.model_copy(
        update={
            "steady": record.steady.model_copy(update={"warmup_steps": warmup_steps}),
            "batches": Batches(
                number=list(range(len(ends))), samples=[10] * len(ends), num_bytes=[1] * len(ends),
                end_ns=ends.astype(int).tolist(),
            ),
        }
    )  # fmt: skip


def test_an_even_run_has_none():
    assert noise_of(record_of([20.0] * 64)) == pytest.approx(0.0, abs=1e-6)


def test_steps_that_alternate_by_worker_are_no_noise():
    assert noise_of(record_of([38.0, 2.0] * 32, num_workers=2)) == pytest.approx(0.0, abs=1e-6)


def test_steps_that_scatter_give_the_error_of_their_mean():
    took = np.random.default_rng(0).normal(20.0, 4.0, 4096)
    assert noise_of(record_of(took.tolist(), num_workers=0)) == pytest.approx(0.2 / 64, rel=0.7)


def test_slow_times_that_last_are_more_than_steps_that_scatter():
    """The same steps, in another order: half of the run is slow at a stretch, or every other step is."""
    mixed = noise_of(record_of([10.0, 30.0] * 32, num_workers=0))
    lasting = noise_of(record_of([10.0] * 32 + [30.0] * 32, num_workers=0))
    assert mixed == pytest.approx(0.0, abs=1e-6)
    assert lasting > 0.2


def test_repeats_count_where_they_show_more():
    quiet = record_of([20.0] * 64)
    repeats = [make_record(rate) for rate in (100.0, 110.0, 90.0)]
    assert noise_of(quiet, repeats) == pytest.approx(np.log([100, 110, 90]).std(ddof=1))
    assert noise_of(quiet, repeats[:2]) == pytest.approx(0.0, abs=1e-6), "two of them say too little"


def test_repeats_of_any_kind_count_and_kinds_are_no_noise():
    steady = record_of([20.0] * 64)
    rates = [(workers, factor * 50.0 * 3**workers) for workers in (0, 1, 2) for factor in (1.0, 1.1)]
    pairs = [make_record(rate, num_workers=workers) for workers, rate in rates]
    assert noise_of(steady, pairs) == pytest.approx(np.log(1.1) / 2**0.5, rel=0.01)
    kept = [pairs[0], pairs[1].model_copy(update={"knobs": pairs[1].knobs.changed(checked_samples=0)}), pairs[2]]
    assert noise_of(steady, kept) == pytest.approx(0.0, abs=1e-6), "one repeat, and another kind"
    third = make_record(60.0, num_workers=0)
    assert noise_of(steady, [*kept, third]) > 0.05, "what is kept of samples makes no other kind"


def in_epochs(record: Record, steps: int) -> Record:
    """The record, of a data set of so many steps."""
    return record.model_copy(update={"description": Description(num_samples=steps * record.knobs.batch_size)})


def test_what_the_machine_does_at_its_own_pace_lasts_longer_than_a_run():
    """Of white noise the mean of a run is surer than its parts; of noise that lasts it is not."""
    draw = np.random.default_rng(0)
    white = draw.normal(20.0, 4.0, 4096)
    lasting = 20.0 * np.exp(0.1 * np.repeat(draw.normal(0.0, 1.0, 4), 1024))
    of_white, of_lasting = (
        noise_of(in_epochs(record_of(took.tolist(), num_workers=0), 64)) for took in (white, lasting)
    )
    assert of_white < 0.01
    assert 0.03 < of_lasting < 0.3
    unknown = record_of(lasting.tolist(), num_workers=0).model_copy(update={"description": None})
    assert noise_of(unknown) < of_lasting, "parts of an epoch of unknown length may differ by what is in them"


@pytest.mark.parametrize(
    ("other_cores", "steal_share", "noise"), [(0.0, 0.0, 0.0), (0.5, 0.0, 0.166), (0.0, 0.25, 0.166), (2.0, 0.9, 1.33)]
)
def test_what_others_have_taken_of_the_cores_another_run_may_have(other_cores, steal_share, noise):
    machine = Machine(wall_s=9.0, other_cores=other_cores, steal_share=steal_share, load_1min=0.0, num_cores=2)
    record = record_of([20.0] * 64).model_copy(update={"machine": machine})
    assert noise_of(record) == pytest.approx(noise, abs=0.01)


def isolated(record: Record, seconds: float) -> Record:
    """The record, with stages that were timed isolated for so long."""
    return record.model_copy(update={"isolated": Isolated(samples=[0], stages=[make_stage("main", "wait", seconds)])})


def test_what_was_timed_isolated_is_as_uncertain_as_a_part_of_the_run_that_lasts_as_long():
    uneven = record_of([10.0] * 32 + [30.0] * 32, num_workers=0)  # 1.28 s, of which the first quarter is fast
    assert noise_of_isolated(isolated(uneven, 0.16)) == pytest.approx(0.5 * np.log(3.0), rel=0.2)
    assert noise_of_isolated(isolated(record_of([20.0] * 64), 0.16)) == pytest.approx(0.0, abs=1e-6)
    halves = np.log(3.0) / 3.0**0.5  # two of four parts are fast
    assert noise_of_isolated(isolated(uneven, 0.6)) == pytest.approx(halves, rel=0.01), "of a longer one there are four"
    assert noise_of_isolated(uneven) == 0.0, "nothing was"


def test_a_record_without_the_times_of_its_steps_says_nothing():
    assert noise_of(make_record()) == 0.0
