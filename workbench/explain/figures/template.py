"""How all figures look: one plotly template, and one colour for each stage wherever it appears."""

from __future__ import annotations

import html
import re
import zlib

import plotly.graph_objects as go

from workbench.explain.breakdown import FREE
from workbench.explain.table import Tone
from workbench.records import Record
from workbench.stages import UNATTRIBUTED, Catalogue

#: Okabe and Ito's colours, which colour-blind readers distinguish, and shades of them for the many stages.
BLUE, SKY, GREEN, ORANGE, RED, PINK = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
INK, SOFT, MUTED, FAINT = "#1F2933", "#52606D", "#7B8794", "#D9DEE4"

#: What is wrong: time that no stage explains, results that differ, parts that don't add up.
ALARM = "#C81E1E"

#: Colours of series that have no meaning of their own.
SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, RED)

#: The colours of what a cell or a point means.
TONES: dict[Tone, str] = {
    "plain": INK, "good": GREEN, "bad": RED, "undecided": BLUE, "soft": SOFT, "alarm": ALARM,
}  # fmt: skip

#: Room below the axis for a legend of one row, and for each further one.
LEGEND_PX, LEGEND_ROW_PX = 76, 18

#: Room above the axis for a title and the line below it.
TITLE_PX = 76

#: What is left of a lane's time.
_LEFT_OVER = {UNATTRIBUTED: ALARM, FREE: "#E4E7EB"}

#: For stages that name no colour: those of a user's own pipeline.
_OTHERS = (
    "#4E79A7", "#59A14F", "#9C755F", "#A89F91", "#76B7B2", "#A0A04A", "#C4B7CB", "#B07AA1", "#7B5EA7", "#D98A3D",
    "#5F7A8C",
)  # fmt: skip

_HEX = re.compile(r"#[0-9A-Fa-f]{6}")

#: What a report shows instead where the reader's screen is dark; colours that aren't here are seen on both.
DARK_COLOURS = {
    "white": "#14181D",
    INK: "#E6E9ED",
    SOFT: "#A9B4C0",
    MUTED: "#8A97A5",
    FAINT: "#39424D",
    ALARM: "#FF7B72",
    BLUE: "#3A97D4",
    SKY: "#7CC4F0",
    "#E4E7EB": "#2A313A",
    "#CBD2D9": "#3F4954",
    "#9AA5B1": "#6B7785",
    "#3D5A80": "#5479AB",
    "#293F5E": "#41628F",
}

#: How simulated values are drawn.
SIMULATED_PATTERN = {"shape": "/", "fgcolor": "white", "size": 6, "solidity": 0.25, "fillmode": "overlay"}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif", "size": 13, "color": INK},
        "title": {
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "pad": {"l": 12, "t": 14},
            "font": {"size": 16},
            "subtitle": {"font": {"size": 12.5, "color": SOFT}},
        },
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 12, "r": 24, "t": TITLE_PX, "b": 12},
        "xaxis": {
            "gridcolor": FAINT,
            "zeroline": False,
            "linecolor": MUTED,
            "automargin": True,
            "ticks": "outside",
            "title": {"font": {"size": 13}, "standoff": 10},
        },
        "yaxis": {
            "gridcolor": FAINT,
            "zeroline": False,
            "automargin": True,
            "title": {"font": {"size": 13}, "standoff": 10},
        },
        "hoverlabel": {"font": {"size": 12}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 11},
        },
    }
)


def plain(text: str) -> str:
    """Text that plotly shows as it is: names may look like the few HTML tags that it understands."""
    return html.escape(text, quote=False)


def capital(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def colour_of(stage: str, declared: str = "") -> str:
    """The colour of a stage, the same wherever it appears.

    Args:
        stage: Its name, by which it is given a colour where none is declared.
        declared: What the catalogue of stages says, ``"#RRGGBB"``; anything else counts as none.
    """
    if stage in _LEFT_OVER:
        return _LEFT_OVER[stage]
    return declared if _HEX.fullmatch(declared) else _OTHERS[zlib.crc32(stage.encode()) % len(_OTHERS)]


def colours_of(record: Record) -> dict[str, str]:
    """The colour of each stage that a record has times of, and of what is left over."""
    declared = {row.name: record.catalogue.find(row.lane, row.name).colour for row in record.stages}
    return {stage: colour_of(stage, colour) for stage, colour in {**declared, **_LEFT_OVER}.items()}


def stage_colour(stage: str, catalogue: Catalogue | None = None) -> str:
    """The colour of a stage of which only the name is known.

    Args:
        stage: Its name.
        catalogue: What the stages are; by default only those of the measured loop are known.
    """
    known = catalogue or Catalogue()
    return colour_of(stage, next((found.colour for found in known if found.name == stage), ""))


def text_colour(background: str) -> str:
    """Black or white, whichever is read more easily on a colour ``#rrggbb``. The page's script asks no other rule."""
    red, green, blue = (int(background[start : start + 2], 16) for start in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "white"
