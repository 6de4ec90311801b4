"""Training leaves weights that say how they were made, and that a trial takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.train_shipped_weights import train
from workbench.errors import BadInput
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.weights_file import describe, load_weights

pytestmark = pytest.mark.real


def test_a_few_steps_leave_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train(first, count=3, steps=2, batch_size=1, seed=3)
    assert "[2/2] loss" in capsys.readouterr().err
    train(second, count=3, steps=1, batch_size=1, seed=3, start=str(first))
    command = describe(second)["command"]
    assert command.startswith("python scripts/train_shipped_weights.py --count 3 --steps 2")
    assert "then python scripts/train_shipped_weights.py --count 3 --steps 1" in command
    load_weights(build_detector("lcnet_050", "fpn_small"), str(second), encoder="lcnet_050", neck="fpn_small")


def test_a_file_that_cannot_be_written_is_refused_before_the_training(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        train(tmp_path, count=3, steps=1, batch_size=1)


def test_it_starts_as_a_script(checkout):
    command = [sys.executable, str(checkout / "scripts" / "train_shipped_weights.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "--steps" in done.stdout
