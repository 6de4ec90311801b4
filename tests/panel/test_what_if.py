"""The tab "What if": sliders of the run's own stages, and an answer whenever one moves."""

from __future__ import annotations

import pytest
from ipywidgets.widgets.widget import _instances
from record_factory import make_failed
from run_factory import Run

from workbench.panel.run_list import ViewedRun
from workbench.panel.what_if import WhatIf
from workbench.records.run_folder import SPANS


class QuietRun(Run):
    loaded = preempted = 1.0


@pytest.fixture
def view(tmp_path) -> WhatIf:
    QuietRun().spans().to_parquet(tmp_path / SPANS)
    view = WhatIf()
    view.show(ViewedRun(QuietRun().record(), tmp_path))
    return view


def sliders(view: WhatIf) -> dict[str, object]:
    return {slider.description: slider for slider in view.widget.children[0].children}


def test_the_stages_that_could_give_most_have_a_slider_and_so_have_workers_and_device(view):
    found = sliders(view)
    assert next(iter(found)) == "decode"
    assert {"device", "workers"} <= set(found)
    assert "Move a slider" in view.answer.value


def test_a_slider_that_moves_is_a_question(view):
    sliders(view)["decode"].value = 0.5
    assert "decode x0.5" in view.answer.value
    sliders(view)["workers"].value = 2
    assert "decode x0.5, num_workers=2" in view.answer.value
    sliders(view)["decode"].value = 1.0
    assert "decode" not in view.answer.value


def test_what_cannot_be_answered_is_said(view):
    sliders(view)["workers"].value = 0
    assert "%" in view.answer.value or "alone" in view.answer.value


def test_looking_again_leaves_no_widget_behind(view, tmp_path):
    run = ViewedRun(QuietRun().record(), tmp_path)
    view.show(run)
    before = len(_instances)
    for _ in range(3):
        view.show(run)
    assert len(_instances) == before


def test_a_run_that_tells_too_little_says_so(tmp_path):
    QuietRun().spans().to_parquet(tmp_path / SPANS)
    view = WhatIf()
    view.show(ViewedRun(QuietRun().record(loader="webdataset"), tmp_path))
    assert "webdataset loader is not modelled" in view.answer.value
    assert view.widget.children[0].children == ()


def test_a_run_that_failed_says_so(tmp_path):
    view = WhatIf()
    view.show(ViewedRun(make_failed(), tmp_path))
    assert "This run failed" in view.answer.value
