"""The inputs are checked once: by the command, or by whoever runs without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.commands.console import show_counted
from workbench.errors import BadInput
from workbench.measure.trial.inputs import check_inputs
from workbench.registry import INPUTS_CHECKED, checked, make_workload
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages import survey


def test_what_a_command_has_checked_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INPUTS_CHECKED, "1")

    assert check_inputs(OcrKnobs(dataset="nowhere")) is None


def test_without_a_command_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INPUTS_CHECKED, raising=False)

    with pytest.raises(BadInput, match="there is no such folder"):
        check_inputs(OcrKnobs(dataset="nowhere"))


def test_a_large_data_set_says_how_far_it_is_looked_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(survey, "LARGE", 2)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with show_counted("pages looked over") as on_sample:
        description = check_inputs(OcrKnobs(), on_sample)
    assert description is not None
    number = description.num_samples
    assert f"[{number}/{number}] pages looked over" in capsys.readouterr().err


def test_a_trial_says_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(survey, "LARGE", 2)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    told: list[tuple[int, int]] = []
    workload = make_workload(OcrKnobs(num_pages=3))
    assert checked(workload, "ocr", lambda done, total: told.append((done, total))).num_samples == 3
    assert told[-1] == (3, 3)
