"""A real browser that reaches nothing but files."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

#: The page's script has drawn what there is; a page of another kind has none.
_IS_DRAWN = "() => document.body.dataset.figures === 'done' || !document.querySelector('.wb-plot')"

_CUT_OFF = """() => [...document.querySelectorAll('.js-plotly-plot, table')].filter(shown => {
    if (shown.getBoundingClientRect().right <= window.innerWidth) return false;
    for (let at = shown; at; at = at.parentElement) {
        const scrolls = ['auto', 'scroll'].includes(getComputedStyle(at).overflowX);
        if (scrolls && at.scrollWidth > at.clientWidth) return false;
    }
    return true;
}).length"""


@dataclass
class Opened:
    """What happened while a page was open.

    Attributes:
        requests: Everything but files that the page asked for; none of it was answered.
        errors: What it wrote to the console as an error.
        figures: Figures that plotly has drawn, at a size that can be seen.
        pictures: Pictures in the page that can be seen, drawings of plotly aside.
        cut_off: Figures and tables that reach beyond the window, and cannot be scrolled into it.
        text: What can be read on it.
        screenshot: The page as a picture.
    """

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    figures: int = 0
    pictures: int = 0
    cut_off: int = 0
    text: str = ""
    screenshot: bytes = b""


class Browser:
    """Opens files with the network blocked; and pages of servers on this machine."""

    def __init__(self, browser) -> None:
        self._browser = browser

    def tab(self):
        """A page with this machine's network, for servers that run here."""
        return self._browser.new_context(viewport={"width": 1400, "height": 900}).new_page()

    def offline_tab(self, path: Path, *, width: int = 1280, is_dark: bool = False):
        """A file that is open in a tab without any network: on a narrow screen, or on a dark one."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, offline=True, color_scheme="dark" if is_dark else "light"
        )
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_load_state("load")
        page.wait_for_function(_IS_DRAWN)
        return page

    def scriptless_tab(self, path: Path):
        """A file that is open where no script runs, as in the preview of a mail."""
        page = self._browser.new_context(java_script_enabled=False, offline=True).new_page()
        page.goto(path.as_uri())
        return page

    def open(self, path: Path, *, width: int = 1200) -> Opened:
        opened = Opened()
        context = self._browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        try:
            page = context.new_page()

            def note(request) -> None:
                if not request.url.startswith(("file:", "data:", "blob:")):
                    opened.requests.append(request.url)

            page.on("request", note)
            page.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: opened.errors.append(str(error)))
            page.goto(path.as_uri())
            page.wait_for_load_state("load")
            page.wait_for_function(_IS_DRAWN)
            page.wait_for_timeout(1000)
            drawn = page.locator(".js-plotly-plot:has(.main-svg)").all()
            opened.figures = sum((one.bounding_box() or {"height": 0})["height"] > 50 for one in drawn)
            pictures = page.locator("img, svg:not(.js-plotly-plot svg)").all()
            opened.pictures = sum((one.bounding_box() or {"height": 0})["height"] > 50 for one in pictures)
            opened.cut_off = page.evaluate(_CUT_OFF)
            opened.text = page.inner_text("body")
            opened.screenshot = page.screenshot(full_page=True)
        finally:
            context.close()
        return opened


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium or Chrome; installed from the system's packages where there is none and we may."""
    with (Path(tempfile.gettempdir()) / "workbench-tests-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # apt serves one at a time, and several processes test
        found = _found()
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
                subprocess.run(command, capture_output=True, timeout=600, check=False)
            found = _found()
    if found is None:
        pytest.skip("no Chromium or Chrome here, and none could be installed")
    return found


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        yield Browser(started)
        started.close()
