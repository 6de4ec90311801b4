"""Which settings are worth comparing."""

from __future__ import annotations

import pytest

from workbench.explain.tuning.forecast import Forecast
from workbench.explain.tuning.screening import finalists, kept, name_of, outside, spread_of


def forecast(log_rate, spread=0.05, **setting):
    return Forecast(setting, log_rate, spread)


def test_kept_is_what_may_be_as_good_as_the_best():
    best, near, far = forecast(1.0, a=1), forecast(0.9, a=2), forecast(0.5, a=3)

    assert kept([far, near, best]) == [best, near]


def test_a_wide_interval_is_kept_however_low_its_estimate():
    assert len(kept([forecast(1.0, a=1), forecast(0.5, 0.5, a=2)])) == 2


def test_each_further_knob_has_to_pay_for_itself():
    simple, more = forecast(1.0, a=1), forecast(1.001, a=1, b=1)

    assert kept([more, simple]) == [simple, more]


def test_of_twins_the_simpler_one_is_enough_as_long_as_there_are_others():
    one, twin, other = forecast(1.0, a=1), forecast(1.001, a=1, b=1), forecast(0.98, c=1)
    ranked = kept([one, twin, other])

    assert finalists(ranked, 2) == [one, other]
    assert finalists(ranked, 3) == [one, other, twin]
    assert finalists(ranked, 3, compared={name_of({"a": 1})}) == [twin, other]


def test_outside_is_drawn_from_the_rest_and_by_the_seed_alone():
    every = [forecast(0.1 * number, a=number) for number in range(10)]
    drawn = [outside(every, every[8:], seed) for seed in range(20)]

    assert not {found.setting["a"] for found in drawn} & {8, 9}
    assert drawn == [outside(every, every[8:], seed) for seed in range(20)]
    assert outside(every, every, 0) is None
    assert outside([forecast(0.0)], [], 0) is None, "the baseline is compared in any case"


def test_the_spread_begins_with_what_is_taken_for_granted_and_learns():
    assert spread_of([]) == pytest.approx(0.05)
    assert spread_of([0.2] * 50) == pytest.approx(0.19, abs=0.01)
    assert spread_of([0.0] * 50) == pytest.approx(0.0136, abs=0.001)


def test_the_same_setting_has_one_name():
    assert name_of({"a": 1, "b": 2}) == name_of({"b": 2, "a": 1}) != name_of({"a": "1", "b": 2})
