"""The lab as a person uses it: a real JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from promise.lab_page import LabPage, served_lab
from record_factory import make_record

from workbench.records.run_folder import RECORD, write_json

pytestmark = pytest.mark.browser

PROGRESS_MOVES = (
    "(() => { const step = /(\\d+) of \\d+ steps/.exec(text); window.steps ??= new Set();"
    " if (step) window.steps.add(step[1]); return window.steps.size >= 2; })()"
)

FRESH = "cards[0]?.innerText.includes('pages/s')"

INTERVALS_ARE_DRAWN = (
    "[...panel.querySelectorAll('.js-plotly-plot')].some(d => d.layout?.xaxis?.title?.text === 'blocks done')"
)

IT_IS_OVER = (
    "text.includes('The comparison is over') && [...panel.querySelectorAll('.wb-table')].some(t => t.offsetParent)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the server; the results lie in `reports` below it."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def address(checkout: Path, folder: Path) -> Iterator[str]:
    with served_lab(checkout, folder) as found:
        yield f"{found}/lab/tree/explore.ipynb?reset"


@pytest.fixture
def lab(address: str, browser) -> Iterator[LabPage]:
    page = LabPage(browser.tab())
    page.open(address)
    yield page
    page.page.context.close()


@pytest.fixture
def pictures(checkout: Path) -> Path:
    """Where screenshots are kept; git leaves that folder alone."""
    return checkout / "reports" / "screenshots"


def test_knobs_run_cancel_look_compare_and_export(lab: LabPage, browser, pictures: Path) -> None:
    # Turn knobs: the slider, by key; the cache, by its button.
    lab.page.locator(".wb .noUi-handle").first.press("ArrowLeft")
    lab.press("decoded")
    lab.until("panel.textContent.includes('no page is decoded in the counted steps')")
    lab.screenshot(pictures / "lab-knobs.png")

    # What cannot run is refused at once, with a fix.
    lab.press("tensor")
    lab.until("text.includes('what the cache holds is normalized already. Take')")
    lab.until("panel.querySelector('.wb-run').disabled")
    lab.press("set normalize=cached")
    lab.until("!text.includes('is normalized already. Take')")
    lab.press("albumentations")
    lab.press("decoded")

    # Run; progress moves; the notebook stays usable meanwhile; cancel. It would last for an hour: the test decides.
    lab.fold("Measuring")
    lab.write("num_steps", "100000")
    lab.press("Run")
    lab.until(PROGRESS_MOVES)
    assert lab.run_in_kernel("6 * 7") == "42"
    lab.screenshot(pictures / "lab-running.png")
    lab.press("Cancel")
    lab.until("cards[0]?.innerText.includes('cancelled')")

    # Run again: its card says what was changed, and the figure is this run's.
    lab.write("num_steps", "40")
    lab.press("Run")
    lab.until(f"{FRESH} && cards[0].innerText.includes('cache=decoded')")
    lab.until("cards[0].innerText.includes('num_workers=1')")
    lab.until("[...document.querySelectorAll('.wb .js-plotly-plot .main-svg')].some(d => d.offsetParent ?? true)")
    first = lab.figure()
    assert "decode" not in first and "cache" in first

    # Another one: card and figure change.
    lab.press("none")
    lab.press("Run")
    lab.until(f"{FRESH} && !cards[0].innerText.includes('cache=decoded')")
    lab.page.wait_for_function(
        "first => JSON.stringify([...document.querySelectorAll('.wb .js-plotly-plot')].filter(d => d.offsetParent)"
        ".map(d => d.data.map(t => [t.name, t.x]))) !== first",
        arg=first,
    )
    lab.screenshot(pictures / "lab-look.png")

    # Compare the two.
    lab.compare_newest_two()
    lab.until(INTERVALS_ARE_DRAWN)
    lab.screenshot(pictures / "lab-compare.png")
    lab.until(IT_IS_OVER)
    lab.screenshot(pictures / "lab-verdicts.png")

    # Export, and open the page with no network.
    lab.press("Export HTML")
    lab.page.wait_for_selector(".wb-report")
    report = Path(lab.page.inner_text(".wb-report"))
    opened = browser.open(report)
    (pictures / "report.png").write_bytes(opened.screenshot)
    assert opened.requests == []
    assert opened.errors == []
    assert opened.figures == report.read_text(encoding="utf-8").count('class="wb-plot"')
    assert opened.figures >= 4
    assert lab.requests == []
    assert lab.errors == []


def test_samples_are_seen_on_their_way_and_bad_folders_are_said(lab: LabPage, pictures: Path) -> None:
    lab.tab("Data set")
    lab.page.wait_for_selector(".wb svg polygon", state="attached")
    lab.until("panel.querySelectorAll('figure').length === 3")
    lab.screenshot(pictures / "lab-samples.png")

    folder = lab.page.locator(".wb").get_by_placeholder("folder of page images")
    folder.fill("nowhere/<img src=x onerror=alert(1)>")
    folder.press("Enter")
    lab.until("text.includes('there is no such folder')")
    assert lab.page.locator(".wb img[src=x]").count() == 0
    lab.press("Run")
    lab.until("panel.querySelectorAll('.wb-bad').length >= 2 && !text.includes('Traceback')")


def test_a_run_that_somebody_else_left_is_listed_and_looked_at(address: str, browser, folder: Path) -> None:
    record = make_record(77.0, name="2099-made-elsewhere", cache="encoded")
    write_json(folder / "reports" / "runs" / record.run_id / RECORD, record)
    lab = LabPage(browser.tab())
    lab.open(address)

    lab.until("cards[0]?.innerText.includes('cache=encoded') && cards[0].classList.contains('wb-shown')")
    lab.until("text.includes('77.0 pages/s (on a simulated device)')")
    lab.until("[...panel.querySelectorAll('.js-plotly-plot .main-svg')].length > 0")
    lab.page.context.close()
