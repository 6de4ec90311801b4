"""The inputs are checked once: by the command, or by whoever runs without one."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.measure.trial.inputs import check_inputs
from workbench.registry import INPUTS_CHECKED
from workbench.workloads.ocr.knobs import OcrKnobs


def test_what_a_command_has_checked_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INPUTS_CHECKED, "1")

    assert check_inputs(OcrKnobs(dataset="nowhere")) is None


def test_without_a_command_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INPUTS_CHECKED, raising=False)

    with pytest.raises(BadInput, match="there is no such folder"):
        check_inputs(OcrKnobs(dataset="nowhere"))
