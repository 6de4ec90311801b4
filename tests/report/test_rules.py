"""The rules of a comparison: earlier ones are asked where they are of this machine, this workload and in turns."""

from __future__ import annotations

import os

import pytest
from record_factory import make_record

from workbench.explain.verdicts.comparison import compare
from workbench.measure.comparison.journal import Journal
from workbench.measure.trial.control_group import cores_by_quota
from workbench.measure.trial.environment import cpu_name
from workbench.records import Environment, Policy, Slicing
from workbench.records.run_folder import COMPARISON, RECORD, write_json
from workbench.report.rules import rules_here
from workbench.workloads.ocr.knobs import OcrKnobs

TURNS = Slicing()

RATES = {"baseline": [100.0, 101.0, 99.0, 100.0, 102.0], "ram": [110.0, 112.0, 107.0, 111.0, 109.0]}


@pytest.fixture
def earlier(tmp_path):
    """Leaves comparisons in the folder of results."""

    def leave(count: int = 3, *, cpu: str = "", slicing: Slicing | None = TURNS, first: int = 0) -> None:
        here = Environment(
            python="3",
            platform="here",
            cpu=cpu or cpu_name(),
            cores=len(os.sched_getaffinity(0)),
            memory_bytes=1,
            quota=cores_by_quota(),
        )
        for number in range(first, first + count):
            records = {
                name: [
                    make_record(rate, name=f"{name}-{number}-{block}").model_copy(update={"environment": here})
                    for block, rate in enumerate(rates)
                ]
                for name, rates in RATES.items()
            }
            for record in (record for own in records.values() for record in own):
                write_json(tmp_path / "runs" / record.run_id / RECORD, record)
            policy = Policy(slicing=slicing)
            comparison = compare(records, baseline="baseline", order=[list(RATES)] * 5, seed=0, policy=policy)
            write_json(tmp_path / "comparisons" / f"earlier-{number}" / COMPARISON, comparison)

    return leave


def rules(tmp_path, slicing: Slicing | None = TURNS) -> Policy:
    return rules_here(tmp_path, OcrKnobs(), planned_blocks=4, slicing=slicing)


def test_comparisons_of_this_machine_in_turns_say_how_far_blocks_scatter(tmp_path, earlier):
    assert rules(tmp_path).known_spread is None
    earlier()
    found = rules(tmp_path)
    assert found.planned_blocks == 4
    assert found.known_spread is not None
    assert (found.known_spread.num_comparisons, found.known_spread.num_blocks) == (3, 15)
    assert 0.01 < found.known_spread.value < 0.05


@pytest.mark.parametrize("other", [{"cpu": "another one"}, {"slicing": None}, {"slicing": Slicing(slice_s=9.0)}])
def test_other_machines_and_other_slices_say_nothing(tmp_path, earlier, other):
    earlier(**other)
    assert rules(tmp_path).known_spread is None


def test_what_cannot_be_read_is_passed_over(tmp_path, earlier):
    earlier(4)
    (tmp_path / "comparisons" / "earlier-0" / COMPARISON).write_text("{", encoding="utf-8")
    assert rules(tmp_path).known_spread.num_comparisons == 3


def test_only_the_newest_are_asked(tmp_path, earlier):
    earlier(25)
    assert rules(tmp_path).known_spread.num_comparisons == 20


def test_trials_that_run_whole_know_nothing_of_it(tmp_path, earlier):
    earlier()
    assert rules(tmp_path, slicing=None).known_spread is None
    variants = {"baseline": OcrKnobs(device="none"), "ram": OcrKnobs(device="none", cache="decoded")}
    journal = Journal.begin(
        tmp_path / "new", variants, runs=tmp_path / "runs", seed=0, num_blocks=4, policy=rules(tmp_path),
        slicing=Slicing(),
    )  # fmt: skip
    assert journal.state.policy.known_spread is not None
    journal.take_no_turns("there is no room for it")
    assert journal.state.policy.known_spread is None
