"""Limits come before speed."""

from __future__ import annotations

import pytest

from workbench.explain.tuning.forecast import Forecast
from workbench.explain.tuning.limits import broken, expected_to_break
from workbench.records import TuneLimits

LIMITS = TuneLimits(memory_bytes=2 * 10**9, startup_s=30.0)


@pytest.mark.parametrize(
    ("measured", "fate", "words"),
    [
        ((10**9, 10.0, "same"), None, ""),
        ((None, None, None), None, ""),
        ((3 * 10**9, 40.0, "different"), "memory", "it takes 3.00 GB, and may take 2.00 GB"),
        ((10**9, 40.0, "different"), "startup", "its start-up takes 40.0 s, and may take 30.0 s"),
        ((10**9, 10.0, "different"), "result", "its result is not the baseline's"),
        ((10**9, 10.0, "within_tolerance"), None, ""),
    ],
)
def test_what_a_limit_rules_out(measured, fate, words):
    found = broken(LIMITS, *measured)

    assert found[0] == fate
    assert found[1].replace("\u202f", " ").replace("\xa0", " ") == words


@pytest.mark.parametrize("status", ["within_tolerance", "cannot_tell", "different"])
def test_the_same_means_the_same(status):
    assert broken(TuneLimits(result="same"), None, None, status)[0] == "result"


def test_what_was_not_compared_is_not_ruled_out():
    assert broken(TuneLimits(result="same"), None, None, "not_comparable")[0] is None


def test_what_is_only_expected_has_to_be_well_over_the_limit():
    def forecast(size, **more):
        return Forecast({"a": 1}, 0.0, 0.1, memory_bytes=size, **more)

    assert expected_to_break(LIMITS, forecast(2.1e9))[0] is None
    assert expected_to_break(LIMITS, forecast(2.4e9))[0] == "memory"
    assert expected_to_break(LIMITS, forecast(2.1e9, is_measured=True))[0] == "memory"
