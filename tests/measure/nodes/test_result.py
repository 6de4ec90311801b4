"""What comes back from a node: folders of runs, and trials that enter the journal with the node they ran on."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import pytest
from fakes import FakeTrials

from workbench.errors import WorkbenchError
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.order import blocks
from workbench.measure.comparison.run import run_comparison
from workbench.measure.nodes.block import BlockJob, forget, run_block
from workbench.measure.nodes.result import BlockResult, enter, packed, unpack
from workbench.records import Node
from workbench.records.run_folder import RECORD, read_record, read_state
from workbench.report.verdicts import compare_run
from workbench.workloads.ocr.knobs import OcrKnobs

VARIANTS = {"baseline": OcrKnobs(num_workers=0), "a": OcrKnobs(num_workers=1)}
ORDERS = [list(order) for order in islice(blocks(list(VARIANTS), seed=0), 6)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.begin(tmp_path / "comparison", VARIANTS, runs=tmp_path / "runs", seed=0, num_blocks=6)


def run_blocks(journal: Journal) -> list[BlockResult]:
    """Every block as a node of its own would run it, with nothing but the job that it is given."""
    found = []
    for number, order in enumerate(ORDERS):
        job = BlockJob(f"job {number}", journal.state.model_dump_json(), number, order)
        found.append(run_block(job, launch=FakeTrials()))
        forget(job.comparison)
    return found


def test_blocks_that_others_ran_are_a_comparison_whose_strata_are_nodes(journal: Journal) -> None:
    """As the recipes of `docs/nodes.md` have it, where nothing of ours gives the blocks out."""
    for number, result in enumerate(run_blocks(journal)):
        assert result.host
        trials = enter(journal, result, Node(name="alpha" if number % 2 else "beta", host=result.host, address=""))
        assert [trial.variant for trial, _ in trials] == ORDERS[number]
    for trial in journal.state.trials:
        assert read_record(journal.runs / trial.run_id).node == trial.node
    compared = run_comparison(Journal.resume(journal.folder), launch=no_trial)
    (variant,) = compare_run(compared).others
    assert {each.node: each.num_blocks for each in variant.by_node} == {"alpha": 3, "beta": 3}


def no_trial(*_: object, **__: object) -> None:
    raise AssertionError("all blocks are there")


def test_files_that_are_not_of_a_run_are_refused_with_the_node_that_sent_them(journal: Journal) -> None:
    result = run_blocks(journal)[0]
    run_id = next(iter(result.folders))
    wrong = dataclasses.replace(result, folders={**result.folders, run_id: {"../../x": b"x"}})
    with pytest.raises(WorkbenchError, match="node 'alpha' has sent files that are not of a run"):
        enter(journal, wrong, Node(name="alpha", host="alpha", address=""))
    assert read_state(journal.folder).trials == []


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "node" / "run"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "trace.json").write_bytes(b"{}")
    (folder / RECORD).write_text("record")
    files = packed(folder)
    back = unpack(tmp_path / "runs", "run", files)
    assert (back / "profiles" / "trace.json").read_bytes() == b"{}"
    assert (back / RECORD).read_text() == "record"
    assert (folder / RECORD).is_file()
    assert not (folder / "profiles" / "trace.json").exists()


@pytest.mark.parametrize(("run_id", "name"), [("run", "../other/x"), ("../run", "x"), ("run", "/etc/x")])
def test_what_leads_out_of_the_folder_is_refused(tmp_path: Path, run_id: str, name: str) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match="leads out"):
        unpack(tmp_path / "runs", run_id, {name: b"x"})
    assert list(tmp_path.rglob("x")) == []
