"""A report can be read without seeing it, and gone through with the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparison_page import NUM_FIGURES, write_page

pytestmark = pytest.mark.browser

#: What a reader with a screen reader would miss.
_FAULTS = """() => {
    const faults = [];
    const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1]);
    if (levels.filter(level => level === 1).length !== 1) faults.push('not one h1');
    levels.slice(1).forEach((level, at) => {
        if (level > levels[at] + 1) faults.push(`h${level} after h${levels[at]}`);
    });
    for (const image of document.querySelectorAll('img'))
        if (!(image.alt || '').trim() || image.alt.startsWith('No description')) faults.push('a picture without words');
    for (const figure of document.querySelectorAll('.wb-plot'))
        if (figure.getAttribute('role') !== 'img' || (figure.getAttribute('aria-label') || '').length < 20)
            faults.push('a figure without a description');
    for (const table of document.querySelectorAll('table')) {
        if (!table.querySelector('caption')) faults.push('a table without a caption');
        for (const head of table.querySelectorAll('th')) if (!head.scope) faults.push('a head of nothing');
        for (const row of table.querySelectorAll('tbody tr'))
            if (!row.querySelector('th[scope=row]')) faults.push('a row without a name');
    }
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    if (new Set(ids).size !== ids.length) faults.push('an id twice');
    for (const link of document.querySelectorAll('a[href^="#"]'))
        if (!document.getElementById(decodeURIComponent(link.hash.slice(1))))
            faults.push(`a link to nowhere: ${link.hash}`);
    if (!document.documentElement.lang) faults.push('no language');
    if (!document.querySelector('main')) faults.push('no main part');
    return faults;
}"""

_FOCUSED = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect();
    return {tag: at.tagName, text: (at.textContent || '').slice(0, 60), top: box.top + scrollY, left: box.left,
            width: box.width, outline: getComputedStyle(at).outlineStyle, isBody: at === document.body,
            place: [...document.querySelectorAll('*')].indexOf(at)};
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_page(tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_has_its_words(browser, report, width):
    page = browser.offline_tab(report, width=width)
    assert page.evaluate(_FAULTS) == []
    assert page.locator(".wb-plot").count() == NUM_FIGURES
    page.context.close()


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("document.querySelector('img').removeAttribute('alt')", "a picture without words"),
        ("document.querySelector('.wb-plot').removeAttribute('aria-label')", "a figure without a description"),
        ("document.querySelector('caption').remove()", "a table without a caption"),
        ("document.querySelector('th').removeAttribute('scope')", "a head of nothing"),
        ("document.querySelector('h3').outerHTML = '<h5>deep</h5>'", "h5 after h2"),
        ("document.querySelector('h1').remove()", "not one h1"),
        ("document.querySelector('nav a').href = '#gone'", "a link to nowhere: #gone"),
    ],
)
def test_what_is_missing_would_be_found(browser, report, planted, found):
    page = browser.offline_tab(report)
    page.evaluate(planted)
    assert found in page.evaluate(_FAULTS)
    page.context.close()


def test_the_keyboard_goes_through_the_page_from_top_to_bottom(browser, report):
    page = browser.offline_tab(report)
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUSED)
        if stop["isBody"]:
            break
        stops.append(stop)
    assert [stop["tag"] for stop in stops[:2]] == ["A", "A"]
    assert stops[0]["text"] == "Skip to the answer"
    assert stops[0]["left"] >= 0  # it comes into sight with the focus
    assert [stop["place"] for stop in stops] == sorted(stop["place"] for stop in stops)
    assert all(stop["outline"] == "solid" and stop["width"] > 0 for stop in stops)
    assert sum(stop["tag"] == "SUMMARY" for stop in stops) == NUM_FIGURES
    assert {stop["tag"] for stop in stops} <= {"A", "SUMMARY", "SELECT", "DIV"}
    page.context.close()


def test_the_skip_link_leads_to_the_answer(browser, report):
    page = browser.offline_tab(report)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


def test_the_numbers_of_a_figure_can_be_opened(browser, report):
    page = browser.offline_tab(report)
    table = page.locator(".wb-numbers table").first
    assert not table.is_visible()
    page.locator(".wb-numbers summary").first.press("Enter")
    assert table.is_visible()
    assert "RAM image cache" in table.inner_text()
    page.context.close()


def test_what_is_scrolled_sideways_can_be_reached(browser, report):
    page = browser.offline_tab(report, width=390)
    page.evaluate("document.querySelectorAll('.wb-scroll').forEach(box => box.firstChild.style.minWidth = '900px')")
    page.set_viewport_size({"width": 380, "height": 800})
    page.wait_for_timeout(300)
    box = page.locator(".wb-scroll").first
    assert box.get_attribute("tabindex") == "0"
    assert box.get_attribute("aria-label")
    page.context.close()
