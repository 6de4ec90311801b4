"""A comparison: fair blocks, an early end, repeats of what was disturbed, and nothing lost when it is interrupted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.measure.comparison import run as run_module
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records import Failure, Machine, Policy, Program, Record, Steady
from workbench.records.run_folder import RECORD, STATE, new_run_folder, read_state, write_json
from workbench.workloads.ocr.knobs import OcrKnobs

BASELINE, A = OcrKnobs(), OcrKnobs(num_workers=1)


class Trials:
    """Trials that end at once and leave their records; those with batch_size=1 fail.

    Attributes:
        ran: Their knobs, in the order they ran.
        programs: What measured them.
        disturbed: Numbers of trials beside which others were busy.
        before: Called before each trial with its number.
    """

    def __init__(self) -> None:
        self.ran: list[OcrKnobs] = []
        self.programs: list[Program | None] = []
        self.disturbed: set[int] = set()
        self.before = lambda number: None

    def __call__(self, knobs: OcrKnobs, runs: Path, *, program: Program | None = None, **_: object) -> Record:
        number = len(self.ran)
        self.before(number)
        self.ran.append(knobs)
        self.programs.append(program)
        failed = knobs.batch_size == 1
        folder = new_run_folder(runs, knobs)
        record = Record(
            run_id=folder.name,
            created_at="",
            status="failed" if failed else "ok",
            failure=Failure(kind="error", phase="steady", message="broken") if failed else None,
            knobs=knobs,
            steady=Steady(
                num_steps=1, num_pages=number, num_epochs=1, warmup_steps=0, wall_s=1, samples_per_s=number + 1
            ),
            machine=Machine(wall_s=1, other_cores=float(number in self.disturbed), steal_share=0, load_1min=0),
        )
        write_json(folder / RECORD, record)
        return record


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    fake = Trials()
    monkeypatch.setattr(run_module, "run_trial", fake)
    return fake


def begin(folder: Path, variants: dict[str, OcrKnobs] | None = None, **settings) -> Journal:
    settings = {"runs": folder / "runs", "seed": 0, "num_blocks": 3, **settings}
    return Journal.begin(folder / "race", variants or {"baseline": BASELINE, "a": A}, **settings)


def test_records_come_by_variant_and_block_after_a_settling_run(trials, tmp_path):
    told = []
    journal = begin(tmp_path)
    result = run_comparison(journal, on_trial=lambda *news: told.append(news[:3]))
    assert {name: len(records) for name, records in result.records.items()} == {"baseline": 3, "a": 3}
    assert ["warm-up trial", *(name for block in result.order for name in block)] == [name for _, _, name in told]
    assert [done for done, _, _ in told] == list(range(7))
    assert told[-1][:2] == (6, 6)
    assert all(record.knobs.num_workers == 1 for record in result.records["a"])
    counted = {record.run_id for records in result.records.values() for record in records}
    assert journal.state.warmup_run_id not in counted
    assert result.state.stop == "blocks"


def test_pages_are_kept_once_for_each_variant(trials, tmp_path):
    run_comparison(begin(tmp_path))
    assert sorted(knobs.checked_samples for knobs in trials.ran) == [0, 0, 0, 0, 0, 4, 4]


def test_it_ends_early_where_all_is_clear(trials, tmp_path):
    result = run_comparison(begin(tmp_path, num_blocks=9), is_clear=lambda records: len(records["a"]) == 4)
    assert len(result.order) == 4
    assert result.state.stop == "clear"


def test_no_block_begins_that_would_end_after_the_time(trials, tmp_path):
    now = [0]

    def take_a_second(number: int) -> None:
        now[0] += 1_000_000_000

    trials.before = take_a_second
    # 1 s of settling, then 2 s a block: the third would end after 7 s.
    result = run_comparison(begin(tmp_path, num_blocks=9, budget_s=6.5), clock=lambda: now[0])
    assert len(result.order) == 2
    assert result.state.stop == "budget"


def test_a_failed_variant_runs_no_more_and_the_others_go_on(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": BASELINE, "broken": OcrKnobs(batch_size=1)}))
    assert len(result.records["broken"]) == 1
    assert len(result.records["baseline"]) == 3


def test_a_failed_baseline_ends_the_race(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": OcrKnobs(batch_size=1), "a": BASELINE}))
    assert len(result.records["baseline"]) == 1
    assert result.records["a"] == []
    assert result.state.stop == "failed"


def test_a_disturbed_trial_is_repeated_in_its_block_and_both_are_kept(trials, tmp_path):
    trials.disturbed = {3}  # the first of the second block, after the warm-up trial and a block of two
    journal = begin(tmp_path)
    result = run_comparison(journal)
    (dropped,) = [trial for trial in journal.state.trials if trial.repeated]
    (counts,) = [t for t in journal.state.trials if (t.block, t.variant, t.repeated) == (1, dropped.variant, False)]
    assert dropped.disturbed and not counts.disturbed
    assert [record.run_id for record in result.records[dropped.variant]][1] == counts.run_id
    assert (journal.runs / dropped.run_id / RECORD).is_file()
    assert len(trials.ran) == 8


def test_where_the_repeat_is_disturbed_too_it_counts_and_is_flagged(trials, tmp_path):
    trials.disturbed = {5, 7}  # the first of the third block, after the warm-up trial and two blocks; and its repeat
    journal = begin(tmp_path)
    result = run_comparison(journal)
    assert len(trials.ran) == 1 + 3 * 2 + 1
    assert all(len(records) == 3 for records in result.records.values())
    assert [trial.repeated for trial in journal.state.trials if trial.disturbed] == [True, False]


def test_where_it_is_never_quiet_nothing_is_repeated_and_all_is_flagged(trials, tmp_path):
    trials.disturbed = set(range(99))
    journal = begin(tmp_path)
    run_comparison(journal)
    assert len(trials.ran) == 1 + 3 * 2
    assert all(trial.disturbed and not trial.repeated for trial in journal.state.trials)


@pytest.mark.parametrize("number", range(1, 8))
def test_an_interrupted_race_goes_on_with_the_same_order(trials, tmp_path, number):
    whole = run_comparison(begin(tmp_path / "whole", num_blocks=4))
    trials.ran.clear()

    def interrupt(done: int) -> None:
        if done == number:
            raise KeyboardInterrupt

    trials.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_comparison(begin(tmp_path, num_blocks=4))
    assert read_state(tmp_path / "race").stop is None
    trials.before = lambda number: None
    result = run_comparison(Journal.resume(tmp_path / "race"))
    assert result.order == whole.order
    assert len(trials.ran) == 10, "no trial ran twice, but for the warm-up trial"
    assert len({record.run_id for records in result.records.values() for record in records}) == 8


def test_a_finished_race_takes_more_blocks(trials, tmp_path):
    before = run_comparison(begin(tmp_path, num_blocks=2))
    result = run_comparison(Journal.resume(tmp_path / "race", num_blocks=5))
    assert len(trials.ran) == 1 + 2 * 2 + 1 + 3 * 2
    assert result.order[:2] == before.order
    assert result.state.policy.planned_blocks == 2, "the error budget was laid out before the first trial"


def test_a_damaged_record_is_named_and_run_anew(trials, tmp_path):
    journal = begin(tmp_path)
    run_comparison(journal)
    damaged = journal.state.trials[2].run_id
    (journal.runs / damaged / RECORD).write_text("{")
    result = run_comparison(Journal.resume(tmp_path / "race"))
    assert damaged in result.notes[0]
    assert len(trials.ran) == 7 + 2, "the damaged one, after a warm-up trial"
    assert all(len(records) == 3 for records in result.records.values())


def test_a_cancelled_trial_is_no_part_of_the_race(trials, tmp_path):
    cancel = threading.Event()
    trials.before = lambda number: cancel.set() if number == 3 else None
    result = run_comparison(begin(tmp_path), cancel=cancel)
    assert result.state.stop == "cancelled"
    assert len(result.state.trials) == 2
    assert len(result.order) == 1, "the block that was cancelled is none"
    assert len(run_comparison(Journal.resume(tmp_path / "race")).records["a"]) == 3


def test_a_journal_that_is_none_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"there is no race\.json"):
        Journal.resume(tmp_path)
    (tmp_path / STATE).write_text("{}")
    with pytest.raises(BadInput, match=r"variants"):
        Journal.resume(tmp_path)


def test_each_variant_is_measured_by_its_own_program(trials, tmp_path):
    other = Program(name="v1", python="/elsewhere/python")
    run_comparison(begin(tmp_path, programs={"baseline": other}))
    for knobs, program in zip(trials.ran, trials.programs, strict=True):
        assert program == (None if knobs.num_workers == 1 else other)


def test_what_has_run_is_not_settled_for_again(trials, tmp_path):
    run_comparison(begin(tmp_path))
    run_comparison(Journal.resume(tmp_path / "race"))
    assert len(trials.ran) == 7


def test_a_settling_run_that_fails_ends_the_race(trials, tmp_path):
    result = run_comparison(begin(tmp_path, {"baseline": OcrKnobs(batch_size=1), "a": BASELINE}))
    assert len(trials.ran) == 1
    assert result.order == [["baseline"]]


def test_a_race_whose_reference_is_gone_cannot_go_on(trials, tmp_path):
    gone = Program(name="v1", python="/elsewhere/python", source=str(tmp_path / "gone"))
    run_comparison(begin(tmp_path, programs={"baseline": gone}))
    with pytest.raises(BadInput, match=r"what 'baseline' was measured with is gone"):
        Journal.resume(tmp_path / "race")


def test_a_cold_cache_needs_a_file_system_that_lets_go(trials, tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jpg").write_bytes(b"x" * 9000)
    monkeypatch.setattr(run_module, "forget", lambda files: None)
    knobs = OcrKnobs(dataset=str(tmp_path / "pages"))
    with pytest.raises(BadInput, match=r"keeps 100\.0 % of the pages"):
        run_comparison(begin(tmp_path, {"baseline": knobs, "a": knobs}, cold_cache=True))


def test_the_state_of_the_page_cache_is_entered_for_every_trial(trials, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jpg").write_bytes(b"x" * 9000)
    knobs = OcrKnobs(dataset=str(tmp_path / "pages"))
    result = run_comparison(begin(tmp_path, {"baseline": knobs, "a": knobs}, policy=Policy()))
    assert {trial.files_cached_share for trial in result.state.trials} == {1.0}
