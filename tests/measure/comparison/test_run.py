"""A comparison: fair blocks, an early end, repeats of what was disturbed, and nothing lost when it is interrupted."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from fakes import FakeTrials

from workbench.errors import BadInput
from workbench.measure.comparison import run as run_module
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.order import blocks, williams_square
from workbench.measure.comparison.run import run_comparison
from workbench.records import Policy, Program
from workbench.records.run_folder import RECORD, STATE, read_state
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

NAMES = ["baseline", "a", "b", "c"]

BASELINE, A = OcrKnobs(), OcrKnobs(num_workers=1)


@pytest.fixture
def trials() -> FakeTrials:
    """Those with batch_size=1 fail."""
    fake = FakeTrials()
    fake.fails = lambda knobs, number: knobs.batch_size == 1
    return fake


def begin(folder: Path, variants: dict[str, OcrKnobs] | None = None, **settings) -> Journal:
    settings = {"runs": folder / "runs", "seed": 0, "num_blocks": 3, **settings}
    return Journal.begin(folder / "comparison", variants or {"baseline": BASELINE, "a": A}, **settings)


def test_records_come_by_variant_and_block_after_a_warm_up_trial(trials, tmp_path):
    reported = []
    journal = begin(tmp_path)
    result = run_comparison(journal, launch=trials, on_trial=lambda *news: reported.append(news[:3]))
    assert {name: len(records) for name, records in result.records.items()} == {"baseline": 3, "a": 3}
    assert ["warm-up trial", *(name for block in result.order for name in block)] == [name for _, _, name in reported]
    assert [done for done, _, _ in reported] == list(range(7))
    assert reported[-1][:2] == (6, 6)
    assert all(record.knobs.num_workers == 1 for record in result.records["a"])
    counted = {record.run_id for records in result.records.values() for record in records}
    assert journal.state.warmup_run_id not in counted
    assert result.state.stop == "blocks"


def test_samples_are_kept_once_for_each_variant(trials, tmp_path):
    run_comparison(begin(tmp_path), launch=trials)
    assert sorted(knobs.checked_samples for knobs in trials.ran) == [0, 0, 0, 0, 0, 4, 4]


def test_a_repeat_that_was_still_to_come_is_run_when_the_comparison_goes_on(trials, tmp_path):
    """The warm-up trial, a block of two, the second of them disturbed, and an interrupt where it is repeated."""
    trials.disturbed = {2}

    def interrupt(number: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    trials.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_comparison(begin(tmp_path, num_blocks=1), launch=trials)
    again = FakeTrials()
    run_comparison(Journal.resume(tmp_path / "comparison"), launch=again)
    (repeated,) = [trial for trial in read_state(tmp_path / "comparison").trials if trial.repeated]
    assert repeated.disturbed
    assert len(again.ran) >= 1


def test_it_ends_early_where_all_is_clear(trials, tmp_path):
    result = run_comparison(
        begin(tmp_path, num_blocks=9), is_clear=lambda records: len(records["a"]) == 4, launch=trials
    )
    assert len(result.order) == 4
    assert result.state.stop == "clear"


def test_no_block_begins_that_would_end_after_the_time(trials, tmp_path):
    now = [0]

    def take_a_second(number: int) -> None:
        now[0] += 1_000_000_000

    trials.before = take_a_second
    # 1 s of warm-up, then 2 s a block: the third would end after 7 s.
    result = run_comparison(begin(tmp_path, num_blocks=9, budget_s=6.5), clock=lambda: now[0], launch=trials)
    assert len(result.order) == 2
    assert result.state.stop == "budget"


def test_a_failed_variant_runs_no_more_and_the_others_go_on(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": BASELINE, "broken": OcrKnobs(batch_size=1)}), launch=trials)
    assert len(result.records["broken"]) == 1
    assert len(result.records["baseline"]) == 3


def test_losers_run_in_no_further_block_and_stay_away_when_it_goes_on(trials, tmp_path):
    variants = {"baseline": BASELINE, "a": OcrKnobs(num_workers=1), "b": OcrKnobs(num_workers=0)}

    def interrupt(number: int) -> None:
        if number == 9:
            raise KeyboardInterrupt

    def losers(records):
        return {"b", "baseline"} if len(records["a"]) == 2 else ()

    trials.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_comparison(begin(tmp_path, variants, num_blocks=4), losers=losers, launch=trials)
    result = run_comparison(Journal.resume(tmp_path / "comparison"), losers=losers, launch=FakeTrials())

    assert {name: len(own) for name, own in result.records.items()} == {"baseline": 4, "a": 4, "b": 2}
    assert result.state.dropped == {"b": 1}, "the baseline stays, whoever calls it a loser"
    assert [len(block) for block in result.order] == [3, 3, 2, 2]


def test_a_failed_baseline_ends_the_comparison(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": OcrKnobs(batch_size=1), "a": BASELINE}), launch=trials)
    assert len(result.records["baseline"]) == 1
    assert result.records["a"] == []
    assert result.state.stop == "failed"


def test_a_disturbed_trial_is_repeated_in_its_block_and_both_are_kept(trials, tmp_path):
    trials.disturbed = {3}  # the first of the second block, after the warm-up trial and a block of two
    journal = begin(tmp_path)
    result = run_comparison(journal, launch=trials)
    (dropped,) = [trial for trial in journal.state.trials if trial.repeated]
    (counts,) = [t for t in journal.state.trials if (t.block, t.variant, t.repeated) == (1, dropped.variant, False)]
    assert dropped.disturbed and not counts.disturbed
    assert [record.run_id for record in result.records[dropped.variant]][1] == counts.run_id
    assert (journal.runs / dropped.run_id / RECORD).is_file()
    assert len(trials.ran) == 8


def test_where_the_repeat_is_disturbed_too_it_counts_and_is_flagged(trials, tmp_path):
    trials.disturbed = {5, 7}  # the first of the third block, after the warm-up trial and two blocks; and its repeat
    journal = begin(tmp_path)
    result = run_comparison(journal, launch=trials)
    assert len(trials.ran) == 1 + 3 * 2 + 1
    assert all(len(records) == 3 for records in result.records.values())
    assert [trial.repeated for trial in journal.state.trials if trial.disturbed] == [True, False]


def test_where_it_is_never_quiet_nothing_is_repeated_and_all_is_flagged(trials, tmp_path):
    trials.disturbed = set(range(99))
    journal = begin(tmp_path)
    run_comparison(journal, launch=trials)
    assert len(trials.ran) == 1 + 3 * 2
    assert all(trial.disturbed and not trial.repeated for trial in journal.state.trials)


@pytest.mark.parametrize("number", range(1, 8))
def test_an_interrupted_comparison_goes_on_with_the_same_order(trials, tmp_path, number):
    whole = run_comparison(begin(tmp_path / "whole", num_blocks=4), launch=trials)
    trials.ran.clear()

    def interrupt(done: int) -> None:
        if done == number:
            raise KeyboardInterrupt

    trials.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_comparison(begin(tmp_path, num_blocks=4), launch=trials)
    assert read_state(tmp_path / "comparison").stop is None
    trials.before = lambda number: None
    result = run_comparison(Journal.resume(tmp_path / "comparison"), launch=trials)
    assert result.order == whole.order
    assert len(trials.ran) == 10, "no trial ran twice, but for the warm-up trial"
    assert len({record.run_id for records in result.records.values() for record in records}) == 8


@pytest.mark.parametrize(
    ("minutes", "again"),
    [
        (9, ""),
        (12, "12 min before"),
        (60 * 5, "5 h before"),
        (60 * 24 * 3, "3 days before"),
        (-58, "an unknown time before"),
    ],
)
def test_a_warm_up_trial_is_run_again_only_where_the_last_trial_is_long_ago(trials, tmp_path, minutes, again):
    def interrupt(number: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    trials.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_comparison(begin(tmp_path), launch=trials)
    trials.before = lambda number: None
    told: list[str] = []
    last = datetime.fromisoformat("2026-01-01T00:00:00+00:00")  # of the fake's records
    result = run_comparison(
        Journal.resume(tmp_path / "comparison"),
        launch=trials,
        now=lambda: last + timedelta(minutes=minutes),
        on_trial=lambda done, total, name, record: told.append(name),
    )
    assert len(trials.ran) == 7 + bool(again), "the warm-up trial, six that count, and maybe a second one to warm up"
    assert all(len(records) == 3 for records in result.records.values())
    assert again in "".join(result.notes)
    assert bool(result.notes) == told[0].startswith("warm-up trial (again: ") == bool(again)


def test_a_finished_comparison_takes_more_blocks(trials, tmp_path):
    before = run_comparison(begin(tmp_path, num_blocks=2), launch=trials)
    result = run_comparison(Journal.resume(tmp_path / "comparison", num_blocks=5), launch=trials)
    assert len(trials.ran) == 1 + 2 * 2 + 1 + 3 * 2
    assert result.order[:2] == before.order
    assert result.state.policy.planned_blocks == 2, "the error budget was laid out before the first trial"


def test_a_damaged_record_is_named_and_run_anew(trials, tmp_path):
    journal = begin(tmp_path)
    run_comparison(journal, launch=trials)
    damaged = journal.state.trials[2].run_id
    (journal.runs / damaged / RECORD).write_text("{")
    result = run_comparison(Journal.resume(tmp_path / "comparison"), launch=trials)
    assert damaged in result.notes[0]
    assert len(trials.ran) == 7 + 2, "the damaged one, after a warm-up trial"
    assert all(len(records) == 3 for records in result.records.values())


def test_a_cancelled_trial_is_not_part_of_the_comparison(trials, tmp_path):
    cancel = threading.Event()
    trials.before = lambda number: cancel.set() if number == 3 else None
    result = run_comparison(begin(tmp_path), cancel=cancel, launch=trials)
    assert result.state.stop == "cancelled"
    assert len(result.state.trials) == 2
    assert len(result.order) == 1, "a block that was cancelled is not one"
    assert len(run_comparison(Journal.resume(tmp_path / "comparison"), launch=trials).records["a"]) == 3


def test_a_folder_without_a_journal_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"there is no state\.json"):
        Journal.resume(tmp_path)
    (tmp_path / STATE).write_text("{}")
    with pytest.raises(BadInput, match=r"variants"):
        Journal.resume(tmp_path)


def test_each_variant_is_measured_by_its_own_program(trials, tmp_path):
    other = Program(name="v1", python="/elsewhere/python")
    run_comparison(begin(tmp_path, programs={"baseline": other}), launch=trials)
    for knobs, program in zip(trials.ran, trials.programs, strict=True):
        assert program == (None if knobs.num_workers == 1 else other)


def test_what_has_run_needs_no_warm_up_again(trials, tmp_path):
    run_comparison(begin(tmp_path), launch=trials)
    run_comparison(Journal.resume(tmp_path / "comparison"), launch=trials)
    assert len(trials.ran) == 7


def test_a_warm_up_trial_that_fails_ends_the_comparison(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": OcrKnobs(batch_size=1), "a": BASELINE}), launch=trials)
    assert len(trials.ran) == 1
    assert result.order == [["baseline"]]


def test_a_comparison_whose_reference_is_gone_cannot_go_on(trials, tmp_path):
    gone = Program(name="v1", python="/elsewhere/python", source=str(tmp_path / "gone"))
    run_comparison(begin(tmp_path, programs={"baseline": gone}), launch=trials)
    with pytest.raises(BadInput, match=r"what 'baseline' was measured with is gone"):
        Journal.resume(tmp_path / "comparison")


def test_a_cold_cache_needs_a_file_system_that_lets_go(trials, tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jpg").write_bytes(b"x" * 9000)
    monkeypatch.setattr(run_module, "forget", lambda files: None)
    knobs = OcrKnobs(dataset=str(tmp_path / "pages"))
    with pytest.raises(BadInput, match=r"keeps 100\.0 % of the data set"):
        run_comparison(begin(tmp_path, {"baseline": knobs, "a": knobs}, cold_cache=True), launch=trials)


def test_the_state_of_the_file_cache_is_entered_for_every_trial(trials, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jpg").write_bytes(b"x" * 9000)
    knobs = OcrKnobs(dataset=str(tmp_path / "pages"))
    result = run_comparison(begin(tmp_path, {"baseline": knobs, "a": knobs}, policy=Policy()), launch=trials)
    assert {trial.files_cached_share for trial in result.state.trials} == {1.0}


def test_after_a_resume_the_time_budget_is_the_new_one(trials, tmp_path):
    run_comparison(begin(tmp_path, num_blocks=2, budget_s=100.0), launch=trials)
    assert Journal.resume(tmp_path / "comparison", budget_s=7.0).state.policy.budget_s == 7.0
    assert Journal.resume(tmp_path / "comparison").state.policy.budget_s is None
    assert read_state(tmp_path / "comparison").policy.budget_s is None


def taken(names: list[str], count: int, seed: int = 0) -> list[list[str]]:
    return list(islice(blocks(names, seed=seed), count))


@pytest.mark.parametrize("size", range(1, 9))
def test_a_square_is_balanced_for_slot_and_for_what_came_before(size):
    rows = williams_square(size)
    slots = Counter((slot, number) for row in rows for slot, number in enumerate(row))
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    assert all(sorted(row) == list(range(size)) for row in rows)
    assert len(slots) == size**2 and len(set(slots.values())) == 1
    assert len(pairs) == size * (size - 1) and len(set(pairs.values())) <= 1


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_over_a_square_of_blocks_every_variant_has_every_slot_equally_often(size):
    names = [f"v{number}" for number in range(size)]
    order = taken(names, 2 * size, seed=3)
    for slot in range(size):
        assert set(Counter(block[slot] for block in order).values()) == {2}


def test_the_seed_decides_the_order_and_more_blocks_go_on_with_it():
    assert taken(NAMES, 9, seed=1) == taken(NAMES, 9, seed=1)
    assert taken(NAMES, 9, seed=1) != taken(NAMES, 9, seed=2)
    assert taken(NAMES, 20, seed=1)[:9] == taken(NAMES, 9, seed=1)


def test_the_rows_are_drawn_anew_for_every_square():
    order = taken(NAMES, 40)
    assert order[:4] != order[4:8]
