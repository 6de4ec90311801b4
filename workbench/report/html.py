"""An executed notebook as one HTML file that opens with no network and lacks nothing."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
import secrets
from collections.abc import Iterator
from html import escape as html_of_text
from pathlib import Path
from typing import Any

from workbench.explain.figures.still import SVG, picture_of
from workbench.records.run_folder import write_text
from workbench.report.page_check import ExportFailed, check_page
from workbench.report.page_figures import dark_colours, figure_block

_TEMPLATES = Path(__file__).parent / "templates"
_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"

#: A figure as the page shows it, in place of plotly's JSON.
_FIGURE = "application/vnd.workbench.figure+html"

#: Cells whose outputs are for the person at the notebook and not for the readers of the page have this tag.
NOT_IN_REPORT = "not-in-report"

#: Figures first: plotly's own text fallback must not win.
_PRIORITY = [
    _FIGURE,
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/plain",
]

#: Figures of other libraries, which the page would show as a line of text where they bring no picture of themselves.
_OTHER_FIGURES = re.compile(r"application/vnd\.(vega|vegalite|bokehjs|holoviews)")
_PICTURES = ("text/html", "image/svg+xml", "image/png", "image/jpeg")

_SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)


def export_html(notebook: Path, html: Path, *, title: str | None = None) -> Path:
    """Write an executed notebook as HTML.

    Only the page's own scripts run, whatever a label or a file name in it looks like: its content security policy names
    them by a number that is drawn for this page, and allows no connection.

    Args:
        notebook: The notebook with its outputs.
        html: The file to write; it is there in full or not at all.
        title: Title of the page; by default the notebook's name.

    Returns:
        `html`.

    Raises:
        ExportFailed: Where a figure would be missing or the page would load something from elsewhere.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    content.metadata.pop("title", None)
    _drop_what_is_no_report(content)
    _drop_empty_sections(content)
    figures = _take_figures(content)
    content.metadata.pop("widgets", None)  # megabytes of state that only a live kernel could use
    config = Config()
    config.NbConvertBase.display_data_priority = _PRIORITY
    config.TemplateExporter.exclude_input = True
    config.HTMLExporter.exclude_anchor_links = True
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=config,
        template_name="offline",
        extra_template_basedirs=[str(_TEMPLATES)],
        filters={"markdown_of_findings": _markdown_of_findings},
    )
    resources = {
        "metadata": {"name": title or notebook.stem},
        "sections": _sections(content),
        "nonce": secrets.token_urlsafe(16),
        "plotly": _packed_plotly() if figures else "",
        "draw": (_TEMPLATES / "offline" / "figures.js").read_text(encoding="utf-8"),
        "style": (_TEMPLATES / "offline" / "page.css").read_text(encoding="utf-8"),
        "dark": dark_colours(),
    }
    body, _ = exporter.from_notebook_node(content, resources)
    check_page(body, figures)
    write_text(html, body)
    return html


def _markdown_of_findings(source: str) -> str:
    """What a cell has put out as Markdown, as HTML. Names may be in it, so that HTML, links and pictures are text."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        """No finding has a link, or a picture."""

        def link(self, text: str, url: str, title: str | None = None) -> str:
            return _as_written(text, url)

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return _as_written(text, url)

    renderer = Renderer(escape=True, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _as_written(text: str, url: str) -> str:
    """What looks like a link, as HTML that leads nowhere."""
    address = html_of_text(url)
    return text if text == address else f"[{text}]({address})"


@functools.cache
def _packed_plotly() -> str:
    """plotly.js as the page carries it, at a third of its size; the page's script unpacks it."""
    import plotly

    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, mtime=0)).decode("ascii")


def _drop_what_is_no_report(content: Any) -> None:
    for cell in content.cells:
        if NOT_IN_REPORT in cell.metadata.get("tags", ()):
            cell.outputs = []


def _drop_empty_sections(content: Any) -> None:
    """Leave out headings with their text whose cells have put out nothing, as where a run has failed."""
    kept = []
    for cells in _by_section(content.cells):
        code = [cell for cell in cells if cell.cell_type == "code"]
        is_empty = code and not any(map(_is_shown, (output for cell in code for output in cell.outputs)))
        if not is_empty or not _SECTION.search(cells[0].source):
            kept += cells
    content.cells = kept


def _is_shown(output: Any) -> bool:
    """Whether there is something to see in an output: a table without rows is nothing."""
    html = output.get("data", {}).get("text/html")
    return html is None or bool("".join(html).strip())


def _by_section(cells: list[Any]) -> Iterator[list[Any]]:
    section: list[Any] = []
    for cell in cells:
        if cell.cell_type == "markdown" and _SECTION.search(cell.source) and section:
            yield section
            section = []
        section.append(cell)
    if section:
        yield section


def _sections(content: Any) -> list[tuple[str, str]]:
    """Cell and heading of every section."""
    found = []
    for cell in content.cells:
        heading = _SECTION.search(cell.source) if cell.cell_type == "markdown" else None
        if heading and cell.get("id"):
            found.append((cell.id, heading[1].strip()))
    return found


def _take_figures(content: Any) -> list[Any]:
    """The plotly figures of a notebook; in their places comes what the page shows of them.

    Raises:
        ExportFailed: Where it shows a figure in a way that only a live kernel, or another library's script, can draw.
    """
    if _PLOTLY in json.dumps(content.metadata.get("widgets", {})):
        raise ExportFailed("a figure shown in a widget would be lost: show it with display(figure)")
    figures = []
    for cell in content.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if _PLOTLY in data:
                figure = data.pop(_PLOTLY)
                figures.append(figure)
                data[_FIGURE] = figure_block(figure, data.pop(SVG, None) or picture_of(figure))
                continue
            is_widget = _WIDGET in data and "FigureWidget(" in "".join(data.get("text/plain", ""))
            is_foreign = any(map(_OTHER_FIGURES.match, data)) and not any(kind in data for kind in _PICTURES)
            if is_widget or is_foreign:
                kind = "FigureWidget" if is_widget else ", ".join(filter(_OTHER_FIGURES.match, data))
                where = f" (cell {cell.id})" if cell.get("id") else ""
                raise ExportFailed(f"a figure would be lost{where}: {kind}. Show a plotly Figure, or a picture of it")
    return figures
