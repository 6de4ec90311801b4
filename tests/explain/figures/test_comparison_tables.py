"""Tables of comparisons: verdicts with what they rest on, results with their evidence, and what was measured so far."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_factory import make_failed, make_record

from workbench.explain.figures.comparison_tables import (
    checks_cell,
    checks_table,
    comparisons_table,
    trials_table,
    trust_sentence,
    verdict_table,
)
from workbench.explain.prediction.variants import Trust
from workbench.explain.verdicts.comparison import compare
from workbench.explain.verdicts.gate import summary
from workbench.records import Check, Checks


@pytest.fixture
def comparison():
    records = {
        "baseline": [make_record(rate) for rate in (100, 101, 99)],
        "ram": [make_record(rate, cache="decoded", cache_fill_s=1.0, startup_s=6.0) for rate in (150, 152, 149)],
        "bad": [make_failed(message="out of luck")],
    }
    return compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)


def check(status: str, **settings) -> Check:
    return Check(**{"name": "images", "status": status, "measured": "within 0.40 levels", **settings})


def checked(comparison, *checks: Check, notes=()):
    found = Checks(checks=list(checks), notes=list(notes))
    return checks_cell(comparison.variants[1].model_copy(update={"checks": found}))


def test_every_variant_has_a_row_with_what_is_known_of_it(comparison):
    table = verdict_table(comparison.model_copy(update={"item": "image"}))
    assert table.columns[1] == "images/s"
    baseline, ram, bad = table.texts
    interval = "[{:.2f}, {:.2f}]".format(*comparison.variants[1].speedup.ci95)
    assert baseline == ("baseline", "100 (simulated device)", "", "baseline", "", "1.00 GB", "5.00 s", "")
    assert ram == (
        "ram cache=decoded", "150 (simulated device)", f"1.50x {interval}", "faster", "not checked", "1.00 GB",
        "6.00 s", "3 epochs",
    )  # fmt: skip
    assert bad[1:4] == ("not measured", "", "failed out of luck")
    assert [row[3].tone for row in table.rows] == ["soft", "good", "alarm"]
    assert "Median throughput of 3 blocks; speed-up over 'baseline' with its 95 % interval" in table.caption


def test_a_cell_of_a_grid_is_named_once():
    cells = {"cache=none num_workers=2": {}, "cache=decoded num_workers=1": {"cache": "decoded", "num_workers": 1}}
    records = {name: [make_record(100, **knobs)] for name, knobs in cells.items()}
    table = verdict_table(compare(records, baseline=next(iter(cells)), order=[list(cells)], seed=0))
    assert [row[0] for row in table.texts] == list(cells)


def test_a_result_is_as_different_as_its_worst_check(comparison):
    fine = checked(comparison, check("same"), check("within_tolerance", allowed="1.00 levels", reason="it rounds"))
    assert fine.text == "within tolerance"
    assert [line.text for line in fine.below] == [
        "images: within 0.40 levels (1.00 levels allowed: it rounds)",
        "1 of 2 checks agree",
    ]
    wrong = checked(comparison, check("same"), check("different", measured="40 levels"))
    assert (wrong.text, wrong.tone) == ("DIFFERENT", "alarm")


def test_what_cannot_be_compared_proves_nothing(comparison):
    cell = checked(comparison, check("not_comparable", reason="random augmentation"))
    assert cell.text == "not checked"
    assert cell.below[0].text == "images: not comparable (random augmentation)"
    assert checked(comparison, check("not_comparable"), check("same")).text == "same"
    assert checked(comparison, notes=["Nothing was kept."]).plain_text == "not checked Nothing was kept."


def test_every_check_has_a_row_of_its_own(comparison):
    found = Checks(checks=[check("same"), check("different", measured="40 levels", allowed="1 level")])
    baseline, ram, bad = comparison.variants
    changed = comparison.model_copy(update={"variants": [baseline, ram.model_copy(update={"checks": found}), bad]})
    table = checks_table(changed)
    assert table.texts == [
        ("ram", "images", "same", "within 0.40 levels", ""),
        ("ram", "images", "DIFFERENT", "40 levels", "1 level"),
    ]
    assert table.rows[1][2].tone == "alarm"
    assert "No variant's result" in checks_table(comparison).notes[0]


def test_knobs_are_written_as_they_are_typed():
    records = {"a": [make_record()], "b": [make_record(scaled_decode=True, timeout_s=7)]}
    _, (name, *_) = verdict_table(compare(records, baseline="a", order=[["a", "b"]], seed=0)).texts
    assert name == "b scaled_decode=true"


def test_what_was_measured_so_far_is_listed(comparison):
    (row,) = comparisons_table([(Path("comparisons/a"), comparison)]).texts
    assert row == ("a", "2026-01-01T00:00", "3", "ram: faster (1.50x); bad: failed")
    ran, failed = trials_table([make_record(50.0, name="r", cache="decoded"), make_failed()]).texts
    assert ran == ("r", "2026-01-01T00:00", "ocr", "50.0 pages/s (simulated)", "-", "cache=decoded")
    assert failed[3] == "failed (error)"


def test_what_a_cache_took_is_listed():
    record = make_record(50.0, cache="decoded", cache_store="disk")
    assert record.startup is not None
    startup = record.startup.model_copy(update={"cache_fill_s": 0.26})
    memory = record.memory.model_copy(update={"cache_was_filled": True})
    filled, found = record.model_copy(update={"startup": startup}), record.model_copy(update={"memory": memory})
    assert [row[4] for row in trials_table([filled, found]).texts] == ["filled in 260 ms", "found filled"]
    assert trials_table([filled]).texts[0][5] == "cache=decoded cache_store=disk"


def test_predictions_are_held_to_account():
    assert "No prediction" in trust_sentence(Trust(0, None, 0))
    assert trust_sentence(Trust(1, 0.05, 1)).startswith("1 prediction was compared with measurements: off by 5.0 %")
    assert trust_sentence(Trust(3, 0.05, 2)).endswith("2 of 3 measured values inside the 90 % interval.")
    assert "18 of 29 measured values inside the 90 % interval: fewer than it promises" in trust_sentence(
        Trust(29, 0.043, 18)
    )


def test_what_a_reader_has_to_know_of_the_data_set_stands_below_the_verdicts():
    record = make_record()
    notes = ["3 images without annotations: not used"]
    record = record.model_copy(update={"description": record.description.model_copy(update={"notes": notes})})
    compared = compare({"baseline": [record]}, baseline="baseline", order=[["baseline"]], seed=0)
    assert compared.description == record.description
    assert list(verdict_table(compared).notes) == notes
    assert f"- {notes[0]}" in summary(compared, most_slowdown=0.05)
