"""Which front ends show the panel."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workbench.panel.front_end import find_front_end

SERVED = {"JPY_SESSION_NAME": "explore.ipynb"}
IN_KERNEL = {"IPython": SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))}


def test_jupyterlab_and_notebook_show_it() -> None:
    assert find_front_end(True, {}, environment=SERVED, modules=IN_KERNEL).shows_panel


@pytest.mark.parametrize(
    ("interactive", "variables", "environment", "modules", "told"),
    [
        (False, {}, {}, {}, "headless"),
        (True, {"__vsc_ipynb_file__": "a.ipynb"}, {}, {}, "VS Code"),
        (True, {}, {"VSCODE_PID": "1"}, {}, "VS Code"),
        (True, {}, {"COLAB_RELEASE_TAG": "release"}, {}, "Colab"),
        (True, {}, {}, {"google.colab": object()}, "Colab"),
    ],
)
def test_others_get_figures_and_are_told_why(interactive, variables, environment, modules, told) -> None:
    environment, modules = {**SERVED, **environment}, {**IN_KERNEL, **modules}
    found = find_front_end(interactive, variables, environment=environment, modules=modules)

    assert not found.shows_panel
    assert told in found.told


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_without_a_kernel_there_is_no_panel(shell) -> None:
    modules = {"IPython": SimpleNamespace(get_ipython=lambda: shell)}

    assert not find_front_end(True, {}, environment=SERVED, modules=modules).shows_panel
    assert not find_front_end(True, {}, environment=SERVED, modules={}).shows_panel


def test_a_kernel_that_no_server_started_gets_figures() -> None:
    assert not find_front_end(True, {}, environment={}, modules=IN_KERNEL).shows_panel
