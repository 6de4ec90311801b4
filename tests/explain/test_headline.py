"""The sentence says what the figures say."""

from __future__ import annotations

from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.words.headline import comparison_headline, run_headline
from workbench.explain.verdicts.comparison import compare
from workbench.records import Parity


def compared(rates: dict[str, list[float]], parity=None):
    records = {name: [make_record(rate) for rate in own] for name, own in rates.items()}
    return compare(records, baseline="baseline", order=[list(rates)] * 3, seed=0, parity=parity)


def test_the_fastest_sound_variant_is_named():
    told = comparison_headline(compared({"baseline": [100, 101, 99], "a": [150, 151, 149], "b": [300, 302, 298]}))
    assert told.startswith("'b' is 3.0")
    assert "'a' is faster (1.50x" in told
    assert "simulated" in told


def test_a_fast_variant_with_another_result_is_not_recommended():
    parity = {"a": Parity(status="different")}
    told = comparison_headline(compared({"baseline": [100, 101, 99], "a": [300, 302, 298]}, parity))
    assert told.startswith("No variant is faster")
    assert "WRONG" in told


def test_noise_is_not_called_faster():
    told = comparison_headline(compared({"baseline": [100, 120, 80], "a": [130, 90, 110]}))
    assert told.startswith("No variant is faster")


def test_a_failed_baseline_says_why():
    comparison = compare({"baseline": [make_failed()]}, baseline="baseline", order=[["baseline"]], seed=0)
    assert "out of luck" in comparison_headline(comparison)


def test_a_run_says_what_the_main_process_waits_for():
    told = run_headline(make_record())
    assert "100 pages/s (on a simulated device)" in told
    assert "60.0 % of its time waiting for pages" in told


def test_a_failed_run_says_what_failed():
    assert run_headline(make_failed()) == "The run failed while in phase 'steady': out of luck"


def test_a_failure_without_words_is_still_told():
    assert "it left no steady part" in run_headline(make_failed(message=""))


def test_a_failed_variant_says_why():
    records = {"baseline": [make_record(100)] * 3, "a": [make_failed(message="no memory left\nand more")]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert comparison_headline(comparison) == "No variant is faster than 'baseline'; 'a' failed (no memory left)."


def test_a_run_that_does_not_close_says_so_first():
    lanes = [make_lane("main", 1.0, 0.5)]
    record = make_record(stages=[make_stage("main", "wait", 0.5)], lanes=lanes)
    assert "does not close" in run_headline(record)
