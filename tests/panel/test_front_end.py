"""Which front ends show the panel; and the figures that the others get."""

from __future__ import annotations

from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
from record_factory import make_failed, make_record

from workbench.errors import BadInput
from workbench.panel.front_end import find_front_end, latest_or_new, run_figures
from workbench.workloads.ocr.knobs import OcrKnobs

SERVED = {"JPY_SESSION_NAME": "explore.ipynb"}
IN_KERNEL = {"IPython": SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))}


def test_jupyterlab_and_notebook_show_it() -> None:
    assert find_front_end(True, {}, environment=SERVED, modules=IN_KERNEL).shows_panel


@pytest.mark.parametrize(
    ("interactive", "variables", "environment", "modules", "reason"),
    [
        (False, {}, {}, {}, "headless"),
        (True, {"__vsc_ipynb_file__": "a.ipynb"}, {}, {}, "VS Code"),
        (True, {}, {"VSCODE_PID": "1"}, {}, "VS Code"),
        (True, {}, {"COLAB_RELEASE_TAG": "release"}, {}, "Colab"),
        (True, {}, {}, {"google.colab": object()}, "Colab"),
    ],
)
def test_others_get_figures_and_the_reason(interactive, variables, environment, modules, reason) -> None:
    environment, modules = {**SERVED, **environment}, {**IN_KERNEL, **modules}
    found = find_front_end(interactive, variables, environment=environment, modules=modules)

    assert not found.shows_panel
    assert reason in found.reason


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_without_a_kernel_there_is_no_panel(shell) -> None:
    modules = {"IPython": SimpleNamespace(get_ipython=lambda: shell)}

    assert not find_front_end(True, {}, environment=SERVED, modules=modules).shows_panel
    assert not find_front_end(True, {}, environment=SERVED, modules={}).shows_panel


def test_a_kernel_that_no_server_started_gets_figures() -> None:
    assert not find_front_end(True, {}, environment={}, modules=IN_KERNEL).shows_panel


class FakeRun:
    """Takes the place of `run_profiled`: gives a record at once."""

    def __init__(self) -> None:
        self.knobs: list[OcrKnobs] = []

    def __call__(self, knobs, runs, *, on_event=None):
        self.knobs.append(knobs)
        return make_record()


def test_a_run_of_the_same_knobs_is_shown_again(reports, leave_run) -> None:
    leave_run("2026-a", rate=40.0)
    leave_run("2026-b", rate=50.0, cache="decoded")
    leave_run("2026-c", make_failed())
    run = FakeRun()

    assert latest_or_new(reports, OcrKnobs(), run=run).run_id == "2026-a"
    assert run.knobs == []


def test_of_a_run_with_profilers_the_clean_one_is_shown(reports, leave_run) -> None:
    leave_run("2026-a", make_record().model_copy(update={"profiled_run_id": "2026-b"}))
    leave_run("2026-b", profilers="lines")

    assert latest_or_new(reports, OcrKnobs(profilers="lines"), run=FakeRun()).run_id == "2026-a"


def test_without_one_it_is_run(reports, leave_run) -> None:
    leave_run("2026-b", cache="decoded")
    knobs, run = OcrKnobs(num_pages=2), FakeRun()

    latest_or_new(reports, knobs, run=run)
    assert run.knobs == [knobs]
    with pytest.raises(BadInput, match="there is no such folder"):
        latest_or_new(reports, OcrKnobs(dataset="nowhere"), run=run)
    assert run.knobs == [knobs]


def test_a_failed_run_is_shown_without_figures_that_it_has_not(tmp_path) -> None:
    shown = run_figures(make_failed(message="<script>"), tmp_path)

    assert not any(isinstance(item, go.Figure) for item in shown)
    text = "".join(item._repr_html_() for item in shown)
    assert "&lt;script&gt;" in text and "<script>" not in text
