"""The exported page is whole and asks the network for nothing; a page that would is refused."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.explain.figures.description import describe
from workbench.explain.table import make_table
from workbench.report.html import NOT_IN_REPORT, ExportFailed, export_html


def write_notebook(path: Path, *outputs: dict, markdown: str = "# A report") -> Path:
    nbformat.write(new_notebook(cells=[new_markdown_cell(markdown), write_cell(*outputs)]), path)
    return path


def write_cell(*outputs: dict):
    shown = [new_output("display_data", data) for data in outputs]
    return new_code_cell("secret_code()", execution_count=1, outputs=shown)


def figure(title: str = "a figure") -> dict:
    drawn = go.Figure(go.Bar(x=[1, 2], y=[3, 4]), layout={"title": title})
    return {"application/vnd.plotly.v1+json": drawn.to_plotly_json(), "text/plain": "Figure"}


def test_plotly_is_in_it_once_whatever_the_number_of_figures(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure(), figure(), figure())
    page = export_html(notebook, tmp_path / "a.html", title="Title & more").read_text()
    assert page.count('class="wb-plot"') == 3
    assert page.count('id="wb-plotly"') == 1
    assert "<title>Title &amp; more</title>" in page
    assert "secret_code" not in page
    assert len(page) < 3_000_000


def test_without_figures_there_is_no_plotly(tmp_path):
    page = export_html(write_notebook(tmp_path / "a.ipynb"), tmp_path / "a.html").read_text()
    assert 'id="wb-plotly"' not in page
    assert len(page) < 1_000_000


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img src='http://example.org/a.png'>",
        '<link rel="stylesheet" href="https://example.org/a.css">',
        "<img src='//example.org/a.png' alt='no protocol'>",
        "<img srcset='data:image/png;base64,AA== 1x, https://example.org/a.png 2x' alt='a set'>",
        "<svg><image href='https://example.org/a.png'/></svg>",
        "<video poster='https://example.org/a.png'></video>",
        "<object data='https://example.org/a.pdf'></object>",
        "<img src='beside.png' alt='a file beside the page'>",
    ],
)
def test_what_lies_elsewhere_is_refused_and_nothing_is_written(tmp_path, html):
    with pytest.raises(ExportFailed, match="network"):
        export_html(write_notebook(tmp_path / "a.ipynb", {"text/html": html}), tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_a_figure_whose_picture_lies_elsewhere_is_refused(tmp_path):
    drawn = go.Figure(layout={"images": [{"source": "https://example.org/logo.png"}]})
    notebook = write_notebook(tmp_path / "a.ipynb", {"application/vnd.plotly.v1+json": json.loads(drawn.to_json())})
    with pytest.raises(ExportFailed, match="network"):
        export_html(notebook, tmp_path / "a.html")


WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}


@pytest.mark.parametrize(
    "shown",
    [
        {**WIDGET, "text/plain": "FigureWidget({'data': []})"},
        {**WIDGET, "text/plain": "VBox(children=(FigureWidget({"},
        {"application/vnd.vegalite.v5+json": {}, "text/plain": "Chart"},
    ],
)
def test_a_figure_that_would_be_lost_is_refused_and_nothing_is_written(tmp_path, shown):
    with pytest.raises(ExportFailed, match="lost"):
        export_html(write_notebook(tmp_path / "a.ipynb", shown), tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_a_figure_inside_an_output_widget_is_not_lost_in_silence(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", {**WIDGET, "text/plain": "Output()"})
    content = nbformat.read(notebook, as_version=4)
    outputs = [{"output_type": "display_data", "data": figure(), "metadata": {}}]
    state = {"1": {"model_name": "OutputModel", "state": {"outputs": outputs}}}
    content.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    nbformat.write(content, notebook)
    with pytest.raises(ExportFailed, match="widget would be lost"):
        export_html(notebook, tmp_path / "a.html")


def test_plotly_twice_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", {"text/html": "<script>/* plotly.js v4.1.1 */</script>"})
    with pytest.raises(ExportFailed, match=r"plotly\.js would be in the page 1 times"):
        export_html(notebook, tmp_path / "a.html")


def test_a_button_is_no_figure(tmp_path):
    shown = {**WIDGET, "text/plain": "Button(description='Start')"}
    export_html(write_notebook(tmp_path / "a.ipynb", shown), tmp_path / "a.html")


def test_language_and_text_for_pictures_are_set(tmp_path):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    page = export_html(write_notebook(tmp_path / "a.ipynb", {"image/png": pixel}), tmp_path / "a.html").read_text()
    assert '<html lang="en">' in page
    assert page.count("<img") == page.count("alt=") == 1


def test_a_link_to_follow_is_no_fetch(tmp_path):
    export_html(write_notebook(tmp_path / "a.ipynb", markdown="[a link](https://example.org)"), tmp_path / "a.html")


def test_a_figure_cannot_end_its_script(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure("</script><script>alert(1)</script>"))
    assert "alert(1)</script>" not in export_html(notebook, tmp_path / "a.html").read_text()


def test_a_figure_has_its_title_as_text_a_description_and_its_numbers(tmp_path):
    table = make_table(("variant", "samples/s"), [("<b>", "3")])
    drawn = go.Figure(go.Bar(x=[3], y=["a"]))
    describe(drawn, "what it shows & more", axes="samples/s by variant", table=table)
    shown = {"application/vnd.plotly.v1+json": json.loads(drawn.to_json()), "text/plain": "Figure"}
    page = export_html(write_notebook(tmp_path / "a.ipynb", shown), tmp_path / "a.html").read_text()
    assert '<span class="wb-title">what it shows &amp; more</span>' in page
    assert 'role="img"' in page
    said = "what it shows &amp; more. Samples/s by variant. Its numbers are in the table below it."
    assert f'aria-label="{said}"' in page
    assert "<th scope='row'>&lt;b&gt;</th><td>3</td>" in page.replace('"', "'")
    assert "what it shows & more. Samples" not in page  # its words are said once, and not to plotly


def test_a_figure_of_somebody_else_has_its_title(tmp_path):
    shown = figure("what it <b>shows</b> &amp; more")
    page = export_html(write_notebook(tmp_path / "a.ipynb", shown), tmp_path / "a.html").read_text()
    assert '<span class="wb-title">what it shows &amp; more</span>' in page
    assert 'aria-label="what it shows &amp; more."' in page
    assert "Numbers of this figure" not in page


def test_only_the_pages_own_scripts_may_run(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure(), {"text/html": "<p>a finding</p>"})
    pages = [export_html(notebook, tmp_path / f"{name}.html").read_text() for name in "ab"]
    nonces = [re.search(r"script-src 'nonce-([\w-]{16,})'", page)[1] for page in pages]
    assert len(set(nonces)) == 2
    for page, nonce in zip(pages, nonces, strict=True):
        assert "default-src 'none'" in page
        scripts = {found for found in re.findall(r"<script\b([^>]*)>", page) if "application/" not in found}
        assert scripts == {f' nonce="{nonce}"'}


def test_markdown_that_a_cell_puts_out_is_no_html(tmp_path):
    findings = "- a `setting`\n- <img src=x onerror=alert(1)>\n\n<script>alert(2)</script>"
    notebook = write_notebook(tmp_path / "a.ipynb", {"text/markdown": findings}, markdown="# A <i>report</i>")
    page = export_html(notebook, tmp_path / "a.html").read_text()
    assert "<code>setting</code>" in page
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "&lt;img src=x" in page
    assert "<i>report</i>" in page  # what is written in the notebook itself is its author's


@pytest.mark.parametrize(
    "name",
    ["[a](javascript:x)", "![a](http://evil/a.png)", "<javascript:x>", "<http://evil>", "[a]: http://evil\n\n[a]"],
)
def test_a_name_in_markdown_leads_nowhere_and_fetches_nothing(tmp_path, name):
    notebook = write_notebook(tmp_path / "a.ipynb", {"text/markdown": f"- the stage {name} takes most"})
    page = export_html(notebook, tmp_path / "a.html").read_text(encoding="utf-8")
    found = page[page.index("<main") : page.index("</main>")]
    assert "<a " not in found and "<img" not in found
    assert "takes most" in found


def test_what_is_for_the_person_at_the_notebook_is_not_in_the_page(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", {"text/plain": "where it lies: /home/somebody"})
    content = nbformat.read(notebook, as_version=4)
    assert "/home/somebody" in export_html(notebook, tmp_path / "a.html").read_text()
    content.cells[1].metadata["tags"] = [NOT_IN_REPORT]
    nbformat.write(content, notebook)
    assert "/home/somebody" not in export_html(notebook, tmp_path / "a.html").read_text()


def test_sections_can_be_gone_to(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb")
    content = nbformat.read(notebook, as_version=4)
    content.cells += [new_markdown_cell("## How <sure>?\n\nVery.", id="one"), new_markdown_cell("## More", id="two")]
    nbformat.write(content, notebook)
    page = export_html(notebook, tmp_path / "a.html").read_text()
    assert '<a href="#one">How &lt;sure&gt;?</a>' in page
    assert page.index("<h1") < page.index("<nav") < page.index('id="one"') < page.index('id="two"')
    assert "anchor-link" not in page


def test_a_section_whose_cells_have_put_out_nothing_is_left_out(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb", figure())
    content = nbformat.read(notebook, as_version=4)
    content.cells += [
        new_markdown_cell("## Empty\n\nWhat would stand here."), new_code_cell("pass"), write_cell({"text/html": ""}),
        new_markdown_cell("## Words alone"),
        new_markdown_cell("## Full"), new_code_cell("pass"), write_cell({"text/plain": "something"}),
    ]  # fmt: skip
    nbformat.write(content, notebook)
    page = export_html(notebook, tmp_path / "a.html").read_text()
    assert "Empty" not in page and "What would stand here" not in page
    assert "Words alone" in page and "Full" in page and "something" in page


def test_a_figure_brings_a_picture_for_those_who_run_no_script(tmp_path):
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><text>drawn already</text></svg>"
    shown = {**figure(), "image/svg+xml": svg}
    page = export_html(write_notebook(tmp_path / "a.ipynb", shown, figure()), tmp_path / "a.html").read_text()
    pictures = re.findall(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(pictures) == 2
    assert base64.b64decode(pictures[0]).decode() == svg
    assert "a figure" in base64.b64decode(pictures[1]).decode()
    assert "drawn already" not in page


def test_a_notebook_of_one_part_has_no_list_of_sections(tmp_path):
    assert "<nav" not in export_html(write_notebook(tmp_path / "a.ipynb"), tmp_path / "a.html").read_text()


def test_widget_state_is_left_out(tmp_path):
    notebook = write_notebook(tmp_path / "a.ipynb")
    content = nbformat.read(notebook, as_version=4)
    content.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "x": "widget-state-here"}}
    nbformat.write(content, notebook)
    assert "widget-state-here" not in export_html(notebook, tmp_path / "a.html").read_text()
