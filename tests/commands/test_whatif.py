"""Questions to a run that lies on disk: answers as rows, and what is wrong in one message."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from run_factory import Run

from workbench import cli
from workbench.records.run_folder import RECORD, SPANS, write_json
from workbench.report.find_run import find_run, stage_costs_below

pytestmark = pytest.mark.real


class QuietRun(Run):
    loaded = preempted = 1.0


def leave(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True)
    record = QuietRun().record().model_copy(update={"run_id": folder.name, **changes})
    write_json(folder / RECORD, record)
    QuietRun().spans().to_parquet(folder / SPANS)
    return folder


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    leave(tmp_path / "runs" / "20260101-000000-aaaaaa")
    return tmp_path


@pytest.fixture
def whatif(reports, monkeypatch, capsys):
    """Runs the command; gives its exit code and what it wrote."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", "whatif", *arguments, "--out", str(reports)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        written = capsys.readouterr()
        return int(end.value.code or 0), written.out, written.err

    return run


def test_without_a_question_the_map_is_shown(whatif):
    code, out, _ = whatif("last")
    assert code == 0
    assert out.index("decode") < out.index("postprocess"), "the largest gain comes first"
    assert "only the device:" in out
    assert "Assumed:" in out


def test_questions_are_answered_one_by_one_or_together(whatif):
    _, one_by_one, _ = whatif("20260101-000000-aaaaaa", "decode x0.5", "num_workers=2")
    assert "decode x0.5 " in one_by_one
    assert "num_workers=2 " in one_by_one
    _, together, _ = whatif("last", "decode x0.5", "num_workers=2", "--together")
    assert "decode x0.5, num_workers=2" in together


def test_a_question_that_cannot_be_answered_is_a_row_beside_those_that_can(whatif):
    code, out, _ = whatif("last", "decode x0.5", "transport=ring", "nosuch=3")
    assert code == 0
    answered, advised, unknown = (
        line for line in out.splitlines() if line.startswith(("| decode", "| trans", "| nosu"))
    )
    assert "%" in answered and "not predicted" not in answered
    assert "not predicted" in advised and 'workbench compare --variant "changed: transport=ring"' in advised
    assert "not predicted" in unknown and "there is no knob named 'nosuch'" in unknown


def test_what_is_wrong_is_reported_without_a_traceback(whatif):
    code, _, err = whatif("last", "decod x0.5", "nonsense")
    assert code == 2
    assert "decod" in err
    assert "nonsense" in err
    assert "Traceback" not in err
    code, _, err = whatif("nowhere")
    assert (code, "there is no run 'nowhere'" in err) == (2, True)


def test_the_last_run_is_the_newest_that_ended_well(reports):
    runs = reports / "runs"
    leave(runs / "20260102-000000-bbbbbb", status="failed")
    assert find_run("last", runs).name == "20260101-000000-aaaaaa"
    assert find_run(str(runs / "20260102-000000-bbbbbb"), runs).name == "20260102-000000-bbbbbb"


def test_a_stage_of_another_run_is_told_by_the_page(reports):
    cost = stage_costs_below(reports / "runs")
    assert cost("last", "decode") == pytest.approx(0.008)
