"""A leak is found in what was sampled, and noise is taken for none."""

from __future__ import annotations

import gc
import os

import numpy as np
import psutil
import pytest
from promise.long_use import Samples, repeatedly
from promise.slope import slope

WORK = np.arange(200.0)


def alike(rng: np.random.Generator, count: int, share: float) -> np.ndarray:
    """Noise of which each value is much like the one before."""
    values = np.zeros(count)
    for number in range(1, count):
        values[number] = share * values[number - 1] + rng.normal()
    return values


def test_a_list_that_grows_is_caught():
    kept: list[bytes] = []
    sizes = []
    for _ in range(40):
        kept.append(bytes(1000))
        sizes.append(sum(map(len, kept)))
    found = slope(range(40), sizes, warm_up=5)
    assert found.value == pytest.approx(1000) and found.surely_grows() and not found.is_within(900.0)


def test_a_descriptor_that_is_kept_now_and_then_is_caught_in_this_process(tmp_path):
    gc.collect()  # what other tests have left would go in mid-count
    kept: list[int] = []
    samples = Samples(tmp_path)
    done = [0]

    def leak() -> None:
        kept.append(os.open(tmp_path, os.O_RDONLY))

    def sample() -> None:
        done[0] += 1
        samples.add("descriptors", done[0], psutil.Process().num_fds())

    try:
        repeatedly(10, (4, lambda: None), (1, leak), after=sample)
    finally:
        for descriptor in kept:
            os.close(descriptor)
        gc.collect()
    found = slope(samples.work["descriptors"], samples.values["descriptors"], warm_up=5)
    assert found.surely_grows() and found.value == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("share", [0.0, 0.7])
def test_noise_is_no_growth_and_a_small_leak_within_it_is_one(share):
    draws = [alike(np.random.default_rng(seed), 200, share) for seed in range(100)]
    false = sum(slope(WORK, noise, warm_up=0).surely_grows() for noise in draws)
    found = sum(slope(WORK, noise + 0.05 * WORK, warm_up=0).surely_grows() for noise in draws)
    assert false <= 8, "one in forty is what an interval of 95 % allows on this side"
    assert found == 100


def test_what_is_loaded_once_is_no_growth():
    values = np.minimum(WORK, 50.0) + np.random.default_rng(0).normal(size=200)
    assert not slope(WORK, values, warm_up=0).is_within(0.1)
    assert slope(WORK, values, warm_up=60).is_within(0.02)


def test_what_stays_the_same_has_no_slope_and_too_little_says_nothing():
    assert slope(WORK, [7.0] * 200, warm_up=60).interval == (0.0, 0.0)
    assert slope(range(10), range(10), warm_up=5) is None


def test_wide_noise_is_not_taken_for_a_promise_that_is_kept():
    found = slope(WORK, np.random.default_rng(0).normal(scale=1000.0, size=200), warm_up=0)
    assert not found.surely_grows() and not found.is_within(0.1), "it cannot be told"


def test_steps_are_spread_over_a_round():
    done: list[str] = []
    repeatedly(
        2, (4, lambda: done.append("t")), (2, lambda: done.append("c")), (1, lambda: done.append("r")), after=int
    )
    assert done[7:] == done[:7]
    assert done[:7].count("t") == 4 and done[:7] != sorted(done[:7])


def test_a_process_is_sampled_whole(tmp_path):
    samples = Samples(tmp_path, kernel=os.getpid())
    samples.take(1)
    assert samples.values["caller descriptors"] == samples.values["kernel descriptors"]
    assert {"caller objects", "caller own bytes", "/dev/shm bytes", "cache bytes"} <= samples.values.keys()
