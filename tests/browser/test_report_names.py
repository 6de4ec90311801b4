"""Names of pages, words and variants that look like HTML stay text, all the way from the folder to the browser."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from comparison_page import NUM_FIGURES, write_page
from nbformat.v4 import new_code_cell, new_notebook, new_output

from workbench import cli
from workbench.report.html import export_html

pytestmark = pytest.mark.browser

#: A file name holds no slash; U+2215 looks like one.
PAGES = (
    "<script>alert(1)<∕script>.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    '"><svg onload=alert(1)>.jpg',
    "' onmouseover='alert(1).jpg",
)
VARIANTS = ("<script>alert(1)</script>", "<b>bold</b> <img src>", "<a href>link</a> &amp; %{x}")
WORD = "<img src=x onerror=alert(2)>"

#: Elements that no part of a report makes.
_INJECTED = """() => [
    ...[...document.scripts].filter(script => !script.nonce && !script.type.startsWith('application/')),
    ...[...document.images].filter(image => !image.src.startsWith('data:')),
    ...document.querySelectorAll('svg[onload], iframe, object, embed, [onerror], [onload], [onmouseover]'),
    ...document.querySelectorAll('a:not([href^="#"]):not(.modebar-btn)'),
    ...document.querySelectorAll('.wb-title *, .wb-legend b, h3 *, caption *'),
    ...[...document.querySelectorAll('.wb-plot tspan')].filter(part => /^(bold|link)$/.test(part.textContent)),
].map(element => element.outerHTML.slice(0, 200))"""


@dataclass
class Seen:
    """What a page did and shows.

    Attributes:
        alerts: What it said in a dialog.
        refused: Scripts that its policy kept from running.
        requests: What it asked for.
        injected: Elements that came from a name.
        text: What can be read in it, figures included.
        figures: How many are drawn.
    """

    alerts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    text: str = ""
    figures: int = 0


def look(browser, path: Path, *, width: int = 1280) -> Seen:
    """Open a page, move over what can be moved over, and tell."""
    seen = Seen()
    page = browser.tab()
    page.set_viewport_size({"width": width, "height": 900})
    page.context.set_offline(True)
    page.on("dialog", lambda dialog: (seen.alerts.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda told: seen.refused.append(told.text) if "Content Security" in told.text else None)
    page.on("request", lambda asked: seen.requests.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    page.wait_for_selector("body[data-figures=done]")
    for mark in page.locator(".points path, .bars path").all()[:12]:
        mark.hover(force=True)
    seen.injected = page.evaluate(_INJECTED)
    seen.text = page.evaluate("document.body.innerText + [...document.querySelectorAll('svg')].map(s => s.textContent)")
    seen.figures = page.locator(".wb-plot .main-svg:first-child").count()
    page.context.close()
    return seen


@pytest.fixture(scope="module")
def evil_report(checkout: Path, tmp_path_factory) -> Path:
    """The page of a real race: of pages, words and variants with such names."""
    folder = tmp_path_factory.mktemp("evil")
    samples, data = checkout / "data_samples", folder / "pages"
    (data / "images").mkdir(parents=True)
    known = json.loads((samples / "annotations.json").read_text(encoding="utf-8"))["images"]
    entries = {}
    for evil, (name, entry) in zip(PAGES, known.items(), strict=False):
        shutil.copy(samples / "images" / name, data / "images" / evil)
        for word in entry["words"].values():
            word["transcription"] = WORD
        entries[evil] = entry
    (data / "annotations.json").write_text(json.dumps({"images": entries}), encoding="utf-8")
    knobs = (
        "device=replay", "replay_ms_per_sample=0.1", "num_workers=0", "batch_size=2", "num_steps=2", "image_size=320",
        "isolated_samples=2", f"dataset={data}",
    )  # fmt: skip
    arguments = [part for knob in knobs for part in ("-p", knob)]
    for number, name in enumerate(VARIANTS):
        arguments += ["--variant", f"{name}: {('cache=decoded', 'normalize=device', 'cache=prepared')[number]}"]
    short = ("--blocks", "1", "--whole-trials")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["workbench", "compare", *arguments, *short, "--out", str(folder / "out")])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    (html,) = (folder / "out").glob("compare-*.html")
    return html


def test_a_real_race_of_such_names_ends_in_a_page_of_text(browser, evil_report):
    seen = look(browser, evil_report)
    assert seen.alerts == []
    assert seen.refused == []  # nothing even tried
    assert seen.requests == []
    assert seen.injected == []
    assert seen.figures >= 5
    for name in VARIANTS:
        assert name in seen.text
    assert sum(name in seen.text for name in PAGES) >= 2  # two pages are shown as pictures
    assert evil_report.stat().st_size < 6_000_000


@pytest.mark.parametrize(
    ("prefix", "width"), [(VARIANTS[0], 1280), (VARIANTS[1], 390), (VARIANTS[2], 1280), (WORD, 390)]
)
def test_such_names_are_text_wherever_a_report_writes_them(browser, tmp_path, prefix, width):
    seen = look(browser, write_page(tmp_path / "report.html", prefix=prefix), width=width)
    assert seen.alerts == seen.refused == seen.requests == seen.injected == []
    assert seen.figures == NUM_FIGURES
    assert seen.text.count(prefix) > 20


def planted(tmp_path: Path) -> Path:
    """The fault: a name that nobody has escaped."""
    shown = new_output("display_data", {"text/html": f"<p>{WORD}</p><script>alert(5)</script>"})
    notebook = tmp_path / "planted.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("", execution_count=1, outputs=[shown])]), notebook)
    source = notebook.read_text(encoding="utf-8").replace("src=x", "src=data:,")
    notebook.write_text(source, encoding="utf-8")
    return export_html(notebook, tmp_path / "planted.html")


def test_a_name_that_is_not_escaped_would_be_found_and_still_runs_nothing(browser, tmp_path):
    seen = look(browser, planted(tmp_path))
    assert len(seen.injected) == 2
    assert len(seen.refused) >= 2
    assert seen.alerts == []


def test_without_its_policy_the_page_would_run_it(browser, tmp_path):
    page = planted(tmp_path)
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("Content-Security-Policy", "no-policy"), encoding="utf-8")
    assert "5" in look(browser, page).alerts
