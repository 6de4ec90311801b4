"""The gate: its exit codes, its summary, and what it refuses; with trials that end at once."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
from record_factory import make_failed, make_record

from workbench import cli
from workbench.measure.comparison.run import run_comparison
from workbench.records import Machine, Record
from workbench.records.run_folder import RECORD, new_run_folder, write_json
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

PAGES = Path(__file__).parents[2] / "data_samples"

#: Pages per second by the cache, which is what the tests give for reference.
RATES = {"none": 100.0, "encoded": 100.0, "decoded": 150.0, "prepared": 104.0}


@pytest.fixture
def check(monkeypatch, tmp_path):
    """Runs the command, and gives its exit code."""
    ran: list[OcrKnobs] = []

    def trial(knobs: OcrKnobs, runs: Path, **_: object) -> Record:
        ran.append(knobs)
        folder = new_run_folder(runs, knobs)
        wobble = 1.0 + 0.01 * (len(ran) % 3 - 1) + (0.1 if knobs.cache == "prepared" else 0.0) * (len(ran) % 5 - 2)
        record = make_failed(folder.name) if knobs.cache == "tensor" else make_record(RATES[knobs.cache] * wobble)
        machine = Machine(wall_s=1.0, other_cores=0.0, steal_share=0.0, load_1min=0.0)
        record = record.model_copy(update={"run_id": folder.name, "knobs": knobs, "machine": machine})
        write_json(folder / RECORD, record)
        return record

    def run(*arguments: str) -> int:
        common = ["--data", str(PAGES), "--out", str(tmp_path / "reports")]
        monkeypatch.setattr(sys, "argv", ["workbench", "check", *common, *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    def block(variants: dict[str, OcrKnobs], runs: Path, *_: object, **__: object) -> dict[str, Record]:
        return {name: trial(knobs, runs) for name, knobs in variants.items()}

    at_once = partial(run_comparison, launch=trial, run_slices=block)
    monkeypatch.setattr("workbench.measure.nodes.run.run_comparison", at_once)
    return run


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("cache=encoded", 0, "### Passed: not more than 5.0 % slower"),
        ("cache=decoded", 1, "### Slower: more than 5.0 % slower"),
        ("cache=prepared", 3, "### Cannot tell"),
        ("cache=tensor normalize=cached", 1, "### Failed"),
    ],
)
def test_the_exit_code_is_the_answer(check, capsys, tmp_path, reference, code, words):
    summary = tmp_path / "summary.md"
    assert check("--against", reference, "--summary", str(summary)) == code
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(words)
    shown, folded = text.split("<details>")
    assert shown.strip() in capsys.readouterr().out
    assert "that live at once and take turns" in folded
    (kept,) = (tmp_path / "reports" / "comparisons").glob("*/summary.md")
    assert kept.read_text(encoding="utf-8") == text


def test_more_is_allowed_where_more_is_asked_for(check):
    assert check("--against", "cache=decoded", "--max-slowdown", "0.8") == 0


@pytest.mark.parametrize("share", ["fast", "5", "-5%", "0", "100%", "nan"])
def test_what_is_not_a_share_is_refused(check, capsys, share):
    assert check("--against", "cache=decoded", "--max-slowdown", share) == 2
    assert "--max-slowdown" in capsys.readouterr().err


def test_what_is_not_a_reference_is_refused(check, capsys):
    assert check("--against", "no-such-revision") == 2
    assert "nothing to compare with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "no-such-revision"], "nothing to compare with"),
        (["--against", "cahce=none"], "Did you mean 'cache'?"),
        (["--against", "cache=prepared", "-p", "mode=train"], "Take cache=decoded, or mode=validate"),
        (["--against", "dataset=no/such/folder"], "there is no such folder"),
        (["--against", "HEAD", "-p", "cache=prepared", "-p", "mode=train"], "Take cache=decoded, or mode=validate"),
        (["--against", "HEAD", "--max-slowdown", "fast"], "is not a share"),
        (["--against", "HEAD", "-p", "dataset=no/such/folder"], "there is no such folder"),
        (["--against", "HEAD", "--data", "no/such/folder"], "there is no such folder"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_said_before_pages_are_drawn(monkeypatch, capsys, tmp_path, arguments, message):
    def draw(*_: object, **__: object) -> None:
        raise AssertionError("pages were drawn")

    monkeypatch.setattr("workbench.workloads.ocr.tools.OcrTools.draw", draw)
    monkeypatch.setattr(sys, "argv", ["workbench", "check", *arguments, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.glob("pages-*")) == []


def test_knobs_that_are_the_same_are_named_before_anything_runs(check, capsys):
    check("--against", "cache=none", "--blocks", "1")
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("'this checkout' is the same as 'cache=none': whatever differs")
