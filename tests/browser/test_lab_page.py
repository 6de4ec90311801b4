"""A notebook that a person runs in JupyterLab leaves its page, with all that its cells have shown there."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from promise.lab_page import QUICK
from promise.lab_server import KERNEL_IS_IDLE, RUN_ALL, lab_server

pytestmark = pytest.mark.browser

_SHOWN = "[...document.querySelectorAll('.jp-OutputArea .js-plotly-plot')].length"


def test_it_is_there_after_run_all_and_again(checkout: Path, tmp_path: Path, browser) -> None:
    notebook = nbformat.read(checkout / "notebooks" / "profile.ipynb", as_version=4)
    values = {**QUICK, "num_steps": 4, "reports": str(tmp_path / "reports")}
    knobs = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    notebook.cells.insert(2, nbformat.v4.new_code_cell(knobs))
    changed = next(cell for cell in notebook.cells if "show_profilers(" in cell.source)
    changed.source = "display({'text/plain': 'changed by hand'}, raw=True)"
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "profile.ipynb")
    with lab_server(tmp_path / "server", tmp_path / "notebooks") as address:
        page = browser.tab()
        page.set_default_timeout(180_000)
        page.goto(f"{address}/lab/tree/profile.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        for count in (1, 2):
            page.wait_for_function(KERNEL_IS_IDLE)
            page.evaluate(RUN_ALL.replace("60000", "180000"))  # it runs trials
            reports = sorted((tmp_path / "reports").glob("profile-*.html"))
            assert len(reports) == count
            text = reports[-1].read_text(encoding="utf-8")
            assert text.count('class="wb-plot"') == 5
            assert text.count("changed by hand") == 1
            assert page.evaluate(_SHOWN) > 0, "plotly's own figures, not the pictures"
        page.context.close()
