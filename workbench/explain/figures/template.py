"""How all figures look: one plotly template, and one colour for each stage wherever it appears."""

from __future__ import annotations

import html
import zlib

import plotly.graph_objects as go

#: Okabe and Ito's colours, which colour-blind readers tell apart, and shades of them for the many stages.
BLUE, SKY, GREEN, ORANGE, RED, PINK = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
INK, MUTED, FAINT = "#1F2933", "#7B8794", "#D9DEE4"

#: What is wrong: time that no stage explains, pages that are others, parts that don't add up.
ALARM = "#C81E1E"

#: Room below the axis for a legend of one row, and for each further one.
LEGEND_PX, LEGEND_ROW_PX = 76, 18

#: Room above the axis for a title and the line below it.
TITLE_PX = 76

#: Waiting is pale, work is coloured, and what no stage explains is red.
_STAGES = {
    "idle": "#E4E7EB",
    "wait": "#E4E7EB",
    "fetch": "#CBD2D9",
    "drain": "#CBD2D9",
    "backlog": "#CBD2D9",
    "free": "#E4E7EB",
    "unattributed": ALARM,
    "start": "#9AA5B1",
    "epoch": "#9AA5B1",
    "read": "#8C6D46",
    "cache": "#B79268",
    "decode": BLUE,
    "orient": "#4B93C4",
    "LongestMaxSize": "#7B5EA7",
    "PadIfNeeded": "#A78BCB",
    "Normalize": RED,
    "ConditionalNormalize": "#B34700",
    "OpenCVNormalize": "#D98A3D",
    "resize": "#7B5EA7",
    "pad": "#A78BCB",
    "ToTensorV2": "#E58A5B",
    "keypoints": "#5F7A8C",
    "polygons": "#8BA3B3",
    "targets": GREEN,
    "collate": ORANGE,
    "send": "#F0C674",
    "receive": SKY,
    "transfer": "#2A9DC7",
    "forward": "#3D5A80",
    "loss": "#6B8CAE",
    "backward": "#293F5E",
    "optimizer": "#98A9BF",
    "postprocess": PINK,
    "metric": "#E3B5CF",
    "release": "#B8A99A",
    "pin": "#6AA7A0",
    "progress": "#C4B7CB",
    "profilers": "#A89F91",
}
_OTHERS = ("#4E79A7", "#59A14F", "#9C755F", "#B07AA1", "#76B7B2", "#A0A04A")

#: What a report shows instead where the reader's screen is dark; colours that aren't here are seen on both.
DARK_COLOURS = {
    "white": "#14181D",
    INK: "#E6E9ED",
    "#52606D": "#A9B4C0",
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
            "subtitle": {"font": {"size": 12.5, "color": "#52606D"}},
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


def titled(finding: str, *details: str, is_alarm: bool = False) -> dict[str, object]:
    """A figure's title: what it shows in a sentence, and below it what that rests on.

    Args:
        finding: The sentence, as plain text.
        details: What it rests on, as plain text; empty ones are left out.
        is_alarm: Whether it warns of the figure itself.
    """
    text = plain(finding)
    if is_alarm:
        text = f"<span style='color:{ALARM}'>{text}</span>"
    return {"text": text, "subtitle": {"text": plain(capital("; ".join(filter(None, details))))}}


def plain(text: str) -> str:
    """Text that plotly shows as it is: names may look like the few HTML tags that it understands."""
    return html.escape(text, quote=False)


def simulated_note(is_simulated: bool) -> str:
    """What a title says where a figure rests on the replay device."""
    return "the device is simulated (replay)" if is_simulated else ""


def capital(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def stage_colour(stage: str) -> str:
    """The colour of a stage: a fixed one, or for a transform of the user's own one that its name decides."""
    return _STAGES.get(stage) or _OTHERS[zlib.crc32(stage.encode()) % len(_OTHERS)]


def text_colour(background: str) -> str:
    """Black or white, whichever is read more easily on a colour ``#rrggbb``."""
    red, green, blue = (int(background[start : start + 2], 16) for start in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "white"


def empty_figure(why: str) -> go.Figure:
    """What is shown where there is nothing to draw: the reason."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": 120})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text=plain(why), showarrow=False, x=0, y=0.5, xref="paper", yref="paper", xanchor="left")
    return figure
