"""Questions to a run that lies on disk: answers as rows, and what is wrong in one message."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from run_factory import Run

from workbench import cli
from workbench.records.run_folder import RECORD, SPANS, write_json
from workbench.report.find_run import RunsBelow, find_run

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


def test_a_question_that_cannot_be_answered_is_a_row_in_its_place(whatif):
    code, out, _ = whatif("last", "nosuch=3", "transport=ring", "malloc_retain=true", "decode x0.5")
    assert code == 0
    unknown, advised, kept, answered = [line for line in out.splitlines() if re.match(r"\| [nmtd]\w+[= ]", line)]
    assert "there is no knob named 'nosuch'" in unknown
    assert re.search(r"at most \d+\.\d %.*if 'collate' and 'receive' were ", advised)
    assert "not predicted" in kept
    assert out.count("compare it, as below") == 2
    assert re.search(r"% \[.*pages/s", answered)
    commands = [line for line in out.splitlines() if line.startswith("workbench compare")]
    assert [shlex.split(line)[3] for line in commands] == ["changed: transport=ring", "changed: malloc_retain=true"]


def test_a_bound_is_an_answer_and_nothing_at_all_is_bad_input(whatif):
    assert whatif("last", "transport=ring")[0] == 0
    code, _, err = whatif("last", "malloc_retain=true")
    assert code == 2
    assert err.count("\n") == 1 and "Compare it: workbench compare --variant 'changed: malloc_retain=true'" in err


def test_a_setting_that_changes_nothing_or_cannot_be_is_not_to_be_compared(whatif):
    code, out, _ = whatif("last", "channels_last=true", "normalize=cached", "decode x0.5")
    assert code == 0
    assert "can change nothing in this run: no model is run" in out
    assert "Take cache=tensor" in out
    assert "workbench compare" not in out


def test_one_change_is_predicted_whole_or_not_at_all(whatif):
    code, out, err = whatif("last", "decode x0.5", "transport=ring", "--together")
    assert (code, out) == (2, "")
    assert err.startswith("Error: what if, all questions --together or none: 'transport=ring': what it does")


def test_a_run_of_the_cpu_is_refused_in_a_line_with_the_way_out(whatif, reports):
    leave(reports / "runs" / "20260103-000000-cccccc", device="cpu")
    code, _, err = whatif("last", "decode x0.5")
    assert code == 2
    assert err.count("\n") == 1
    assert "takes cores in a way that is not modelled. Take a run with -p device=replay" in err


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
    cost = RunsBelow(reports / "runs").stage_s
    assert cost("last", "decode") == pytest.approx(0.008)
