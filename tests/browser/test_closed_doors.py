"""No text of a record, a data set or a script runs anything: every face of the product, full of what would."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hostile import ELSEWHERE
from hostile_pages import FACES
from matplotlib.backends import backend_svg

from workbench.explain.verdicts import gate
from workbench.panel import live, look, run_cards, sample_preview
from workbench.report.page_check import ExportFailed

pytestmark = pytest.mark.browser

#: Points at everything, opens what can be opened, and follows what a link would run.
_TOUCH = """() => {
    for (const one of document.querySelectorAll('*')) {
        for (const kind of ['mouseover', 'mouseenter', 'focus', 'toggle']) one.dispatchEvent(new Event(kind));
        if (one.tagName === 'A' && one.protocol === 'javascript:') one.click();
    }
}"""

#: Links that a text has brought: those of the page itself lead to its own sections.
_LINKS = """() => [...document.querySelectorAll('a[href], svg a')].map(one => one.getAttribute('href') || '')
    .filter(address => !address.startsWith('#')).length"""


@dataclass
class Harm:
    """What the texts of a page did.

    Attributes:
        ran: Numbers of the payloads that ran.
        dialogs: Dialogs that were opened.
        refused: Scripts and requests that only the page's policy kept from happening.
        asked: Addresses that it asked for.
        links: Links that it has, other than to its own sections.
        times: How often the first payload is in what can be read.
    """

    ran: list[int] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    links: int = 0
    times: int = 0

    @property
    def is_none(self) -> bool:
        return not (self.ran or self.dialogs or self.refused or self.asked or self.links)


def harm(browser, path: Path) -> Harm:
    """Open a page, touch all that is in it, and tell."""
    found = Harm()
    page = browser.tab()
    page.context.set_offline(True)
    page.add_init_script("window.ran = []; window.pwn = number => { window.ran.push(number); };")
    page.on("dialog", lambda dialog: (found.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda told: found.refused.append(told.text) if "Content Security" in told.text else None)

    def answer(route) -> None:
        """With nothing: a page that would be left for another is still there."""
        found.asked.append(route.request.url)
        route.fulfill(status=204)

    page.route(lambda address: address.startswith("http"), answer)
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    if page.locator(".wb-plot").count():
        page.wait_for_selector("body[data-figures=done]")
    page.evaluate(_TOUCH)
    for mark in page.locator(".points path, .bars path, .icicle path").all()[:8]:
        mark.hover(force=True)
        found.links += page.locator(".hoverlayer a").count()
    page.wait_for_timeout(200)
    found.ran = sorted(set(page.evaluate("window.ran")))
    found.links += page.evaluate(_LINKS)
    found.times = page.evaluate("document.documentElement.textContent").count("pwn(1)")
    page.context.close()
    return found


#: How often a face shows the payloads at least: what is not there can do no harm, and proves nothing.
TIMES = {
    "report of a run": 100, "report of a comparison": 80, "notebook by nbconvert": 60, "still pictures": 20,
    "history": 10, "summary in Markdown": 8, "lab": 150,
}  # fmt: skip


@pytest.mark.parametrize("face", FACES)
def test_no_text_runs_anything(browser, tmp_path, face: str) -> None:
    seen = harm(browser, FACES[face](tmp_path))
    assert seen.is_none, seen
    assert seen.times >= TIMES[face]


def unescaped(text: object, quote: bool = True) -> str:
    """The fault: what a text is where nobody has escaped it."""
    return str(text)


#: By face: what keeps its texts from being anything else, to be taken away.
HOLES = {
    "report of a run": [(html, "escape")],
    "still pictures": [(backend_svg, "_escape_cdata")],
    "history": [(html, "escape")],
    "summary in Markdown": [(gate, "_escaped")],
    "lab": [(module, "escape") for module in (run_cards, live, look, sample_preview)],
}


@pytest.mark.parametrize("face", HOLES)
def test_a_text_that_is_not_escaped_is_found(browser, tmp_path, monkeypatch, face: str) -> None:
    for module, name in HOLES[face]:
        monkeypatch.setattr(module, name, unescaped)
    try:
        page = FACES[face](tmp_path)
    except ExportFailed as refused:  # the page would fetch something: it is not even written
        assert ELSEWHERE in str(refused)
        return
    assert not harm(browser, page).is_none
