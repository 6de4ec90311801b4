"""Simulated pipelines whose times can be told by hand, and bounds that none of them may break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.explain.prediction.pipeline import BatchCosts, PipelineConfig
from workbench.explain.prediction.simulator import simulate

SHAPE = PipelineConfig(
    num_workers=2, prefetch_factor=2, cores=8, slowdown=0.0, steps_per_epoch=10_000, num_steps=200, warmup_steps=6
)


def costs(config: PipelineConfig, **seconds: float | list[float]) -> BatchCosts:
    """What is not named costs nothing."""
    names = ("make", "blocked", "send", "receive", "launch", "finish", "close", "device")
    columns = {name: np.resize(np.asarray(seconds.get(name, 0.0), float), config.all_steps) for name in names}
    return BatchCosts(**columns, pages=np.full(config.all_steps, 10))


def wall_s(config: PipelineConfig = SHAPE, **seconds) -> float:
    return simulate(config, costs(config, **seconds)).wall_s


def shaped(**settings) -> PipelineConfig:
    return replace(SHAPE, **settings)


def test_without_workers_everything_is_in_series():
    assert wall_s(shaped(num_workers=0), make=1.0, launch=0.2, device=0.5, finish=0.3, close=0.1) == pytest.approx(
        200 * 2.1
    )


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_share_the_loading(workers):
    assert wall_s(shaped(num_workers=workers), make=1.0, launch=0.01) == pytest.approx(200 / workers, rel=0.03)


def test_no_more_cores_work_than_there_are():
    two, four = (wall_s(shaped(num_workers=workers, cores=2), make=1.0) for workers in (2, 4))
    assert four == pytest.approx(two, rel=0.03)


def test_busy_cores_slow_each_other_down():
    assert wall_s(shaped(cores=2, slowdown=0.3), make=1.0) == pytest.approx(100 * 1.3, rel=0.02)
    assert wall_s(shaped(cores=2, slowdown=0.3, num_workers=1), make=1.0) == pytest.approx(200, rel=0.02)


def test_the_device_hides_what_is_faster_than_it():
    assert wall_s(make=1.0, device=0.9, launch=0.01) == pytest.approx(200 * 0.91, rel=0.02)
    assert wall_s(make=0.1, device=0.9, launch=0.01) == pytest.approx(200 * 0.91, rel=0.02)


def test_results_worked_on_beside_the_loop_overlap_with_the_device():
    inline = wall_s(make=0.01, device=0.5, finish=0.4)
    beside = wall_s(shaped(beside=True), make=0.01, device=0.5, finish=0.4)
    assert inline == pytest.approx(200 * 0.9, rel=0.02)
    assert beside == pytest.approx(200 * 0.5, rel=0.02)


def test_blocked_time_takes_no_core():
    assert wall_s(shaped(num_workers=4, cores=1), make=0.01, blocked=1.0) == pytest.approx(50.5, rel=0.03)


def test_where_an_epoch_ends_the_workers_run_dry_unless_epochs_are_joined():
    apart = wall_s(shaped(steps_per_epoch=5), make=1.0)
    joined = wall_s(shaped(steps_per_epoch=5, joined=True), make=1.0)
    assert apart == pytest.approx(40 * 3, rel=0.03)  # five batches for two workers: three rounds
    assert joined == pytest.approx(100, rel=0.03)


def test_beginning_an_epoch_costs_and_starting_workers_anew_costs_more():
    plain = wall_s(shaped(steps_per_epoch=20), make=0.1)
    assert wall_s(shaped(steps_per_epoch=20, epoch_s=0.5), make=0.1) == pytest.approx(plain + 10 * 0.5, rel=0.02)
    restarted = wall_s(shaped(steps_per_epoch=20, start_s=2.0, restarts=True), make=0.1)
    assert restarted == pytest.approx(plain + 10 * 2.0, rel=0.03)


def test_batches_in_their_order_wait_for_a_slow_one():
    slow = [5.0] + [0.1] * 19
    in_order = wall_s(shaped(num_workers=2, prefetch_factor=1), make=slow, device=0.2)
    as_they_come = wall_s(shaped(num_workers=2, prefetch_factor=1, in_order=False), make=slow, device=0.2)
    assert as_they_come < in_order


def test_loading_ahead_evens_out_what_varies():
    uneven = [2.0, 2.0] + [0.1] * 18
    little, much = (wall_s(shaped(prefetch_factor=ahead), make=uneven, device=0.35) for ahead in (1, 8))
    assert much == pytest.approx(200 * 0.35, rel=0.01), "the device bounds it"
    assert little > 1.1 * much


def test_sending_overlaps_with_the_next_batch():
    assert wall_s(shaped(num_workers=1), make=1.0, send=0.9) == pytest.approx(200, rel=0.02)


def test_the_shares_are_those_of_the_time():
    outcome = simulate(SHAPE, costs(SHAPE, make=1.0, device=0.25))
    assert outcome.device_busy_share == pytest.approx(0.5, abs=0.02)
    assert outcome.main_wait_share == pytest.approx(0.5, abs=0.03)
    assert outcome.worker_idle_share == pytest.approx(0.0, abs=0.02)
    assert outcome.load == pytest.approx(2 / 8, abs=0.01)
    assert outcome.samples_per_s == pytest.approx(20, rel=0.02)


@pytest.mark.parametrize("seed", range(40))
def test_no_pipeline_is_faster_than_its_parts_allow(seed):
    rng = np.random.default_rng(seed)
    config = shaped(
        num_workers=int(rng.integers(0, 6)),
        prefetch_factor=int(rng.integers(1, 4)),
        cores=int(rng.integers(1, 5)),
        slowdown=float(rng.choice([0.0, 0.4])),
        steps_per_epoch=int(rng.integers(3, 60)),
        in_order=bool(rng.integers(2)),
        beside=bool(rng.integers(2)),
        joined=bool(rng.integers(2)),
        warmup_steps=0,
    )
    names = ("make", "send", "receive", "launch", "finish", "close", "device")
    drawn = costs(config, **{name: list(rng.gamma(1.0, rng.uniform(0, 0.3), 200)) for name in names})
    outcome = simulate(config, drawn)
    cpu = [getattr(drawn, name).sum() for name in names if name != "device"]
    in_main = drawn.launch.sum() + drawn.close.sum() + (0 if config.beside else drawn.finish.sum())
    if config.num_workers == 0:
        cpu = [part for name, part in zip(names, cpu, strict=False) if name not in ("send", "receive")]
    bounds = [sum(cpu) / config.cores, drawn.device.sum(), in_main]
    series = (sum(cpu) + drawn.device.sum()) * (1 + config.slowdown)
    assert max(bounds) <= outcome.wall_s * (1 + 1e-9)
    assert outcome.wall_s <= series * (1 + 1e-9)
    assert outcome.load <= 1.0 + 1e-9
