"""Verdicts in words: what is said, what is needed, how it was come to."""

from __future__ import annotations

import pytest
from record_factory import make_record

from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.verdicts import (
    how_it_was_measured,
    verdict_words,
    what_can_be_told,
    what_it_needs,
)
from workbench.records import Interval, Resolution, VariantTrial


def comparison(**settings):
    rates = {"baseline": [100, 101, 99, 100], "a": [103, 102, 105, 101]}
    records = {name: [make_record(rate) for rate in own] for name, own in rates.items()}
    return compare(records, baseline="baseline", order=[list(rates)] * 4, seed=7).model_copy(update=settings)


def variant(**settings):
    return comparison().variants[1].model_copy(update=settings)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("faster", "faster"),
        ("slower", "slower"),
        ("no_difference", "no difference beyond 1.5 %"),
        ("inconclusive", "not enough data"),
        ("failed", "failed"),
        (None, "baseline"),
    ],
)
def test_the_four_answers(verdict, words):
    assert verdict_words(variant(verdict=verdict, speedup=Interval(estimate=1.0, ci95=(0.99, 1.015)))) == words


def test_an_undecided_verdict_says_what_it_needs():
    told = comparison(block_s=30.0)
    open_ = {"verdict": "inconclusive", "speedup": Interval(estimate=1.0, ci95=(0.9, 1.1))}
    assert what_it_needs(variant(**open_, more_blocks=4), told) == "needs about 4 more blocks (2.0 min)"
    assert what_it_needs(variant(**open_, more_blocks=1), told) == "needs about 1 more block (30.0 s)"
    assert what_it_needs(variant(**open_, more_blocks=None), told) == "needs more blocks than are worth it"
    assert what_it_needs(variant(verdict="faster"), told) == ""


def test_the_rules_are_told_and_how_it_ended():
    told = "\n".join(how_it_was_measured(comparison(stop="clear", warmup_run_id="x", cold_cache=True)))
    expected = ("A warm-up trial", "4 blocks", "seed 7", "95 % intervals", "at least 2 %", "ended early", "page cache")
    for words in (*expected, "10.0 % of the cores busy"):
        assert words in told
    limited = comparison().policy.model_copy(update={"budget_s": 90.0})
    assert "would end after 1.5 min" in how_it_was_measured(comparison(policy=limited))[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"files_cached": (1.0, 1.0)}, "When trials began, 100.0 % of the pages' files were in the page cache."),
        ({"files_cached": (0.2, 0.9)}, "20.0 % to 90.0 % of the pages' files"),
        ({"files_cached": (0.0, 0.0), "cold_cache": True}, "0.0 % of them were still there"),
        ({"cold_cache": True}, "could not be seen"),
    ],
)
def test_the_state_of_the_page_cache_is_told(settings, words):
    assert words in how_it_was_measured(comparison(**settings))[-1]


def test_a_machine_that_is_never_quiet_is_told_so():
    trials = [VariantTrial(block=0, variant="a", run_id=str(number), disturbed=["others"]) for number in range(7)]
    told = "\n".join(how_it_was_measured(comparison(disturbed=trials, num_trials=8)))
    assert "7 of 8 trials were disturbed: this machine was hardly ever quiet" in told
    assert "hardly ever" not in "\n".join(how_it_was_measured(comparison(disturbed=trials[:2], num_trials=8)))


def test_disturbed_trials_are_told_the_repeated_and_the_kept():
    trials = [
        VariantTrial(block=0, variant="a", run_id="1", disturbed=["others were busy"], repeated=True),
        VariantTrial(block=2, variant="b", run_id="2", disturbed=["the host took all"]),
    ]
    told = how_it_was_measured(comparison(disturbed=trials))
    assert "Disturbed and repeated: 'a' in block 1, others were busy" in told[-2]
    assert "1 of the trials that count were disturbed" in told[-1]


def test_what_such_a_comparison_can_tell():
    assert "tells 3.0 % in 2.0 min" in what_can_be_told(Resolution(effect=0.03, num_blocks=4, block_s=30.0))
    assert "too few blocks" in what_can_be_told(None)
