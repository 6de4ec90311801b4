"""Simulated pipelines whose times can be worked out by hand, and bounds that none of them may break."""

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
    names = ("load", "blocked", "send", "receive", "submit", "collect", "end", "device")
    columns = {name: np.resize(np.asarray(seconds.get(name, 0.0), float), config.all_steps) for name in names}
    return BatchCosts(**columns, samples=np.full(config.all_steps, 10))


def wall_s(config: PipelineConfig = SHAPE, **seconds) -> float:
    return simulate(config, costs(config, **seconds)).wall_s


def shaped(**settings) -> PipelineConfig:
    return replace(SHAPE, **settings)


def test_without_workers_everything_is_in_series():
    assert wall_s(shaped(num_workers=0), load=1.0, submit=0.2, device=0.5, collect=0.3, end=0.1) == pytest.approx(
        200 * 2.1
    )


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_share_the_loading(workers):
    assert wall_s(shaped(num_workers=workers), load=1.0, submit=0.01) == pytest.approx(200 / workers, rel=0.03)


def test_no_more_cores_work_than_there_are():
    two, four = (wall_s(shaped(num_workers=workers, cores=2), load=1.0) for workers in (2, 4))
    assert four == pytest.approx(two, rel=0.03)


def test_busy_cores_slow_each_other_down():
    assert wall_s(shaped(cores=2, slowdown=0.3), load=1.0) == pytest.approx(100 * 1.3, rel=0.02)
    assert wall_s(shaped(cores=2, slowdown=0.3, num_workers=1), load=1.0) == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize(("quota", "seconds"), [(0.5, 400), (1.0, 200), (1.5, 400 / 3), (2.0, 100), (4.0, 100)])
def test_a_quota_is_shared_by_all_that_are_at_work(quota, seconds):
    assert wall_s(shaped(cores=2, quota=quota), load=1.0) == pytest.approx(seconds, rel=0.02)
    alone = wall_s(shaped(cores=2, quota=quota, num_workers=1), load=1.0)
    assert alone == pytest.approx(200 / min(quota, 1.0), rel=0.02)  # who is alone has a core, as far as there is one


def test_the_device_hides_what_is_faster_than_it():
    assert wall_s(load=1.0, device=0.9, submit=0.01) == pytest.approx(200 * 0.91, rel=0.02)
    assert wall_s(load=0.1, device=0.9, submit=0.01) == pytest.approx(200 * 0.91, rel=0.02)


def test_results_worked_on_in_the_background_overlap_with_the_device():
    inline = wall_s(load=0.01, device=0.5, collect=0.4)
    background = wall_s(shaped(background=True), load=0.01, device=0.5, collect=0.4)
    assert inline == pytest.approx(200 * 0.9, rel=0.02)
    assert background == pytest.approx(200 * 0.5, rel=0.02)


def test_blocked_time_takes_no_core():
    assert wall_s(shaped(num_workers=4, cores=1), load=0.01, blocked=1.0) == pytest.approx(50.5, rel=0.03)


def test_where_an_epoch_ends_the_workers_run_dry_unless_epochs_overlap():
    apart = wall_s(shaped(steps_per_epoch=5), load=1.0)
    overlapping = wall_s(shaped(steps_per_epoch=5, epoch_overlap=True), load=1.0)
    assert apart == pytest.approx(40 * 3, rel=0.03)  # five batches for two workers: three rounds
    assert overlapping == pytest.approx(100, rel=0.03)


def test_beginning_an_epoch_costs_and_starting_workers_anew_costs_more():
    plain = wall_s(shaped(steps_per_epoch=20), load=0.1)
    assert wall_s(shaped(steps_per_epoch=20, epoch_s=0.5), load=0.1) == pytest.approx(plain + 10 * 0.5, rel=0.02)
    restarted = wall_s(shaped(steps_per_epoch=20, start_s=2.0, restarts=True), load=0.1)
    assert restarted == pytest.approx(plain + 10 * 2.0, rel=0.03)


def test_batches_in_their_order_wait_for_a_slow_one():
    slow = [5.0] + [0.1] * 19
    in_order = wall_s(shaped(num_workers=2, prefetch_factor=1), load=slow, device=0.2)
    as_they_come = wall_s(shaped(num_workers=2, prefetch_factor=1, in_order=False), load=slow, device=0.2)
    assert as_they_come < in_order


