"""The parameters that a committed notebook shows are the knobs, word for word. (Its form: tests/architecture.)"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from workbench.panel.parameters import COMPARE_KNOBS, EXPLORE_KNOBS, PROFILE_KNOBS, TRANSFORMS_KNOBS, knob_lines

NOTEBOOKS = {
    "profile": PROFILE_KNOBS,
    "compare": COMPARE_KNOBS,
    "transforms": TRANSFORMS_KNOBS,
    "explore": EXPLORE_KNOBS,
}


@pytest.mark.parametrize(("name", "knobs"), NOTEBOOKS.items())
def test_the_parameters_agree_with_the_knobs(checkout: Path, name: str, knobs: tuple[str, ...]) -> None:
    lines = nbformat.read(checkout / "notebooks" / f"{name}.ipynb", as_version=4).cells[1].source.splitlines()

    assert lines[1 : 1 + len(knobs)] == knob_lines(knobs)
    assert lines[-1].startswith('reports: str = ""')
