"""The lab as a person uses it: a real JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from promise.lab_page import LabPage, served_lab

PROGRESS_MOVES = (
    "(() => { const step = /(\\d+) of \\d+ steps/.exec(text); window.steps ??= new Set();"
    " if (step) window.steps.add(step[1]); return window.steps.size >= 2; })()"
)

INTERVALS_ARE_DRAWN = (
    "[...panel.querySelectorAll('.js-plotly-plot')].some(d => d.layout?.xaxis?.title?.text === 'blocks done')"
)


@pytest.fixture(scope="module")
def served(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_lab(checkout, tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture
def lab(served: str, browser) -> Iterator[LabPage]:
    page = LabPage(browser.tab())
    page.open(f"{served}/lab/tree/explore.ipynb?reset")
    yield page
    page.page.context.close()


@pytest.fixture
def pictures(checkout: Path) -> Path:
    """Where screenshots are kept; git leaves that folder alone."""
    return checkout / "reports" / "screenshots"


def test_knobs_run_cancel_look_race_and_export(lab: LabPage, browser, pictures: Path) -> None:
    # Turn knobs: the slider, by key; the cache, by its button.
    lab.page.locator(".wb .noUi-handle").first.press("ArrowLeft")
    lab.press("decoded")
    lab.until("text.includes('Loading (1 changed)')")  # batch_size; workers and cache stand in front
    lab.screenshot(pictures / "lab-knobs.png")

    # What cannot run is refused at once, with a way out.
    lab.press("tensor")
    lab.until("text.includes('what the cache holds is normalized already. Take')")
    assert lab.page.locator(".wb .wb-run").is_disabled()
    lab.press("set normalize=cached")
    lab.until("!text.includes('is normalized already. Take')")
    lab.press("albumentations")
    lab.press("decoded")

    # Run; progress moves; the notebook stays usable meanwhile; cancel.
    lab.press("Run")
    lab.until(PROGRESS_MOVES)
    assert lab.run_in_kernel("6 * 7") == "42"
    lab.screenshot(pictures / "lab-running.png")
    lab.press("Cancel")
    lab.until("cards.length === 1 && cards[0].innerText.includes('cancelled')")

    # Run again: its card says what was changed, and the figure is this run's.
    lab.press("Run")
    lab.until("cards.length === 2 && cards[0].innerText.includes('pages/s')")
    lab.until("cards[0].innerText.includes('cache=decoded') && cards[0].innerText.includes('num_workers=1')")
    lab.until("[...document.querySelectorAll('.wb .js-plotly-plot .main-svg')].some(d => d.offsetParent ?? true)")
    first = lab.figure()
    assert "decode" not in first and "cache" in first

    # Another one: card and figure change.
    lab.press("none")
    lab.press("Run")
    lab.until("cards.length === 3 && cards[0].innerText.includes('pages/s')")
    lab.page.wait_for_function(
        "first => JSON.stringify([...document.querySelectorAll('.wb .js-plotly-plot')].filter(d => d.offsetParent)"
        ".map(d => d.data.map(t => [t.name, t.x]))) !== first",
        arg=first,
    )
    lab.screenshot(pictures / "lab-look.png")

    # Race the two.
    for number in (0, 1):
        lab.page.locator(".wb .wb-card input[type=checkbox]").nth(number).check()
    lab.tab("Compare")
    lab.until("text.includes('2 variants are ticked')")
    lab.page.locator(".wb .noUi-handle").nth(1).press("Home")  # as few blocks as can be
    lab.press("Race")
    lab.until(INTERVALS_ARE_DRAWN)
    lab.screenshot(pictures / "lab-race.png")
    lab.until("text.includes('The race is over') && [...panel.querySelectorAll('.wb-table')].some(t => t.offsetParent)")
    lab.screenshot(pictures / "lab-verdicts.png")

    # Export, and open the page with no network.
    lab.press("Export HTML")
    lab.page.wait_for_selector(".wb-report")
    report = Path(lab.page.inner_text(".wb-report"))
    opened = browser.open(report)
    (pictures / "report.png").write_bytes(opened.screenshot)
    assert opened.requests == []
    assert opened.errors == []
    assert opened.figures == report.read_text(encoding="utf-8").count('Plotly.newPlot("')
    assert opened.figures >= 4
    assert lab.requests == []
    assert lab.errors == []


def test_pages_are_seen_before_and_after_the_chain_and_bad_folders_are_said(lab: LabPage, pictures: Path) -> None:
    lab.tab("Data set")
    lab.page.wait_for_selector(".wb svg polygon", state="attached")
    assert lab.page.locator(".wb figure").count() == 3
    lab.screenshot(pictures / "lab-pages.png")

    folder = lab.page.locator(".wb .widget-combobox input")
    folder.fill("nowhere/<img src=x onerror=alert(1)>")
    folder.press("Enter")
    lab.until("text.includes('there is no such folder')")
    assert lab.page.locator(".wb img[src=x]").count() == 0
    lab.press("Run")
    lab.until("panel.querySelectorAll('.wb-bad').length >= 2 && !text.includes('Traceback')")


def test_an_earlier_run_is_there_when_the_notebook_is_opened_again(lab: LabPage) -> None:
    lab.until("cards.length >= 1 && panel.querySelector('.wb-shown')")
    lab.until("[...panel.querySelectorAll('.js-plotly-plot .main-svg')].length > 0")
