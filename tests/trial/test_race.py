"""Blocks hold every variant once, in an order that the seed decides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from workbench.knobs import Knobs
from workbench.records import Failure, Record
from workbench.trial import race as race_module
from workbench.trial.race import plan, race

NAMES = ["baseline", "a", "b"]


def test_every_block_holds_every_variant_once():
    for block in plan(NAMES, num_blocks=20, seed=3):
        assert sorted(block) == sorted(NAMES)


def test_the_seed_decides_the_order():
    assert plan(NAMES, num_blocks=9, seed=1) == plan(NAMES, num_blocks=9, seed=1)
    assert plan(NAMES, num_blocks=9, seed=1) != plan(NAMES, num_blocks=9, seed=2)


def test_no_variant_owns_the_first_slot():
    firsts = Counter(block[0] for block in plan(NAMES, num_blocks=300, seed=0))
    assert min(firsts.values()) > 60


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[Knobs]:
    """Trials that end at once; those with batch_size=1 fail."""
    ran: list[Knobs] = []

    def run_trial(knobs: Knobs, runs: Path, **_: object) -> Record:
        ran.append(knobs)
        failed = knobs.batch_size == 1
        failure = Failure(kind="error", phase="steady", message="broken") if failed else None
        status = "failed" if failed else "ok"
        return Record(run_id=str(len(ran)), created_at="", status=status, failure=failure, knobs=knobs)

    monkeypatch.setattr(race_module, "run_trial", run_trial)
    return ran


def test_records_come_by_variant_and_block(trials, tmp_path):
    told = []
    variants = {"baseline": Knobs(), "a": Knobs(num_workers=1)}
    result = race(variants, tmp_path, num_blocks=3, seed=0, on_trial=lambda *news: told.append(news[:3]))
    assert {name: len(records) for name, records in result.records.items()} == {"baseline": 3, "a": 3}
    assert [name for block in result.order for name in block] == [name for _, _, name in told]
    assert told[-1][:2] == (6, 6)
    assert all(record.knobs.num_workers == 1 for record in result.records["a"])


def test_pages_are_kept_once_for_each_variant(trials, tmp_path):
    race({"baseline": Knobs(), "a": Knobs(num_workers=1)}, tmp_path, num_blocks=3, seed=0)
    assert sorted(knobs.parity_pages for knobs in trials) == [0, 0, 0, 0, 4, 4]


def test_a_failed_variant_runs_no_more_and_the_others_go_on(trials, tmp_path):
    result = race({"baseline": Knobs(), "broken": Knobs(batch_size=1)}, tmp_path, num_blocks=3, seed=0)
    assert len(result.records["broken"]) == 1
    assert len(result.records["baseline"]) == 3


def test_a_failed_baseline_ends_the_race(trials, tmp_path):
    result = race({"baseline": Knobs(batch_size=1), "a": Knobs()}, tmp_path, num_blocks=5, seed=0)
    assert len(result.records["baseline"]) == 1
    assert len(result.records["a"]) <= 1
