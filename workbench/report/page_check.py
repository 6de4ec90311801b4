"""Is a page whole? It shows every figure, and asks neither the network nor files beside it for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from workbench.errors import WorkbenchError
from workbench.report.page_figures import PLOT_CLASS

#: How plotly.js begins.
_BUNDLE = "plotly.js v"

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


def check_page(body: str, figures: list[Any]) -> None:
    """Look through a page before it is written.

    Args:
        body: The page.
        figures: The plotly figures that it is to show, as JSON.

    Raises:
        ExportFailed: Where a figure is missing, plotly.js is not in it exactly once, or it would load something.
    """
    page = _Resources()
    page.feed(body)
    page.close()
    if page.figures != len(figures):
        raise ExportFailed(f"the page would show {page.figures} of {len(figures)} figures")
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
        figures: Boxes that figures are drawn into.
        bundles: How often plotly.js is in it. Its text is not looked through: it names addresses of maps that are
            fetched only for figures that have one, which `_asked_by` tells.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.figures = 0
        self.bundles = 0
        self._inside = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of a tag."""
        self._inside = "data" if tag == "script" and ("type", "application/json") in attrs else tag
        for name, value in attrs:
            if name in _FETCHING or (name == "href" and tag in _FETCHING_HREF):
                # A set of pictures names several addresses, with a width behind each.
                addresses = re.split(r",\s+", value or "") if name == "srcset" else [value or ""]
                self._note(*(address.split()[0] for address in addresses if address.strip()))
            elif name == "style":
                self._note(*_matches(_CSS_FETCHES, value or ""))
            elif name == "class" and PLOT_CLASS in (value or "").split():
                self.figures += 1

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
        elif self._inside == "script":
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
