"""The exported page is whole and asks the network for nothing; a page that would is refused."""

from __future__ import annotations

from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.report.html import ExportFailed, export_html


def write_notebook(path: Path, *outputs: dict, markdown: str = "# A report") -> Path:
    shown = [new_output("display_data", data) for data in outputs]
    cell = new_code_cell("secret_code()", execution_count=1, outputs=shown)
    nbformat.write(new_notebook(cells=[new_markdown_cell(markdown), cell]), path)
    return path


def figure(title: str = "a figure") -> dict:
    drawn = go.Figure(go.Bar(x=[1, 2], y=[3, 4]), layout={"title": title})
    return {"application/vnd.plotly.v1+json": drawn.to_plotly_json(), "text/plain": "Figure"}


def test_plotly_is_in_it_once_whatever_the_number_of_figures(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure(), figure(), figure())
    page = export_html(notebook, tmp_path / "a.html", title="Title & more").read_text()
    assert page.count('Plotly.newPlot("') == 3
    assert page.count("plotly.js v") == 1
    assert "<title>Title &amp; more</title>" in page
    assert "secret_code" not in page
    assert len(page) < 6_000_000


def test_without_figures_there_is_no_plotly(tmp_path):
    page = export_html(write_notebook(tmp_path / "a.ipynb"), tmp_path / "a.html").read_text()
    assert "plotly.js v" not in page
    assert len(page) < 1_000_000


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img src='http://example.org/a.png'>",
        '<link rel="stylesheet" href="https://example.org/a.css">',
        "<style>@import 'https://example.org/a.css'</style>",
        "<div style='background:url(https://example.org/a.png)'>x</div>",
    ],
)
def test_what_would_be_fetched_is_refused_and_nothing_is_written(tmp_path, html):
    with pytest.raises(ExportFailed, match="network"):
        export_html(write_notebook(tmp_path / "a.ipynb", {"text/html": html}), tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_a_link_to_follow_is_no_fetch(tmp_path):
    export_html(write_notebook(tmp_path / "a.ipynb", markdown="[a link](https://example.org)"), tmp_path / "a.html")


def test_a_figure_cannot_end_its_script(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure("</script><script>alert(1)</script>"))
    assert "alert(1)</script>" not in export_html(notebook, tmp_path / "a.html").read_text()


def test_widget_state_is_left_out(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb")
    content = nbformat.read(notebook, as_version=4)
    content.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "x": "widget-state-here"}}
    nbformat.write(content, notebook)
    assert "widget-state-here" not in export_html(notebook, tmp_path / "a.html").read_text()
