"""A figure as a part of a page: its title as text, the drawing described for those who cannot see it, its numbers."""

from __future__ import annotations

import base64
import html
import json
from typing import Any

from workbench.explain.figures.description import Description, take_description
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.template import DARK_COLOURS, text_colour

#: Class of the box that a figure is drawn into, once for each figure of a page.
PLOT_CLASS = "wb-plot"


def figure_block(figure: Any, picture: str | None = None) -> str:
    """HTML of a figure; the page's script draws it, as wide as there is room and in the colours of the screen.

    Args:
        figure: A plotly figure as JSON.
        picture: A still picture of it as SVG. It is seen until the figure is drawn; and where no script runs, as in a
            mail's preview.
    """
    said, drawn = take_description(figure)
    kind = "wb-figure wb-warns" if said.is_alarm else "wb-figure"
    return (
        f'<figure class="{kind}"><figcaption>{_caption(said)}</figcaption>'
        f'<div class="{PLOT_CLASS}" role="img" aria-label="{html.escape(said.alternative)}">{_still(picture)}</div>'
        f'<div class="wb-legend"></div>{_numbers(said)}'
        f'<script type="application/json">{script_json(drawn)}</script></figure>'
    )


def dark_colours() -> str:
    """For the page's script, as JSON: the colours of a dark screen, and the colour of a text within each of them."""
    exchanged = {light.lower(): dark for light, dark in DARK_COLOURS.items()}
    bars = [colour for colour in DARK_COLOURS.values() if colour.startswith("#")]
    return script_json({"colours": exchanged, "text": {colour: text_colour(colour) for colour in bars}})


def script_json(value: Any) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _still(picture: str | None) -> str:
    if not picture:
        return ""
    # As an image nothing in it can run, and its names meet none of the page's.
    packed = base64.b64encode(picture.encode("utf-8")).decode("ascii")
    return f'<img alt="" src="data:image/svg+xml;base64,{packed}">'


def _caption(said: Description) -> str:
    details = f'<span class="wb-details">{html.escape(said.details)}</span>' if said.details else ""
    return f'<span class="wb-title">{html.escape(said.title)}</span>{details}'


def _numbers(said: Description) -> str:
    table = html_table(said.table)
    return f'<details class="wb-numbers"><summary>Numbers of this figure</summary>{table}</details>' if table else ""
