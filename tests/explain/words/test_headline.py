"""The sentence says what the figures say."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.verdicts.comparison import compare
from workbench.explain.words.headline import comparison_headline, run_headline, startup_words
from workbench.records import Check, Checks, ProfilerOverhead, Startup
from workbench.stages import Stage


def compared(rates: dict[str, list[float]], checks=None):
    records = {name: [make_record(rate) for rate in trials] for name, trials in rates.items()}
    return compare(records, baseline="baseline", order=[list(rates)] * 3, seed=0, checks=checks)


def test_the_fastest_sound_variant_is_named():
    text = comparison_headline(compared({"baseline": [100, 101, 99], "a": [150, 151, 149], "b": [300, 302, 298]}))
    assert text.startswith("'b' is 3.0")
    assert "'a' is faster (1.50x" in text
    assert "simulated" in text


def test_a_fast_variant_with_another_result_is_not_recommended():
    checks = {"a": Checks(checks=[Check(name="samples", status="different", measured="")])}
    text = comparison_headline(compared({"baseline": [100, 101, 99], "a": [300, 302, 298]}, checks))
    assert text.startswith("No variant is faster")
    assert "WRONG" in text


@pytest.mark.parametrize(("status", "is_checked"), [("same", True), ("not_comparable", False)])
def test_a_gain_whose_result_was_not_checked_says_so(status, is_checked):
    checks = {"a": Checks(checks=[Check(name="samples", status=status, measured="")])}
    text = comparison_headline(compared({"baseline": [100, 101, 99], "a": [300, 302, 298]}, checks))
    assert text.startswith("'a' is")
    assert ("was not checked" in text) == (not is_checked)


def test_noise_is_not_called_faster():
    text = comparison_headline(compared({"baseline": [100, 120, 80], "a": [130, 90, 110]}))
    assert text.startswith("Not enough data yet to say whether a variant is faster than 'baseline'; 'a' is undecided")


def test_a_main_process_that_loads_by_itself_does_not_wait():
    text = run_headline(make_record(num_workers=0))
    assert "waits" not in text
    assert "60.0 % of its time on loading pages itself (num_workers=0)" in text


def test_a_failed_baseline_says_why():
    comparison = compare({"baseline": [make_failed()]}, baseline="baseline", order=[["baseline"]], seed=0)
    assert "out of luck" in comparison_headline(comparison)


def test_a_run_says_what_the_main_process_waits_for():
    text = run_headline(make_record())
    assert text.startswith("100 pages/s (on a simulated device); ")
    assert "60.0 % of the time the main process waits for a batch" in text
    assert "100 images/s" in run_headline(make_record().model_copy(update={"item": "image"}))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (
            Stage("sync", "main", "wait", meaning="the main process waits for its peers."),
            "the main process waits for its peers",
        ),
        (Stage("sync", "main", "wait"), "the main process waits in 'sync'"),
        (Stage("sync", "main", "collect"), "spends 80.0 % of its time in 'sync'"),
    ],
    ids=["meaning", "wait", "work"],
)
def test_what_a_stage_of_the_workload_means_is_what_its_catalogue_says(own, words):
    record = make_record(stages=[make_stage("main", "sync", 0.8)], lanes=[make_lane("main", 1.0, 1.0)])
    assert words in run_headline(record.model_copy(update={"workload_stages": [own]}))


def test_time_that_no_stage_explains_is_called_that():
    record = make_record(stages=[make_stage("main", "wait", 0.1)], lanes=[make_lane("main", 1.0, 0.1)])
    assert "90.0 % of the main process's time is in no stage" in run_headline(record)


def test_a_failed_run_says_what_failed():
    assert run_headline(make_failed()) == "The run failed while in phase 'steady': out of luck"


def test_a_failure_without_words_is_still_named():
    assert "it left no steady part" in run_headline(make_failed(message=""))


def test_a_failed_variant_says_why():
    records = {"baseline": [make_record(100)] * 3, "a": [make_failed(message="no memory left\nand more")]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert comparison_headline(comparison) == "No variant is faster than 'baseline'; 'a' failed (no memory left)."


def test_a_run_whose_stages_do_not_add_up_says_so():
    lanes = [make_lane("main", 1.0, 0.5)]
    record = make_record(stages=[make_stage("main", "wait", 0.5)], lanes=lanes)
    assert "The stages of the main lane do not add up" in run_headline(record)


def test_the_phases_of_a_start_up_add_up_to_it_and_the_longest_comes_first():
    startup = Startup(
        imports_s=3.5, dataset_s=0.2, cache_fill_s=None, model_s=2.0, workers_s=20.0, warmup_s=100.0, other_s=1.3,
        total_s=127.0,
    )  # fmt: skip
    assert startup_words(startup) == "127 s (warm-up steps 100 s, first batch 20.0 s, other 7.00 s)"
    filled = startup.model_copy(update={"cache_fill_s": 73.0, "total_s": 200.0})
    assert startup_words(filled) == "200 s (warm-up steps 100 s, cache fill 73.0 s, first batch 20.0 s, other 7.00 s)"


def test_figures_that_profilers_have_slowed_down_say_so_first():
    overhead = ProfilerOverhead(profilers=["torch"], factor=2.5, lowest=2.0, highest=3.0, run_ids=["clean", "after"])
    record = make_record(profilers="torch").model_copy(update={"profiler_overhead": overhead})
    assert run_headline(record).startswith("With profilers (torch), which take 2.50x the time of a clean run")
    assert "(the clean run: clean): 100" in run_headline(record)
    assert "profilers" not in run_headline(make_record())


def test_a_variant_that_failed_decides_nothing_about_the_others():
    results = compared({"baseline": [100, 120, 80], "a": [130, 90, 110], "b": [99, 101, 100]})
    variants = [v.model_copy(update={"verdict": "failed"}) if v.name == "b" else v for v in results.variants]
    text = comparison_headline(results.model_copy(update={"variants": variants}))
    assert text.startswith("Not enough data yet to say whether a variant is faster than 'baseline'; 'a' is undecided")
