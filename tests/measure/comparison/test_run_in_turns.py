"""A comparison whose trials take turns: blocks, what is kept, and when one trial runs after the other all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeBlocks, FakeTrials

from workbench.explain.words.verdicts import no_turns
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records import Slicing
from workbench.records.run_folder import read_state
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

VARIANTS = {"baseline": OcrKnobs(), "a": OcrKnobs(num_workers=1), "b": OcrKnobs(num_workers=0)}


class FakeTemplate:
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def sliced() -> FakeBlocks:
    return FakeBlocks(FakeTrials())


def run(folder: Path, sliced: FakeBlocks, *, num_blocks: int = 3, template: object = None):
    journal = Journal.begin(
        folder / "comparison", VARIANTS, runs=folder / "runs", seed=0, num_blocks=num_blocks, slicing=Slicing(rounds=2)
    )
    return run_comparison(journal, launch=sliced.trials, run_slices=sliced, make_template=lambda folders: template)


def test_every_block_has_a_trial_of_each_and_balanced_rounds(sliced, tmp_path):
    compared = run(tmp_path, sliced)
    assert {name: len(records) for name, records in compared.records.items()} == {"baseline": 3, "a": 3, "b": 3}
    assert len(sliced.trials.ran) == 9, "and no warm-up trial"
    assert all(len(orders) == 2 and sorted(orders[0]) == sorted(VARIANTS) for orders in sliced.orders)
    assert len({tuple(map(tuple, orders)) for orders in sliced.orders}) > 1
    assert sorted(knobs.checked_samples for knobs in sliced.trials.ran) == [0] * 6 + [4] * 3


def test_later_blocks_are_forked_from_what_the_first_has_imported(sliced, tmp_path):
    template = FakeTemplate()
    run(tmp_path, sliced, template=template)
    assert sliced.templates == [None, template, template]
    assert template.closed == 1


def test_a_variant_that_fails_beside_the_others_gets_a_trial_by_itself(sliced, tmp_path):
    sliced.trials.fails = lambda knobs, number: knobs.num_workers == 1
    compared = run(tmp_path, sliced)
    assert [record.status for record in compared.records["a"]] == ["failed"]
    assert len(compared.records["b"]) == 3
    assert read_state(tmp_path / "comparison").policy.slicing is not None
    assert no_turns(compared.state) == []


def test_where_one_runs_by_itself_only_trials_run_whole(sliced, tmp_path):
    """A script that wants a port of its own, say."""
    sliced.fails_beside = {1}
    compared = run(tmp_path, sliced)
    assert {name: len(records) for name, records in compared.records.items()} == {"baseline": 3, "a": 3, "b": 3}
    assert all(record.status == "ok" for records in compared.records.values() for record in records)
    assert read_state(tmp_path / "comparison").policy.slicing is None
    (sentence,) = no_turns(compared.state)
    assert "'a' runs by itself, but not beside the others: out of luck" in sentence


def test_without_room_trials_run_whole(sliced, tmp_path):
    sliced.no_room = True
    compared = run(tmp_path, sliced)
    assert {name: len(records) for name, records in compared.records.items()} == {"baseline": 3, "a": 3, "b": 3}
    assert "no room for 'b'" in no_turns(compared.state)[0]
    assert len(sliced.trials.ran) == 10, "a warm-up trial, and three blocks"


def test_what_has_run_is_kept(sliced, tmp_path):
    run(tmp_path, sliced, num_blocks=2)
    journal = Journal.resume(tmp_path / "comparison", num_blocks=3)
    again = FakeBlocks(FakeTrials())
    compared = run_comparison(journal, launch=again.trials, run_slices=again, make_template=lambda folders: None)
    assert len(again.trials.ran) == 3
    assert all(len(records) == 3 for records in compared.records.values())


def test_no_block_is_expected_to_take_as_long_as_the_first(sliced, tmp_path):
    """Its trials are started anew: 100 s, then 50 s each. The median of two would have refused the third."""
    now_s = [0.0]
    sliced.trials.before = lambda number: now_s.append(now_s[-1] + (100.0 if number < 3 else 50.0) / 3)
    journal = Journal.begin(
        tmp_path / "comparison", VARIANTS, runs=tmp_path / "runs", seed=0, num_blocks=9, slicing=Slicing(rounds=2),
        budget_s=210.0,
    )  # fmt: skip
    compared = run_comparison(
        journal, launch=sliced.trials, run_slices=sliced, make_template=lambda folders: None,
        clock=lambda: round(now_s[-1] * 1e9),
    )  # fmt: skip
    assert (compared.state.stop, len(compared.order)) == ("budget", 3)
