"""A run as plain figures, where no panel can be shown."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from record_factory import make_failed, make_record

from workbench.errors import BadInput
from workbench.panel.static_view import latest_or_new, run_figures
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.fixture
def ran(monkeypatch) -> list[OcrKnobs]:
    knobs_run: list[OcrKnobs] = []

    def run(knobs, runs, *, on_event=None):
        knobs_run.append(knobs)
        return make_record()

    monkeypatch.setattr("workbench.panel.static_view.run_profiled", run)
    return knobs_run


def test_a_run_of_the_same_knobs_is_shown_again(reports, leave_run, ran) -> None:
    leave_run("2026-a", rate=40.0)
    leave_run("2026-b", rate=50.0, cache="decoded")
    leave_run("2026-c", make_failed())

    assert latest_or_new(reports, OcrKnobs()).run_id == "2026-a"
    assert ran == []


def test_without_one_it_is_run(reports, leave_run, ran) -> None:
    leave_run("2026-b", cache="decoded")
    knobs = OcrKnobs(num_pages=2)

    latest_or_new(reports, knobs)
    assert ran == [knobs]
    with pytest.raises(BadInput, match="there is no such folder"):
        latest_or_new(reports, OcrKnobs(dataset="nowhere"))


def test_a_failed_run_is_shown_without_figures_that_it_has_not(tmp_path) -> None:
    shown = run_figures(make_failed(message="<script>"), tmp_path)

    assert not any(isinstance(one, go.Figure) for one in shown)
    text = "".join(one._repr_html_() for one in shown)
    assert "&lt;script&gt;" in text and "<script>" not in text
