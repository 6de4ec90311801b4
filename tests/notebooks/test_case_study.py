"""The case study, run by its command on a few pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from examples.case_study.record import read_case_study
from workbench import cli
from workbench.records.run_folder import read_comparison

pytestmark = pytest.mark.real

QUICK = (
    "num_pages=4", "num_workers=0", "batch_size=2", "num_steps=2", "replay_ms_per_sample=0.1", "isolated_samples=2",
)  # fmt: skip

#: What takes long to start, or does nothing that other tests don't see.
LEFT_OUT = ("dali", "conditional", "tensor", "uncached", "cached", "prepared")


def test_the_case_study_runs_from_the_command(tmp_path: Path, monkeypatch, capfd) -> None:
    knobs = [argument for knob in QUICK for argument in ("-p", knob)]
    left_out = [argument for name in LEFT_OUT for argument in ("--leave-out", name)]
    monkeypatch.setattr(
        sys, "argv", ["workbench", "study", *knobs, *left_out, "--blocks", "1", "--out", str(tmp_path)]
    )

    with pytest.raises(SystemExit) as end:
        cli.main()

    assert int(end.value.code or 0) == 0
    (folder,) = (tmp_path / "comparisons").iterdir()
    comparison = read_comparison(folder)
    results = {variant.name: variant for variant in comparison.variants}
    assert list(results) == ["baseline", "RAM image cache", "Normalize knocked out", "WebDataset"]
    checks = results["WebDataset"].checks
    assert checks is not None and checks.status == "same"  # the same pages, from shards
    study = read_case_study(folder)
    found = {finding.claim.name: finding for finding in study.findings}
    assert found["memory"].verdict == "does not hold"
    assert found["ram"].verdict == "not decided"  # one block
    assert found["same result"].verdict == "does not hold"  # the planted fault was found
    assert "was left out" in found["tensor"].reason
    printed = capfd.readouterr().out
    assert study.headline in printed
    (html,) = tmp_path.glob("case_study-*.html")
    assert f"Report: {html}" in printed
    page = html.read_text(encoding="utf-8")
    assert "A cache of decoded images in memory makes the run faster" in page
    assert "channels exchanged" in page
