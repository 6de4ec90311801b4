"""Sentences about a comparison: its verdicts, what they need, how it was measured, what the machine did."""

from __future__ import annotations

import pytest
from record_factory import make_record

from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.verdicts import (
    detectable_difference,
    how_it_was_measured,
    machine_conditions,
    verdict_words,
    what_it_needs,
)
from workbench.measure.comparison.journal import Journal
from workbench.records import Interval, KnownSpread, Machine, Policy, Resolution, VariantTrial
from workbench.workloads.ocr.knobs import OcrKnobs


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
        ("no_difference", "no detectable difference (below 1.5 %)"),
        ("inconclusive", "not enough data"),
        ("failed", "failed"),
        (None, "baseline"),
    ],
)
def test_every_verdict_has_its_words(verdict, words):
    assert verdict_words(variant(verdict=verdict, speedup=Interval(estimate=1.0, ci95=(0.99, 1.015)))) == words


def test_an_undecided_verdict_says_what_it_needs():
    timed = comparison(block_s=30.0)
    open_ = {"verdict": "inconclusive", "speedup": Interval(estimate=1.0, ci95=(0.9, 1.1))}
    assert what_it_needs(variant(**open_, more_blocks=4), timed) == "needs about 4 more blocks (2.0 min)"
    assert what_it_needs(variant(**open_, more_blocks=1), timed) == "needs about 1 more block (30.0 s)"
    many = what_it_needs(variant(**open_, more_blocks=243), timed)
    assert many == "needs about 240 more blocks (2.0 h): too many to decide it sensibly"
    assert "thousands of blocks" in what_it_needs(variant(**open_, more_blocks=None), timed)
    assert what_it_needs(variant(verdict="faster"), timed) == ""


def test_the_rules_are_printed_and_how_it_ended():
    text = "\n".join(how_it_was_measured(comparison(stop="clear", warmup_run_id="x", cold_cache=True)))
    expected = ("A warm-up trial", "4 blocks", "seed 7", "95 % intervals", "at least 2 %", "ended early", "file cache")
    for words in (*expected, "10.0 % of the cores busy"):
        assert words in text
    limited = comparison().policy.model_copy(update={"budget_s": 90.0})
    assert "would end after 1.5 min" in how_it_was_measured(comparison(policy=limited))[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"files_cached": (1.0, 1.0)}, "When trials began, 100.0 % of the page files were in the file cache."),
        ({"files_cached": (0.2, 0.9)}, "20.0 % to 90.0 % of the page files"),
        ({"files_cached": (0.0, 0.0), "cold_cache": True}, "0.0 % of them were still there"),
        ({"cold_cache": True}, "could not be seen"),
    ],
)
def test_the_state_of_the_file_cache_is_printed(settings, words):
    assert words in how_it_was_measured(comparison(**settings))[-1]


def test_what_earlier_comparisons_say_is_told():
    spread = KnownSpread(value=0.041, num_comparisons=4, num_blocks=17)
    text = " ".join(how_it_was_measured(comparison(policy=Policy(known_spread=spread))))
    assert (
        "In 4 earlier comparisons on a machine like this one (17 blocks) two trials of a block were 4.1 % apart" in text
    )
    assert "earlier comparison" not in " ".join(how_it_was_measured(comparison()))


def test_a_machine_that_is_never_quiet_is_called_so():
    trials = [VariantTrial(block=0, variant="a", run_id=str(number), disturbed=["others"]) for number in range(7)]
    text = "\n".join(how_it_was_measured(comparison(disturbed=trials, num_trials=8)))
    assert "Disturbed: 7 of 8 trials. This machine was hardly ever quiet" in text
    assert "hardly ever" not in "\n".join(how_it_was_measured(comparison(disturbed=trials[:2], num_trials=8)))


def test_disturbed_trials_are_named_the_repeated_and_the_kept():
    trials = [
        VariantTrial(block=0, variant="a", run_id="1", disturbed=["others were busy"], repeated=True),
        VariantTrial(block=2, variant="b", run_id="2", disturbed=["the host took all"]),
    ]
    text = how_it_was_measured(comparison(disturbed=trials))
    assert "Disturbed and repeated: 'a' in block 1, others were busy" in text[-2]
    assert "Of the trials that count, 1 was disturbed" in text[-1]


def test_what_such_a_comparison_can_detect():
    sentence = detectable_difference(Resolution(effect=0.03, num_blocks=4, block_s=30.0))
    assert "detects differences from 3.0 % on in 2.0 min (4 blocks)" in sentence
    assert "too few blocks" in detectable_difference(None)


def test_the_time_budget_is_the_one_in_force_after_a_resume(tmp_path):
    (tmp_path / "runs").mkdir()
    variants = {"baseline": OcrKnobs(), "a": OcrKnobs(num_workers=1)}
    Journal.begin(tmp_path, variants, runs=tmp_path / "runs", seed=0, num_blocks=3, budget_s=90.0)

    def printed(budget_s: float | None) -> str:
        journal = Journal.resume(tmp_path, budget_s=budget_s)
        return how_it_was_measured(comparison(policy=journal.state.policy))[1]

    assert "would end after 5.0 min" in printed(300.0)
    assert "would end after" not in printed(None)


def watched(**settings):
    quiet = {"wall_s": 1.0, "num_cores": 2, "other_cores": 0.0, "steal_share": 0.0, "load_1min": 0.0}
    return make_record().model_copy(update={"machine": Machine(**{**quiet, **settings})})


def test_the_busiest_trial_is_seen():
    busy = watched(other_cores=1.5, steal_share=0.2, load_1min=3)
    (sentence,) = machine_conditions({"a": [watched(), watched()], "b": [busy]})
    assert "0.00 of 2 cores busy (median; 0.00 to 1.50)" in sentence
    assert "20.0 % of the cores at most" in sentence
    assert "0.0 to 3.0" in sentence
    assert "frequency cannot be read" in sentence


def test_frequency_and_temperature_are_given_where_they_can_be_read():
    (sentence,) = machine_conditions(
        {"a": [watched(frequency_mhz=2400.4, temperature_c=61.0), watched(frequency_mhz=3000)]}
    )
    assert "2400 to 3000 MHz" in sentence
    assert "61 °C" in sentence


def test_where_nobody_watched_nothing_is_said():
    assert machine_conditions({"a": [make_record()]}) == []
