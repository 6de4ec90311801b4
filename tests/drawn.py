"""What a figure says and what plotly gets of it, as the exported page finds both in a notebook."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go

from workbench.explain.figures.description import Description, take_description


def said(figure: go.Figure) -> Description:
    """The description that travels with a figure."""
    return take_description(json.loads(figure.to_json()))[0]


def shown(figure: go.Figure) -> dict[str, Any]:
    """The figure as plotly draws it in a page."""
    return take_description(json.loads(figure.to_json()))[1]


def subtitle(figure: go.Figure) -> str:
    """The line below its title."""
    return str(figure.layout.title.subtitle.text)
