"""The gate: its exit codes, its summary, and what it refuses; with trials that end at once."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
from record_factory import make_failed, make_record

from workbench import cli
from workbench.measure.comparison import run as comparison_module
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

    monkeypatch.setattr(comparison_module, "run_comparison", partial(comparison_module.run_comparison, launch=trial))
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
    assert text.strip() in capsys.readouterr().out
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
