"""Training leaves weights that say how they were made, and that a trial takes."""

from __future__ import annotations

from scripts.train_shipped_weights import train
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.weights_file import describe, load_weights


def test_a_few_steps_leave_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train(first, count=3, steps=2, batch_size=1, seed=3)
    train(second, count=3, steps=1, batch_size=1, seed=3, start=str(first))
    told = describe(second)["command"]
    assert told.startswith("workbench train --count 3 --steps 2")
    assert "then workbench train --count 3 --steps 1" in told
    load_weights(build_detector("lcnet_050", "fpn_small"), str(second), encoder="lcnet_050", neck="fpn_small")
