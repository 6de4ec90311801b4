"""The panel in the classic Notebook 7."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from promise.lab_page import LabPage, served_lab

pytestmark = pytest.mark.browser

if importlib.util.find_spec("notebook") is None:
    pytest.skip("the package 'notebook' is not installed", allow_module_level=True)


def test_the_panel_runs_there_as_well(checkout: Path, tmp_path: Path, browser) -> None:
    with served_lab(checkout, tmp_path, app="notebook") as address:
        lab = LabPage(browser.tab())
        lab.open(f"{address}/notebooks/explore.ipynb")
        lab.press("Run")
        lab.until("cards.length === 1 && cards[0].innerText.includes('pages/s')")
        lab.until("[...panel.querySelectorAll('.js-plotly-plot .main-svg')].length > 0")
        lab.screenshot(checkout / "reports" / "screenshots" / "notebook7.png")
        assert lab.requests == []
        lab.page.context.close()
