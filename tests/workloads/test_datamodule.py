"""A DataModule by what it can do: no line of it knows the workbench, and nothing of Lightning is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.launcher import run_trial

MODULE = """
import torch
from torch.utils.data import DataLoader, TensorDataset

class Squares:
    def setup(self, stage):
        self.data = TensorDataset(torch.arange(64.0)[:, None])
    def train_dataloader(self):
        return DataLoader(self.data, batch_size=8, shuffle=True)
    def val_dataloader(self):
        return DataLoader(self.data, batch_size=8)

class Several(Squares):
    def val_dataloader(self):
        return [super().val_dataloader()] * 2

class Nothing:
    pass
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "squares_module.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "squares_module", raising=False)


@pytest.mark.real
def test_a_datamodule_is_measured(tmp_path: Path) -> None:
    settings = {"workload": "datamodule:squares_module:Squares", "num_workers": 1, "batch_size": 4}
    record = run_trial(parse_knobs(settings), tmp_path)

    assert record.status == "ok", record.failure
    assert record.description.num_samples == 64 and record.steady.num_samples == 64
    assert any("own batch size is 8" in note for note in record.description.notes)


@pytest.mark.parametrize(("name", "words"), [("Nothing", "has no 'val_dataloader'"), ("Several", "gives 2 loaders")])
def test_what_cannot_be_measured_is_refused_in_words(name: str, words: str) -> None:
    with pytest.raises(BadInput, match="workload") as raised:
        check_inputs(parse_knobs({"workload": f"datamodule:squares_module:{name}"}))
    assert words in str(raised.value)
