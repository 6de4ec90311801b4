"""How all figures look: one plotly template, and one colour for each stage wherever it appears."""

from __future__ import annotations

import html
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

#: The shades of each family of stages: waiting is pale, work is coloured. A stage's name decides which shade it has;
#: there are so many that the stages of the measured loop have one each.
_FAMILIES: dict[str, tuple[str, ...]] = {
    "wait": ("#CBD2D9", "#CBD2D9", "#E4E7EB", "#D5DAE0", "#9AA5B1", "#9AA5B1", "#E4E7EB", "#CBD2D9", "#E4E7EB"),
    "read": ("#A3805A", "#C9AD8C", "#7A5C38", "#B79268", "#9C7A50", "#8C6D46"),
    "image": ("#A78BCB", "#7B5EA7", BLUE, "#4B93C4", "#6F78B8", "#2F6690"),
    "normalize": (RED, "#B34700", "#D98A3D", "#E58A5B"),
    "maps": ("#5F7A8C", GREEN, "#4C9A7B", "#8BA3B3", "#2F7F62"),
    "move": (
        ORANGE, "#B8A99A", "#D9A441", "#8FC1C9", "#C9B458", "#F0C674", "#2A9DC7", "#6AA7A0", "#4FA3B5", SKY,
    ),
    "model": ("#54709A", "#7F9CC0", "#3D5A80", "#293F5E", "#98A9BF", "#6B8CAE"),
    "results": (PINK, "#E3B5CF", "#B3658F", "#D69ABD"),
}  # fmt: skip

#: For stages of no family: those of a user's own pipeline.
_OTHERS = ("#4E79A7", "#59A14F", "#9C755F", "#A89F91", "#76B7B2", "#A0A04A", "#C4B7CB", "#B07AA1")

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


def colour_of(family: str, stage: str) -> str:
    """The colour of a stage, the same wherever it appears.

    Args:
        family: The family of stages that it is of (`stages.Stage.colour`); any other name: none.
        stage: Its name.
    """
    if stage == UNATTRIBUTED:
        return ALARM
    shades = _FAMILIES["wait"] if stage == FREE else _FAMILIES.get(family, _OTHERS)
    return shades[zlib.crc32(stage.encode()) % len(shades)]


def families_of(record: Record) -> dict[str, str]:
    """The family of each stage that a record has times of."""
    return {row.name: record.catalogue.find(row.lane, row.name).colour for row in record.stages}


def stage_colour(stage: str, catalogue: Catalogue) -> str:
    """The colour of a stage of which only the name is known."""
    families = (known.colour for known in catalogue if known.name == stage)
    return colour_of(next(families, "other"), stage)


def text_colour(background: str) -> str:
    """Black or white, whichever is read more easily on a colour ``#rrggbb``. The page's script asks no other rule."""
    red, green, blue = (int(background[start : start + 2], 16) for start in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "white"
