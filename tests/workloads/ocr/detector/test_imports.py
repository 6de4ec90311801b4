"""What a trial on the replay device imports: no torch, no timm."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "timm", "albumentations"}


def imported_by(module):
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "workbench.workloads.ocr.detector.postprocess",
        "workbench.workloads.ocr.detector.metric",
        "workbench.workloads.ocr.targets",
    ],
)
def test_finding_and_scoring_words_is_light(module):
    assert not imported_by(module) & HEAVY


def test_the_detector_imports_timm_only_to_build():
    modules = imported_by("workbench.workloads.ocr.detector.model")
    assert "torch" in modules
    assert "timm" not in modules
