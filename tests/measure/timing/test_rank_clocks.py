"""Clocks of other machines: a planted offset and drift come back within the bound that is given with them."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from workbench.measure.timing.rank_clocks import Offset, Ping, RankClock, answer, ask, offset_of
from workbench.measure.timing.spans import monotonic_ns
from workbench.units import NS_PER_S

#: Rank 0 is ahead by this much, and gains on the other clock.
AHEAD_NS, DRIFT = 3 * NS_PER_S, 50e-6


def rank_0(at_ns: float) -> int:
    """Rank 0's time at a time of the other clock."""
    return round(at_ns + AHEAD_NS + DRIFT * at_ns)


def pings(since_ns: int, seed: int) -> list[Ping]:
    """Answers over a network whose ways there and back take each their own time, some of them very long."""
    network = random.Random(seed)
    found, now = [], since_ns
    for _ in range(64):
        there, back = (20_000 + network.expovariate(1 / 50_000) for _ in range(2))
        found.append(Ping(now, rank_0(now + there), round(now + there + back)))
        now = found[-1].received + 1_000
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_offset_and_drift_come_back_within_the_bound(seed):
    before, after = offset_of(pings(0, seed)), offset_of(pings(600 * NS_PER_S, seed + 100))
    clock = RankClock((before, after))
    times = np.linspace(0, 600 * NS_PER_S, 50).astype(np.int64)
    off = np.abs(clock.on_rank_0(times) - np.array([rank_0(at) for at in times]))
    assert 0 < clock.bound_ns < 200_000
    assert (off <= clock.bound_ns).all()


def test_without_the_second_offset_the_drift_would_be_missed():
    """The planted fault: ten minutes at 50 ppm are 30 ms."""
    before = offset_of(pings(0, 1))
    clock = RankClock((before, Offset(before.at_ns + 1, before.ahead_ns, before.bound_ns)))
    at = 600 * NS_PER_S
    off = abs(int(clock.on_rank_0(np.array([at], np.int64))[0]) - rank_0(at))
    assert off > 100 * clock.bound_ns


def test_one_clock_is_left_as_it_is():
    times = np.array([1, 2, 3], np.int64)
    assert RankClock().on_rank_0(times) is times and RankClock().bound_ns == 0


def _other_clock() -> int:
    return monotonic_ns() - AHEAD_NS


def _side(number: int, store: str, found: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=number, world_size=2)
    if number == 0:
        answer(1, monotonic_ns)
    else:
        offset = ask(_other_clock)
        np.save(found, np.array([offset.ahead_ns, offset.bound_ns]))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.real
def test_two_processes_find_their_offset_by_gloo(tmp_path):
    mp.spawn(_side, args=(str(tmp_path / "store"), str(tmp_path / "found.npy")), nprocs=2)
    ahead_ns, bound_ns = np.load(tmp_path / "found.npy").tolist()
    assert abs(ahead_ns - AHEAD_NS) <= bound_ns < 50_000_000
