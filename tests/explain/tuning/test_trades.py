"""What can be had for less memory, or less start-up."""

from __future__ import annotations

from workbench.explain.tuning.trades import pareto
from workbench.records import Interval, Trade


def trade(speedup, memory=1000, startup=10.0, result="same", **settings):
    interval = Interval(estimate=speedup, ci95=None)
    return Trade(
        settings=settings, speedup=interval, is_confirmed=False, memory_bytes=memory, startup_s=startup, result=result
    )


BASE = trade(1.0)


def test_what_another_one_beats_in_everything_is_no_trade():
    fast, worse = trade(2.0, 900, a=1), trade(1.5, 950, a=2)

    assert pareto([BASE, worse, fast]) == [fast, BASE]


def test_less_memory_less_start_up_and_a_nearer_result_are_each_worth_a_row():
    fast = trade(2.0, 3000, 20.0, "within_tolerance", a=1)
    rows = [trade(1.5, 1500, 25.0, "within_tolerance", a=2), trade(1.4, 3500, 5.0, "within_tolerance", a=3),
            trade(1.3, 3500, 25.0, "same", a=4)]  # fmt: skip

    assert pareto([BASE, fast, *rows]) == [fast, *rows, BASE]


def test_what_is_as_good_within_what_can_be_known_is_the_same_and_the_simpler_one_stays():
    one, other = trade(1.50, 1000, a=1), trade(1.505, 1020, a=1, b=1)

    assert pareto([BASE, other, one]) == [one, BASE]


def test_the_baseline_always_stays():
    assert pareto([BASE, trade(3.0, 10, 0.1, a=1)])[-1] == BASE


def test_what_was_not_measured_decides_nothing():
    assert len(pareto([BASE, trade(2.0, None, None, None, a=1)])) == 2
