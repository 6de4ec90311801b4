"""Is a page whole? It shows every figure, and nothing in it lies elsewhere.

The page's content security policy keeps it from asking anybody for anything; so what lies elsewhere would be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from workbench.errors import WorkbenchError
from workbench.report.page_figures import PLOT_CLASS

#: How plotly.js begins; and the id of the script that holds it packed.
_BUNDLE, _PACKED = "plotly.js v", "wb-plotly"

#: Attributes that make a browser fetch something. A link to follow (`<a href>`) doesn't.
_FETCHING = ("src", "srcset", "poster", "data", "background", "xlink:href")
_FETCHING_HREF = ("link", "image", "use")
_INSIDE = ("data:", "#", "blob:", "about:")


class ExportFailed(WorkbenchError):
    """A page that would be incomplete."""


def check_page(body: str, figures: list[Any]) -> None:
    """Look through a page before it is written.

    Args:
        body: The page.
        figures: The plotly figures that it is to show, as JSON.

    Raises:
        ExportFailed: Where a figure is missing, plotly.js is not in it exactly once, or a part of it lies elsewhere.
    """
    page = _Parts()
    page.feed(body)
    page.close()
    if page.figures != len(figures):
        raise ExportFailed(f"the page would show {page.figures} of {len(figures)} figures")
    if page.bundles != bool(figures):
        raise ExportFailed(
            f"plotly.js would be in the page {page.bundles} times: leave plotly's renderer as it is "
            "(pio.renderers.default), the page brings the script itself"
        )
    elsewhere = page.elsewhere.union(*map(_pictures_elsewhere, figures))
    if elsewhere:
        raise ExportFailed(
            f"a part of the page would be missing, for it is on the network or in a file: "
            f"{', '.join(sorted(elsewhere))}. Put it into the page (a data: address), or leave it out"
        )


class _Parts(HTMLParser):
    """What a page is made of.

    Attributes:
        elsewhere: Addresses outside the page of what it shows.
        figures: Boxes that figures are drawn into.
        bundles: How often plotly.js is in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: set[str] = set()
        self.figures = 0
        self.bundles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of a tag."""
        for name, value in attrs:
            if name in _FETCHING or (name == "href" and tag in _FETCHING_HREF):
                # A set of pictures names several addresses, with a width behind each.
                addresses = re.split(r",\s+", value or "") if name == "srcset" else [value or ""]
                named = [address.split()[0] for address in addresses if address.strip()]
                self.elsewhere.update(address for address in named if not address.lower().startswith(_INSIDE))
            elif name == "class" and PLOT_CLASS in (value or "").split():
                self.figures += 1
            elif (name, value) == ("id", _PACKED):
                self.bundles += 1

    def handle_data(self, data: str) -> None:
        """Look at the begin of a script."""
        self.bundles += self.cdata_elem == "script" and _BUNDLE in data[:1000]


def _pictures_elsewhere(figure: Any) -> Iterator[str]:
    for image in figure.get("layout", {}).get("images", ()):
        source = image.get("source") or "data:"
        if not source.startswith(_INSIDE):
            yield source
