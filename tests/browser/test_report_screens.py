"""A report is legible on a laptop, on a phone, on a dark screen and on paper."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from comparison_page import NUM_FIGURES, write_page
from PIL import Image

from workbench.explain.figures.template import DARK_COLOURS

pytestmark = pytest.mark.browser

PHONE_PX = 390
PAPER = (255, 255, 255)
DARK = tuple(int(DARK_COLOURS["white"][at : at + 2], 16) for at in (1, 3, 5))

#: Text whose contrast to what is behind it is below 4.5 (WCAG 2.2, 1.4.3); within figures that outside of bars.
_FAINT_TEXT = """() => {
    const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const [r, g, b, a] = rgb(getComputedStyle(at).backgroundColor);
            if (a === undefined || a > 0) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (!text || element.closest('script, style, .modebar, .bartext, .bars, .wb-legend i')) continue;
        const box = element.getBoundingClientRect();
        if (!box.width || !box.height || box.right < 0) continue;
        const style = getComputedStyle(element);
        const colour = rgb(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
        const [one, other] = [luminance(colour), luminance(behind(element))].sort((a, b) => b - a);
        if ((one + 0.05) / (other + 0.05) < 4.5) faint.push(`${text.slice(0, 40)} ${colour}`);
    }
    return faint;
}"""

_FIGURES = "[...document.querySelectorAll('.wb-plot .main-svg:first-child')]"
_FIGURE_GROUNDS = """() => [...document.querySelectorAll('.wb-plot .main-svg:first-child')]
    .map(drawing => getComputedStyle(drawing).backgroundColor)"""
_FIGURE_WIDTHS = f"() => {_FIGURES}.map(s => s.clientWidth)"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_page(tmp_path_factory.mktemp("report") / "report.html")


def ground(page) -> tuple[int, ...]:
    """The colour at the edge of a page."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB").getpixel((2, 2))


def grounds(page) -> set[tuple[int, ...]]:
    """The colours behind the figures."""
    return {tuple(map(int, re.findall(r"\d+", text)[:3])) for text in page.evaluate(_FIGURE_GROUNDS)}


@pytest.mark.parametrize("width", [PHONE_PX, 768, 1280])
def test_nothing_is_cut_off_or_needs_scrolling_sideways(browser, report, width):
    opened = browser.open(report, width=width)
    assert opened.figures == NUM_FIGURES
    assert opened.cut_off == 0
    assert opened.errors == []
    assert opened.requests == []
    page = browser.offline_tab(report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert max(page.evaluate(_FIGURE_WIDTHS)) <= width
    page.context.close()


def test_figures_follow_the_width_of_the_window(browser, report):
    page = browser.offline_tab(report)
    wide = page.evaluate(_FIGURE_WIDTHS)
    page.set_viewport_size({"width": PHONE_PX, "height": 800})
    page.wait_for_timeout(500)
    narrow = page.evaluate(_FIGURE_WIDTHS)
    assert min(wide) > 900
    assert max(narrow) <= PHONE_PX
    page.context.close()


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("width", [PHONE_PX, 1280])
def test_all_text_stands_out(browser, report, width, is_dark):
    page = browser.offline_tab(report, width=width, is_dark=is_dark)
    assert page.evaluate(_FAINT_TEXT) == []
    page.context.close()


def test_faint_text_would_be_found(browser, report):
    page = browser.offline_tab(report)
    page.evaluate("document.querySelector('.wb-title').style.color = '#AAAAAA'")
    page.evaluate("document.querySelector('.wb-plot .xtick text').style.fill = '#CCCCCC'")
    assert len(page.evaluate(_FAINT_TEXT)) == 2
    page.context.close()


def test_page_and_figures_are_as_dark_as_the_screen(browser, report):
    page = browser.offline_tab(report, is_dark=True)
    assert ground(page) == DARK
    assert grounds(page) == {DARK}
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert ground(page) == PAPER
    assert grounds(page) == {PAPER}
    page.context.close()


def test_on_paper_it_is_light_and_as_wide_as_paper_and_then_as_before(browser, report):
    page = browser.offline_tab(report, is_dark=True)
    before = page.evaluate(_FIGURE_WIDTHS)
    page.evaluate(
        f"window.addEventListener('beforeprint', () => window.onPaper = [({_FIGURE_GROUNDS})(), ({_FIGURE_WIDTHS})()])"
    )
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert paper.startswith(b"%PDF")
    on_paper, widths = page.evaluate("window.onPaper")
    assert {tuple(map(int, re.findall(r"\d+", text)[:3])) for text in on_paper} == {PAPER}
    assert max(widths) <= 703  # A4 between margins of 12 mm, at 96 pixels an inch
    page.wait_for_timeout(300)
    assert grounds(page) == {DARK}
    assert page.evaluate(_FIGURE_WIDTHS) == before
    page.emulate_media(media="print", color_scheme="dark")
    assert ground(page) == PAPER
    assert not page.is_visible("nav")
    page.context.close()


def test_a_phone_names_what_does_not_fit_into_its_bar(browser, report):
    wide, narrow = browser.offline_tab(report), browser.offline_tab(report, width=PHONE_PX)
    legend = ".wb-figure:has-text('of the time') .wb-legend"
    assert "decode" not in (wide.text_content(legend) or "")
    assert "decode" in (narrow.text_content(legend) or "")
    for page in (wide, narrow):
        page.context.close()
