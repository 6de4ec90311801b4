"""An executed notebook as one HTML file that opens with no network and lacks nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.run_store import write_text

_TEMPLATES = Path(__file__).parent / "templates"
_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"

#: How plotly.js begins, and how the template begins a script that draws a figure.
_BUNDLE = "plotly.js v"
_FIGURE = "(() => {\nconst figure ="

#: Figures first: plotly's own text fallback must not win.
_PRIORITY = [
    _PLOTLY,
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

#: Plotly's traces that load their maps from elsewhere.
_MAPS = re.compile(r"(scatter|density)(geo|map)|choropleth")

#: Attributes that make a browser fetch something. A link to follow (`<a href>`) is none.
_FETCHING = ("src", "srcset", "poster", "data", "background", "xlink:href")
_FETCHING_HREF = ("link", "image", "use")
_INSIDE = ("data:", "#", "blob:", "about:")

_CSS_FETCHES = re.compile(r"""@import\s+(?:url\()?\s*["']?([^\s"';)]+)|url\(\s*["']?([^\s"')]+)""", re.IGNORECASE)
_JS_FETCHES = re.compile(
    r"""(?:\bimport|\bfrom|\bfetch|\bimportScripts|\.src\s*=|\.href\s*=)[\s(]*["'`]((?:https?:)?//[^\s"'`]+)"""
    r"""|\.open\s*\([^)]*["'`]((?:https?:)?//[^\s"'`]+)"""
)


class ExportFailed(WorkbenchError):
    """A page that would be incomplete, or would ask the network for something."""


def export_html(notebook: Path, html: Path, *, title: str | None = None) -> Path:
    """Write an executed notebook as HTML.

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
    import plotly
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    figures = _figures_to_draw(content)
    content.metadata.pop("widgets", None)  # megabytes of state that only a live kernel could use
    config = Config()
    config.NbConvertBase.display_data_priority = _PRIORITY
    config.TemplateExporter.exclude_input = True
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=config,
        template_name="offline",
        extra_template_basedirs=[str(_TEMPLATES)],
        extra_template_paths=[str(Path(plotly.__file__).parent / "package_data")],
    )
    body, _ = exporter.from_notebook_node(content, {"metadata": {"name": title or notebook.stem}})
    _check(body, figures)
    write_text(html, body)
    return html


def _figures_to_draw(content: Any) -> list[Any]:
    """The plotly figures of a notebook.

    Raises:
        ExportFailed: Where it shows a figure in a way that only a live kernel, or another library's script, can draw.
    """
    if _PLOTLY in json.dumps(content.metadata.get("widgets", {})):
        raise ExportFailed("a figure shown in a widget would be lost: show it with display(figure)")
    figures = []
    for cell in content.cells:
        for data in (output.get("data", {}) for output in cell.get("outputs", ())):
            if _PLOTLY in data:
                figures.append(data[_PLOTLY])
                continue
            is_widget = _WIDGET in data and "FigureWidget(" in "".join(data.get("text/plain", ""))
            is_foreign = any(map(_OTHER_FIGURES.match, data)) and not any(kind in data for kind in _PICTURES)
            if is_widget or is_foreign:
                kind = "FigureWidget" if is_widget else ", ".join(filter(_OTHER_FIGURES.match, data))
                where = f" (cell {cell.id})" if cell.get("id") else ""
                raise ExportFailed(f"a figure would be lost{where}: {kind}. Show a plotly Figure, or a picture of it")
    return figures


def _check(body: str, figures: list[Any]) -> None:
    drawn = body.count('Plotly.newPlot("')
    if drawn != len(figures):
        raise ExportFailed(f"the page would show {drawn} of {len(figures)} figures")
    page = _Resources()
    page.feed(body)
    page.close()
    if page.bundles != bool(figures):
        raise ExportFailed(
            f"plotly.js would be in the page {page.bundles} times: leave plotly's renderer as it is "
            "(pio.renderers.default), the page brings the script itself"
        )
    asked = {*page.found, *(address for figure in figures for address in _asked_by(figure))}
    if asked:
        raise ExportFailed(
            f"the page would load from the network or from files beside it: {', '.join(sorted(asked))}. "
            "Put it into the page (a data: address), or leave it out"
        )


class _Resources(HTMLParser):
    """What a browser would load for a page.

    Attributes:
        found: Addresses outside the page.
        bundles: How often plotly.js is in it. Its text is not looked through: it names addresses of maps that are
            fetched only for figures that have one, which `_asked_by` tells.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.bundles = 0
        self._inside = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of a tag."""
        self._inside = tag
        for name, value in attrs:
            if name in _FETCHING or (name == "href" and tag in _FETCHING_HREF):
                # A set of pictures names several addresses, with a width behind each.
                addresses = re.split(r",\s+", value or "") if name == "srcset" else [value or ""]
                self._note(*(address.split()[0] for address in addresses if address.strip()))
            elif name == "style":
                self._note(*_matches(_CSS_FETCHES, value or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of a tag that holds nothing."""
        self.handle_starttag(tag, attrs)
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Collect the text of a style sheet or a script."""
        if self._inside in ("style", "script"):
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Look at the style sheet or the script that ends here."""
        text = "".join(self._text)
        self._text.clear()
        if self._inside == "style":
            self._note(*_matches(_CSS_FETCHES, text))
        elif self._inside == "script" and _BUNDLE in text[:1000]:
            self.bundles += 1
        elif self._inside == "script" and not text.startswith(_FIGURE):
            self._note(*_matches(_JS_FETCHES, text))
        self._inside = ""

    def _note(self, *addresses: str) -> None:
        self.found.update(one for one in addresses if not one.lower().startswith(_INSIDE))


def _matches(pattern: re.Pattern[str], text: str) -> list[str]:
    return [next(filter(None, groups)) for groups in pattern.findall(text)]


def _asked_by(figure: Any) -> Iterator[str]:
    for trace in figure.get("data", ()):
        if _MAPS.match(trace.get("type", "")):
            yield f"maps for a '{trace['type']}' figure"
    for image in figure.get("layout", {}).get("images", ()):
        source = image.get("source") or "data:"
        if not source.startswith(_INSIDE):
            yield source
