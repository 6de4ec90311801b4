"""The gate: passed, slower, cannot tell; and the summary for a pull request."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_record

from workbench.explain.verdicts.comparison import compare
from workbench.explain.verdicts.gate import answer, brief, is_clear, summary
from workbench.records import Check, Checks, Description, Policy

BASE = [100, 101, 99, 100, 101, 100]


def records(change, base=BASE):
    return {"main": [make_record(r) for r in base], "this checkout": [make_record(r) for r in change]}


def compared(change, base=BASE):
    return compare(records(change, base), baseline="main", order=[["main", "this checkout"]] * len(base), seed=0)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([100, 102, 99, 101, 100, 100], "passed"),
        ([130, 131, 129, 128, 131, 130], "passed"),
        ([97, 98, 96, 97, 98, 97], "passed"),  # slower by 3 %, which is allowed
        ([80, 81, 79, 80, 82, 80], "slower"),
        ([97, 90, 99, 91, 98, 93], "cannot_tell"),
        ([50, 51], "cannot_tell"),
    ],
)
def test_the_whole_interval_decides(rates, expected):
    assert answer(compared(rates), most_slowdown=0.05) == expected
    assert is_clear(records(rates), Policy(), most_slowdown=0.05) == (expected != "cannot_tell")


def test_a_failed_trial_does_not_pass():
    broken = {"main": [make_record(100)] * 3, "this checkout": [make_failed()]}
    comparison = compare(broken, baseline="main", order=[["main", "this checkout"]] * 3, seed=0)
    assert answer(comparison, most_slowdown=0.05) == "failed"
    assert is_clear(broken, Policy(), most_slowdown=0.05), "the reference needn't go on alone"
    assert "out of luck" in summary(comparison, most_slowdown=0.05)


def test_the_summary_is_a_table_with_how_it_was_measured():
    text = summary(compared([80, 81, 79, 80, 82, 80]), most_slowdown=0.05)
    assert text.startswith("### Slower: more than 5.0 % slower than `main`")
    assert "| | median pages/s | speed-up |" in text
    assert "| this checkout | 80.0 (simulated device) | 0.80x |" in text
    shown, folded = text.split("<details>")
    assert "- 6 blocks of one trial" in folded
    assert shown == brief(compared([80, 81, 79, 80, 82, 80]), most_slowdown=0.05) + "\n"
    assert sum(line.startswith("- ") for line in shown.splitlines()) <= 3


def test_a_speed_up_that_is_not_the_ratio_of_the_medians_says_why():
    text = brief(compared([120, 60, 200], base=[100, 50, 160]), most_slowdown=0.05)
    assert "| this checkout | 120 (simulated device) | 1.22x |" in text
    assert "The speed-up is the mean of the blocks' own ratios (1.20x, 1.20x, 1.25x), not the ratio of the" in text
    assert "(13 of them, 1.10x to 1.20x)" in brief(compared([110] + [120] * 12, base=[100] * 13), most_slowdown=0.05)


def test_what_cannot_be_decided_says_what_it_needs():
    text = summary(compared([97, 90, 99, 91, 98, 93]), most_slowdown=0.05)
    assert text.startswith("### Cannot tell")
    assert "- To tell, it needs" in text
    assert "To tell" not in summary(compared([80, 81, 79, 80, 82, 80]), most_slowdown=0.05)


def test_names_cannot_break_the_summary():
    hostile = "a|b`c`<script>"
    found = {hostile: [make_record(r) for r in BASE], "this checkout": [make_record(r) for r in BASE]}
    text = summary(compare(found, baseline=hostile, order=[list(found)] * 6, seed=0), most_slowdown=0.05)
    assert "a\\|b\\`c\\`\\<script\\>" in text


def test_notes_cannot_break_the_summary_either():
    notes = ["page '<img src=x>.jpg' is [odd](http://evil)\n| a | b |", "set `cache=<b>` \x1b[31m"]
    description = Description(num_samples=1, notes=["'<script>' | \u202egpj"])
    found = compared([100, 101, 99, 100, 102, 98]).model_copy(update={"notes": notes, "description": description})
    text = summary(found, most_slowdown=0.05)
    assert "- page '\\<img src=x\\>.jpg' is \\[odd\\](http://evil) \\| a \\| b \\|\n" in text
    assert "- set `cache=<b>` \\\\x1b\\[31m\n" in text
    assert "- '\\<script\\>' \\| \\\\u202egpj\n" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("same", "The result is the same."),
        ("different", "**The result is different**"),
        ("not_comparable", "not be checked"),
    ],
)
def test_the_summary_says_whether_the_result_is_the_same(status, words):
    checks = Checks(checks=[Check(name="samples", status=status, measured="")])
    found = compare(
        records(BASE), baseline="main", order=[["main", "this checkout"]] * 6, seed=0, checks={"this checkout": checks}
    )
    assert words in summary(found, most_slowdown=0.05)
