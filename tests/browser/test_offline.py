"""The exported page in a real browser with the network blocked: no request leaves it, every figure is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from workbench.report.html import export_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


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


def test_the_usual_export_would_be_caught(browser, notebook, tmp_path):
    """The planted fault: nbconvert's own template loses the figures and asks the network for scripts."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_filename(str(notebook))
    usual = tmp_path / "usual.html"
    usual.write_text(body)
    opened = browser.open(usual)
    assert opened.requests
    assert opened.figures == 0
