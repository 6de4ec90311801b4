"""A training script of one's own in the lab: run, looked at, changed from outside, and compared, in a real browser."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from promise.lab_page import LabPage, served_lab

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).parents[1] / "observed_scripts" / "plain_loop.py"


@pytest.fixture
def lab(checkout: Path, tmp_path: Path, browser) -> Iterator[LabPage]:
    with served_lab(checkout, tmp_path / "lab") as address:
        page = LabPage(browser.tab())
        page.open(f"{address}/lab/tree/explore.ipynb?reset")
        yield page
        page.page.context.close()


def test_a_script_is_run_looked_at_and_compared_with_itself(lab: LabPage, checkout: Path) -> None:
    lab.tab("Your script")
    assert lab.page.locator(".wb").get_by_role("button", name="Run script").is_disabled()
    lab.write("command", shlex.join([sys.executable, str(SCRIPT), "1", "fork", "map"]))
    lab.write("num_steps", "12")
    lab.press("Run script")
    lab.until("cards[0]?.innerText.includes('samples/s')")
    lab.tab("Look")
    lab.until("[...panel.querySelectorAll('.js-plotly-plot .main-svg')].some(d => d.offsetParent ?? true)")
    assert "Images.__getitem__" in lab.figure() or "backward" in lab.figure()
    lab.screenshot(checkout / "reports" / "screenshots" / "lab-script.png")

    # Another number of workers, from outside; the script is as it was.
    lab.tab("Your script")
    lab.write("num_workers", "0")
    lab.press("Run script")
    lab.until("cards.length >= 2 && cards[0].innerText.includes('num_workers=0')")
    lab.until("cards[0].innerText.includes('samples/s')")

    lab.compare_newest_two()
    lab.until("text.includes('The comparison is over')")
    lab.screenshot(checkout / "reports" / "screenshots" / "lab-script-compared.png")
    assert lab.requests == []
    assert lab.errors == []
