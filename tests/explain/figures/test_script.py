"""Tables of ranks: who is the slowest, and what each waits for."""

from __future__ import annotations

from record_factory import make_record

from workbench.explain.figures.script import tables_of
from workbench.explain.words.headline import run_headline
from workbench.records import RankStats, Script


def ranks(**apart: float) -> list[RankStats]:
    own = {"num_steps": 10, "samples_per_s": 50.0, "wait_share": 0.25, **apart}
    return [
        RankStats(rank=0, own_step_s=0.02, own_stage="forward", **own),
        RankStats(rank=1, own_step_s=0.08, own_stage="loss", **own),
    ]


def test_ranks_of_a_trial_have_their_waiting_told_apart():
    record = make_record(100.0).model_copy(update={"ranks": ranks(rank_wait_s=0.03, exchange_s=0.004)})
    (table,) = tables_of(record)
    assert table.columns[-2:] == ("waits for the slowest rank", "exchanges gradients")
    assert [cell.text if hasattr(cell, "text") else cell for cell in table.rows[0]][-2:] == ["30.0 ms", "4.00 ms"]
    assert table.notes[0].startswith("Rank 1 is the slowest: a step takes it 80.0 ms by itself, most of it 'loss'")
    assert "on 2 ranks together" in run_headline(record)


def test_ranks_of_a_script_wait_within_the_backward_pass():
    script = Script(command="python train.py", training_loader="train.py:1", is_trained=True, ranks=ranks())
    table = list(tables_of(make_record(100.0).model_copy(update={"script": script})))[-1]
    assert table.columns[-2:] == ("a step, but for backward", "most of that")
    assert "outside of the backward pass" in table.notes[0]


def test_a_trial_of_one_process_has_no_such_table():
    assert list(tables_of(make_record(100.0))) == []
