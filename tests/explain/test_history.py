"""What lies in a folder of reports, and what is damaged in it."""

from __future__ import annotations

from pathlib import Path

from record_factory import make_failed, make_record

from workbench.explain.history import changed_knobs, read_history
from workbench.explain.verdicts.comparison import compare
from workbench.knobs.format import format_settings
from workbench.records import ComparisonState
from workbench.records.run_folder import COMPARISON, EVENTS, RECORD, STATE, write_json, write_state
from workbench.workloads.ocr.knobs import OcrKnobs


def filled(reports: Path) -> Path:
    """A folder with two trials, a comparison and a comparison that was interrupted."""
    later = make_record(name="b").model_copy(update={"created_at": "2026-01-02T00:00:00+00:00"})
    for record in (later, make_record(name="a")):
        write_json(reports / "runs" / record.run_id / RECORD, record)
    records = {"baseline": [make_record()] * 3, "x": [make_record(120)] * 3}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    write_json(reports / "comparisons" / "1" / COMPARISON, comparison)
    write_state(reports / "comparisons" / "2", ComparisonState(variants={}, seed=0, most_blocks=1, runs="."))
    return reports


def test_everything_is_there_oldest_first(tmp_path):
    history = read_history(filled(tmp_path))
    assert [record.run_id for record in history.trials] == ["a", "b"]
    assert [folder.name for folder, _ in history.comparisons] == ["1"]
    assert [folder.name for folder in history.interrupted] == ["2"]
    assert history.damaged == []
    assert history.unfinished == []


def test_a_trial_that_left_no_record_is_named(tmp_path):
    reports = filled(tmp_path)
    (reports / "runs" / "killed").mkdir()
    (reports / "runs" / "killed" / EVENTS).touch()
    (reports / "runs" / "transforms").mkdir()  # a study is no trial
    assert [folder.name for folder in read_history(reports).unfinished] == ["killed"]


def test_what_is_damaged_is_named_and_passed_over(tmp_path):
    reports = filled(tmp_path)
    (reports / "runs" / "a" / RECORD).write_text("{")
    (reports / "comparisons" / "1" / COMPARISON).write_bytes(b"\xff\xfe")
    history = read_history(reports)
    assert [record.run_id for record in history.trials] == ["b"]
    assert history.comparisons == []
    assert len(history.damaged) == 2
    assert any("runs/a" in line for line in history.damaged)
    assert any("comparisons/1" in line for line in history.damaged)


def test_of_many_only_the_newest_are_read_and_the_others_are_counted(tmp_path):
    reports = filled(tmp_path)
    (reports / "runs" / "a" / RECORD).write_text("{")  # would be named as damaged, were it read
    history = read_history(reports, newest=(0, 1))
    assert [record.run_id for record in history.trials] == ["b"]
    assert history.comparisons == []
    assert history.damaged == []
    assert history.unread == (1, 1)
    assert [folder.name for folder in history.interrupted] == ["2"]


def test_a_damaged_comparison_is_neither_missing_nor_to_be_gone_on_with(tmp_path):
    reports = filled(tmp_path)
    (reports / "comparisons" / "1" / COMPARISON).unlink()
    (reports / "comparisons" / "1" / COMPARISON).symlink_to("gone")
    (reports / "comparisons" / "2" / STATE).write_text("{")
    history = read_history(reports)
    assert history.interrupted == []
    assert [name in line for name, line in zip((COMPARISON, STATE), history.damaged, strict=True)] == [True, True]


def test_an_empty_folder_has_no_history(tmp_path):
    history = read_history(tmp_path)
    assert not (history.trials or history.comparisons or history.interrupted or history.damaged)


def test_trials_are_compared_by_the_knobs_that_matter():
    knobs = OcrKnobs(cache="decoded", dataset="/somewhere/pages", checked_samples=0, timeout_s=7)
    assert changed_knobs(knobs) == "dataset=pages cache=decoded"
    assert changed_knobs(OcrKnobs()) == "defaults"
    assert changed_knobs(make_failed().knobs) == "defaults"


def test_a_pair_of_trials_prints_the_same_settings_in_the_history_and_in_a_comparison():
    baseline, variant = OcrKnobs(), OcrKnobs(scaled_decode=True, checked_samples=0)
    assert changed_knobs(variant) == format_settings(variant.compared(baseline)) == "scaled_decode=true"


def test_a_trial_with_profilers_is_no_trial_of_the_same_knobs():
    assert changed_knobs(OcrKnobs(cache="decoded", profilers="torch,lines")) == "cache=decoded profilers=torch,lines"
