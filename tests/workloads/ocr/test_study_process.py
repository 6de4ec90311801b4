"""The study runs in a process of its own; what it cannot look at is refused before it starts."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.study_process import check_study, read_study, run_study

pytestmark = pytest.mark.real


def test_it_leaves_its_figures(tmp_path):
    rounds: list[tuple[int, int]] = []
    folder = run_study(OcrKnobs(num_pages=2), tmp_path, on_round=lambda done, total: rounds.append((done, total)))
    assert rounds[-1] == (6, 6)
    assert read_study(folder).num_pages == 2


def test_what_is_wrong_with_the_pages_comes_back(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="the folder is empty"):
        run_study(OcrKnobs(dataset=str(tmp_path / "empty")), tmp_path / "runs")


def test_knobs_that_are_about_something_else_are_refused_together():
    with pytest.raises(BadInput) as caught:
        check_study(OcrKnobs(mode="train", cache="decoded"))
    assert len(caught.value.problems) == 2