def test_loading_ahead_evens_out_what_varies():
    uneven = [2.0, 2.0] + [0.1] * 18
    little, much = (wall_s(shaped(prefetch_factor=ahead), load=uneven, device=0.35) for ahead in (1, 8))
    assert much == pytest.approx(200 * 0.35, rel=0.01), "the device bounds it"
    assert little > 1.1 * much


def test_sending_overlaps_with_the_next_batch():
    assert wall_s(shaped(num_workers=1), load=1.0, send=0.9) == pytest.approx(200, rel=0.02)


def test_the_shares_are_those_of_the_time():
    outcome = simulate(SHAPE, costs(SHAPE, load=1.0, device=0.25))
    assert outcome.device_busy_share == pytest.approx(0.5, abs=0.02)
    assert outcome.main_wait_share == pytest.approx(0.5, abs=0.03)
    assert outcome.worker_idle_share == pytest.approx(0.0, abs=0.02)
    assert outcome.load == pytest.approx(2 / 8, abs=0.01)
    assert outcome.samples_per_s == pytest.approx(20, rel=0.02)


def test_a_thread_that_receives_batches_leaves_the_loop_free():
    costs_s = {"load": 0.1, "receive": 0.3, "device": 0.3}
    assert wall_s(**costs_s) == pytest.approx(200 * 0.6, rel=0.02)
    assert wall_s(shaped(receiver=True), **costs_s) == pytest.approx(200 * 0.3, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "costs_s", "share"),
    [
        ({"background": True}, {"load": 0.1, "device": 0.3, "collect": 0.5}, "background_busy_share"),
        ({}, {"load": 0.1, "send": 1.0, "device": 0.1}, "sender_busy_share"),
        ({"receiver": True}, {"load": 0.1, "receive": 0.5, "device": 0.1}, "receiver_busy_share"),
    ],
)
def test_a_thread_that_bounds_the_pipeline_is_busy_all_the_time_and_no_other(settings, costs_s, share):
    config = shaped(**settings)
    outcome = simulate(config, costs(config, **costs_s))
    busy = {
        name: getattr(outcome, name) for name in ("background_busy_share", "sender_busy_share", "receiver_busy_share")
    }
    assert busy.pop(share) == pytest.approx(1.0, abs=0.02)
    assert max(busy.values()) == 0.0
    assert outcome.device_busy_share < 0.7
    waits = outcome.backlog_share if share == "background_busy_share" else outcome.main_wait_share
    assert waits > 0.5


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_results_are_worked_on_by_as_many_as_there_are(at_once):
    config = shaped(cores=8, background=True, background_batches=8, side_by_side=at_once)
    took_s = wall_s(config, submit=0.1, collect=0.6)
    assert took_s == pytest.approx(config.num_steps * 0.6 / at_once, rel=0.05)


def test_a_deep_queue_lets_the_main_process_run_ahead_of_an_uneven_device():
    uneven = [2.0, 2.0] + [0.1] * 8
    shallow, deep = (
        wall_s(shaped(device_steps=steps, background=True, background_batches=64), submit=0.4, device=uneven)
        for steps in (1, 64)
    )
    assert shallow > deep


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
        background=bool(rng.integers(2)),
        epoch_overlap=bool(rng.integers(2)),
        receiver=bool(rng.integers(2)),
        warmup_steps=0,
    )
    names = ("load", "send", "receive", "submit", "collect", "end", "device")
    drawn = costs(config, **{name: list(rng.gamma(1.0, rng.uniform(0, 0.3), 200)) for name in names})
    outcome = simulate(config, drawn)
    cpu = [getattr(drawn, name).sum() for name in names if name != "device"]
    in_main = drawn.submit.sum() + drawn.end.sum() + (0 if config.background else drawn.collect.sum())
    if config.num_workers == 0:
        cpu = [part for name, part in zip(names, cpu, strict=False) if name not in ("send", "receive")]
    bounds = [sum(cpu) / config.cores, drawn.device.sum(), in_main]
    series = (sum(cpu) + drawn.device.sum()) * (1 + config.slowdown)
    assert max(bounds) <= outcome.wall_s * (1 + 1e-9)
    assert outcome.wall_s <= series * (1 + 1e-9)
    assert outcome.load <= 1.0 + 1e-9
