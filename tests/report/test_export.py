"""The report of a comparison that has ended, made in a process of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fakes import FakeTrials

from workbench.errors import WorkbenchError
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records.run_folder import read_state
from workbench.report.export import export_report, main
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Of a comparison on a data set that is gone."""
    common = {"dataset": "gone", "stage_timing": False}
    variants = {"baseline": OcrKnobs(**common), "ram": OcrKnobs(**common, cache="decoded")}
    return Journal.begin(tmp_path / "comparisons" / "first", variants, runs=tmp_path / "runs", seed=0, num_blocks=3)


def test_a_comparison_that_has_ended_becomes_a_page_without_another_trial(journal: Journal, tmp_path: Path) -> None:
    rates = {"none": 50.0, "decoded": 80.0}
    run_comparison(journal, launch=FakeTrials(lambda knobs, number: rates[knobs.cache] * (1.0 + 0.001 * (number % 5))))
    before = read_state(journal.folder).trials
    html = tmp_path / "report.html"

    export_report(journal.folder, html, threading.Event())

    assert "'ram' is 1.60x" in html.read_text(encoding="utf-8").replace("&#x27;", "'")
    assert read_state(journal.folder).trials == before


def test_what_is_not_there_or_has_not_ended_is_one_line(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html = tmp_path / "report.html"
    assert main([str(tmp_path / "nothing"), str(html)]) == 1
    assert main([str(journal.folder), str(html)]) == 1

    missing, unfinished = capsys.readouterr().err.splitlines()
    assert "there is no state.json" in missing
    assert "the comparison has not come to its end" in unfinished
    assert not html.exists()


def test_whoever_asks_gets_the_reason(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"the report was not made: .*there is no state\.json"):
        export_report(tmp_path / "nothing", tmp_path / "report.html", threading.Event())


def test_an_export_can_be_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WorkbenchError, match="the report was not made: cancelled"):
        export_report(tmp_path, tmp_path / "report.html", cancel)
