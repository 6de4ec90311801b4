"""Blocks on nodes: what is given to whom, what comes back, and what becomes of it when a node is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workbench.errors import BadInput, Problem
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, run_comparison
from workbench.measure.nodes.run import check_nodes, run_on_nodes, runner_for
from workbench.records.run_folder import STATE, read_record, read_state, write_state
from workbench.workloads.ocr.knobs import OcrKnobs

VARIANTS = {"baseline": OcrKnobs(num_workers=0), "a": OcrKnobs(num_workers=1)}


def begin(folder: Path, **settings) -> Journal:
    settings = {"runs": folder / "runs", "seed": 0, "num_blocks": 4, **settings}
    return Journal.begin(folder / "comparison", VARIANTS, **settings)


def run(journal: Journal, cluster, **how) -> ComparisonRun:
    return run_on_nodes(journal, "local:2", open_cluster=cluster.open, poll_s=0.0, **how)


def test_every_block_runs_whole_on_one_node_and_its_records_carry_it(cluster, tmp_path: Path) -> None:
    told = []
    compared = run(begin(tmp_path), cluster, on_trial=lambda *news: told.append(news[:3]))
    assert compared.state.stop == "blocks"
    assert {name: len(records) for name, records in compared.records.items()} == {"baseline": 4, "a": 4}
    assert sorted(block for _, block in cluster.given) == [0, 1, 2, 3]
    assert {name for name, _ in cluster.given} == {"alpha", "beta"}
    by_block = {}
    for trial in compared.state.trials:
        by_block.setdefault(trial.block, set()).add(trial.node.name)
        assert read_record(tmp_path / "runs" / trial.run_id).node == trial.node
    assert by_block == {block: {name} for name, block in cluster.given}
    assert told[-1][:2] == (8, 8)
    assert all(name.partition(": ")[0] in ("alpha", "beta") for _, _, name in told)
    assert cluster.ended


def test_pairs_match_though_a_later_block_ends_before_an_earlier_one(cluster, tmp_path: Path) -> None:
    cluster.waits = lambda block: 20 if block == 0 else 0
    compared = run(begin(tmp_path), cluster)
    assert [trial.block for trial in compared.state.trials][:2] != [0, 0]
    for place in range(4):
        runs = {records[place].run_id for records in compared.records.values()}
        assert runs == {trial.run_id for trial in compared.state.trials if trial.block == place}
    assert [sorted(order) for order in compared.order] == [["a", "baseline"]] * 4
    assert compared.records["a"][0].knobs.checked_samples > 0  # the first block has kept samples


def test_the_block_of_a_lost_node_is_run_anew_on_another(cluster, tmp_path: Path) -> None:
    cluster.loses = lambda name, block: name == "alpha"
    compared = run(begin(tmp_path), cluster)
    assert cluster.given[0] == ("alpha", 0)
    assert ("beta", 0) in cluster.given
    assert {trial.node.name for trial in compared.state.trials} == {"beta"}
    assert len(compared.records["a"]) == 4
    (note,) = [note for note in compared.notes if "lost" in note]
    assert note == "Node 'alpha' was lost while it ran block 1, which is run anew on another node."


def test_without_nodes_it_stops_with_what_it_has_and_goes_on_later(cluster, tmp_path: Path) -> None:
    cluster.loses = lambda name, block: block > 1
    compared = run(begin(tmp_path), cluster)
    assert compared.state.stop == "lost"
    assert len(compared.records["a"]) == 2
    assert "--resume" in compared.notes[-1]

    again = type(cluster)()
    compared = run(Journal.resume(tmp_path / "comparison"), again)
    assert sorted(block for _, block in again.given) == [2, 3]
    assert (compared.state.stop, len(compared.records["a"])) == ("blocks", 4)


def test_a_comparison_without_any_block_is_an_error_that_says_what_to_do(cluster, tmp_path: Path) -> None:
    cluster.loses = lambda name, block: True
    with pytest.raises(BadInput, match="--resume"):
        run(begin(tmp_path), cluster)


def test_a_block_of_which_a_trial_is_missing_is_run_anew(cluster, tmp_path: Path) -> None:
    run(begin(tmp_path), cluster)
    folder = tmp_path / "comparison"
    Journal.resume(folder)  # which writes all trials into one file
    state = read_state(folder)
    write_state(folder, state.model_copy(update={"trials": state.trials[:-1]}))
    again = type(cluster)()
    compared = run(Journal.resume(folder), again)
    assert len(again.given) == 1
    blocks = [trial for trial in compared.state.trials if trial.block == again.given[0][1]]
    assert len({trial.node.name for trial in blocks if not trial.repeated}) == 1
    assert len(compared.records["a"]) == 4


def test_it_ends_when_all_is_clear_and_what_still_runs_is_ended(cluster, tmp_path: Path) -> None:
    cluster.waits = lambda block: 1000 if block == 1 else 0
    compared = run(begin(tmp_path), cluster, is_clear=lambda records: len(records["a"]) == 2)
    assert compared.state.stop == "clear"
    assert [running.cancelled for running in cluster.running].count(True) == 1
    assert read_state(tmp_path / "comparison").stop == "clear"


def test_a_failed_baseline_ends_it_and_a_failed_variant_runs_no_more(cluster, tmp_path: Path) -> None:
    cluster.trials.fails = lambda knobs, number: knobs.num_workers == 1
    compared = run(begin(tmp_path), cluster)
    assert [record.status for record in compared.records["a"]] == ["failed"]
    assert len(compared.records["baseline"]) == 4
    other = type(cluster)()
    other.trials.fails = lambda knobs, number: knobs.num_workers == 0
    assert run(begin(tmp_path / "other"), other).state.stop == "failed"


def test_a_cancelled_one_can_go_on(cluster, tmp_path: Path) -> None:
    cancel = threading.Event()
    compared = run(begin(tmp_path), cluster, cancel=cancel, on_trial=lambda *news: cancel.set())
    assert compared.state.stop == "cancelled"
    assert (tmp_path / "comparison" / STATE).is_file()


def test_no_block_begins_when_the_time_is_up(cluster, tmp_path: Path) -> None:
    compared = run(begin(tmp_path), cluster, is_over=lambda records: len(records["a"]) >= 2)
    assert compared.state.stop == "budget"
    assert 2 <= len(compared.records["a"]) <= 3


def test_what_is_wrong_with_nodes_is_said_before_any_block(cluster, tmp_path: Path) -> None:
    cluster.changes["beta"] = lambda it: it.model_copy(update={"code": {**it.code, "torch": "1.0"}})
    with pytest.raises(BadInput, match=r"node 'beta': its code differs: torch is 1\.0 \(here"):
        run(begin(tmp_path), cluster)
    assert not cluster.given
    cluster.wrong = [Problem("moves work", "the scheduler", "Set it off")]
    with pytest.raises(BadInput, match="the scheduler: moves work"):
        run(begin(tmp_path / "again"), cluster)


def test_without_nodes_named_it_runs_here() -> None:
    assert runner_for("") is run_comparison
    with pytest.raises(BadInput, match="no nodes"):
        runner_for("", "certificates")


def test_a_cluster_that_does_not_answer_is_named_before_a_comparison_is_begun(monkeypatch, cluster) -> None:
    monkeypatch.setattr("workbench.measure.nodes.run.open_cluster", cluster.open)
    check_nodes("", VARIANTS)
    check_nodes("tcp://localhost:1", VARIANTS)
    cluster.changes["beta"] = lambda it: it.model_copy(update={"machine": {}})
    check_nodes("local:2", VARIANTS)  # they are yet to be started, on this machine
    with pytest.raises(BadInput, match="node 'beta': its machine differs"):
        check_nodes("tcp://localhost:1", VARIANTS)


def test_losers_are_in_no_block_that_is_given_out_later(cluster, tmp_path: Path) -> None:
    compared = run(
        begin(tmp_path, num_blocks=6), cluster, losers=lambda records: {"a"} if len(records["a"]) >= 2 else ()
    )

    (last,) = compared.state.dropped.values()
    ran = [trial.block for trial in compared.state.trials if trial.variant == "a"]
    assert sorted(ran) == list(range(last + 1)) and last < 5
    assert len(compared.records["baseline"]) == 6
    assert len(compared.records["a"]) == last + 1, "blocks of both are in the same places"
