"""The journal: what has run is on the disk at once, once, and survives whatever ends its writer."""

from __future__ import annotations

import errno
import os
from itertools import pairwise

import pytest

from workbench.errors import BadInput, CannotWrite
from workbench.measure.comparison.journal import Journal
from workbench.records import VariantTrial
from workbench.records.run_folder import STATE, TRIALS, append_trial, read_state, write_state
from workbench.workloads.ocr.knobs import OcrKnobs

VARIANTS = {"baseline": OcrKnobs(), "a": OcrKnobs(num_workers=1)}


def trial(number: int, block: int = 0, variant: str = "baseline", **fields) -> VariantTrial:
    return VariantTrial(block=block, variant=variant, run_id=f"run-{number}", **fields)


@pytest.fixture
def journal(tmp_path) -> Journal:
    (tmp_path / "runs").mkdir()
    return Journal.begin(tmp_path / "comparison", VARIANTS, runs=tmp_path / "runs", seed=0, num_blocks=3)


def ids(folder) -> list[str]:
    return [one.run_id for one in read_state(folder).trials]


def test_a_trial_is_a_line_and_the_rest_is_not_written_again(journal):
    before = (journal.folder / STATE).read_bytes()
    for number in range(3):
        journal.add(trial(number, block=number))
    assert (journal.folder / STATE).read_bytes() == before
    assert len((journal.folder / TRIALS).read_text().splitlines()) == 3
    assert read_state(journal.folder) == journal.state


def test_what_is_written_grows_with_the_trials_and_not_with_their_square(journal):
    sizes = []
    for number in range(40):
        journal.add(trial(number, block=number))
        sizes.append(sum(path.stat().st_size for path in journal.folder.iterdir()))
    steps = [after - before for before, after in pairwise(sizes)]
    assert max(steps) <= min(steps) + 10


def test_any_other_change_writes_it_whole(journal):
    journal.add(trial(0))
    journal.stopped("blocks")
    assert not (journal.folder / TRIALS).exists()
    assert ids(journal.folder) == ["run-0"]
    assert read_state(journal.folder).stop == "blocks"


def test_a_later_trial_stands_in_for_an_earlier_one_also_when_it_is_read_again(journal):
    journal.add(trial(0, disturbed=["others"]))
    journal.add(trial(1, variant="a"))
    journal.add(trial(2))
    again = Journal.resume(journal.folder)
    for one in (journal, again):
        assert [ran.repeated for ran in one.state.trials] == [True, False, False]
        assert one.accepted(0, "baseline").run_id == "run-2"
        assert [ran.run_id for ran in one.trials_of(0, "baseline")] == ["run-0", "run-2"]
        assert one.num_accepted == 2
        assert one.is_mostly_busy() == (one.state.policy.busy_share < 1 / 3)


@pytest.mark.parametrize("torn", [b'{"block": 1, "vari', b"\0" * 40, b'{"block": 7}', b"\0{"])
def test_a_last_line_that_breaks_off_is_passed_over(journal, torn):
    journal.add(trial(0))
    with (journal.folder / TRIALS).open("ab") as file:
        file.write(torn)
    again = Journal.resume(journal.folder)
    again.add(trial(1, block=1))
    assert ids(journal.folder) == ["run-0", "run-1"]


@pytest.mark.parametrize("damage", [b"{}\n", b"\n", b"\xff\n", b"\0\0\0\n"])
def test_any_other_damage_is_named(journal, damage):
    journal.add(trial(0))
    path = journal.folder / TRIALS
    path.write_bytes(damage + path.read_bytes())
    with pytest.raises(BadInput, match=TRIALS):
        Journal.resume(journal.folder)


@pytest.mark.parametrize("in_its_place", ["folder", "link"])
def test_something_else_in_its_place_is_named(journal, in_its_place):
    path = journal.folder / TRIALS
    path.mkdir() if in_its_place == "folder" else path.symlink_to("gone")
    with pytest.raises(BadInput, match=TRIALS):
        read_state(journal.folder)


def test_a_run_outside_of_its_folder_is_refused(journal):
    (journal.folder / TRIALS).write_text('{"block": 0, "variant": "a", "run_id": "../../etc"}\n')
    with pytest.raises(BadInput, match=TRIALS):
        read_state(journal.folder)


def test_an_end_between_the_two_files_leaves_no_trial_twice(journal):
    journal.add(trial(0))
    lines = (journal.folder / TRIALS).read_bytes()
    write_state(journal.folder, journal.state)
    (journal.folder / TRIALS).write_bytes(lines)
    assert ids(journal.folder) == ["run-0"]


def test_a_journal_of_before_has_all_trials_in_one_file(journal):
    state = journal.state.model_copy(update={"trials": [trial(0, repeated=True), trial(1)]})
    (journal.folder / STATE).write_text(state.model_dump_json(indent=1))
    assert read_state(journal.folder) == state


def test_a_line_that_could_not_be_written_leaves_none(journal, monkeypatch):
    journal.add(trial(0))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CannotWrite):
            append_trial(journal.folder, trial(1))
    journal.add(trial(2, block=1))
    assert ids(journal.folder) == ["run-0", "run-2"]
