"""The exported page in a real browser with the network blocked: no request leaves it, every figure is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import nbformat
import pandas as pd
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.still import SVG, picture_of
from workbench.explain.table import make_table, number
from workbench.report.html import export_html

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    figures = [go.Figure(go.Bar(x=[1, 2, 3], y=[3, 1, 2]), layout={"title": f"figure {n}"}) for n in range(2)]
    outputs = [
        new_output("display_data", {"application/vnd.plotly.v1+json": figure.to_plotly_json(), "text/plain": "Figure"})
        for figure in figures
    ]
    table = new_output("display_data", {"text/html": "<table class='wb-table'><tr><td>a cell</td></tr></table>"})
    cells = [new_markdown_cell("# A report"), new_code_cell("", execution_count=1, outputs=[*outputs, table])]
    path = tmp_path / "report.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_the_page_is_whole_without_a_network(browser, notebook):
    opened = browser.open(export_html(notebook, notebook.with_suffix(".html")))
    assert opened.requests == []
    assert opened.errors == []
    assert opened.figures == 2
    assert "a cell" in opened.text
    picture = Image.open(io.BytesIO(opened.screenshot))
    assert len(picture.convert("RGB").resize((200, 200)).getcolors(40000)) > 20


def test_the_page_fits_a_narrow_screen(browser, notebook):
    opened = browser.open(export_html(notebook, notebook.with_suffix(".html")), width=400)
    assert opened.figures == 2
    assert opened.cut_off == 0


WORDS = "a column of a table that is much too wide for a phone"


def test_tables_of_any_kind_scroll_within_themselves(browser, tmp_path):
    frame = pd.DataFrame({f"{WORDS} {n}": ["x" * 40] for n in range(6)})
    row = "|" + "|".join(f" {WORDS.replace(' ', '_')} " for _ in range(6)) + "|"
    markdown = f"{row}\n|{'---|' * 6}\n{row}"
    source = f"<details open><summary>{'module.' * 20}function</summary></details>"
    own = html_table(make_table([f"{WORDS} {n}" for n in range(9)], [[number("1234567.8 ms")] * 9]))
    shown = [{"text/html": part} for part in (frame.to_html(), source, own)] + [{"text/markdown": markdown}]
    cell = new_code_cell("", execution_count=1, outputs=[new_output("display_data", data) for data in shown])
    path = tmp_path / "tables.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(markdown), cell]), path)
    page = browser.offline_tab(export_html(path, path.with_suffix(".html")), width=390)
    assert page.locator("table").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("[tabindex='0']").count() == 4, "and by the keyboard"
    page.context.close()


def test_where_no_script_runs_there_are_still_pictures(browser, notebook):
    path = export_html(notebook, notebook.with_suffix(".html"))
    page = browser.scriptless_tab(path)
    widths = [one.bounding_box()["width"] for one in page.locator(".wb-plot > img").all()]
    assert len(widths) == 2
    assert min(widths) > 300
    page.context.close()


def usual_export(notebook: Path) -> Path:
    """The page that ``jupyter nbconvert --to html`` makes."""
    from nbconvert import HTMLExporter

    page = notebook.with_suffix(".usual.html")
    page.write_text(HTMLExporter().from_filename(str(notebook))[0], encoding="utf-8")
    return page


def test_the_usual_export_would_be_caught(browser, notebook):
    """The planted fault: nbconvert's own template loses figures without pictures, and asks the network for scripts."""
    opened = browser.open(usual_export(notebook))
    assert opened.requests
    assert opened.figures == opened.pictures == 0


def test_the_usual_export_shows_the_still_picture_of_every_figure(browser, notebook):
    content = nbformat.read(notebook, as_version=4)
    for output in content.cells[1].outputs[:2]:
        output["data"][SVG] = picture_of(output["data"]["application/vnd.plotly.v1+json"])
    nbformat.write(content, notebook)
    opened = browser.open(usual_export(notebook))
    assert opened.pictures == 2
    assert "not able to be represented" not in opened.text
