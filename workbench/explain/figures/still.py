"""A still picture of a figure, for those who show no plotly: nbconvert, GitHub, a diff.

A notebook's output then holds both: whoever can draw plotly's own form takes that, all others the picture. It is drawn
by matplotlib from the same values, axes, colours and names; what only a pointer shows is left out.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.io as pio
from plotly.io.base_renderers import MimetypeRenderer

from workbench.explain.figures.plotly_values import (
    axis_title,
    colours_in,
    error_bars,
    label_of,
    numbers_of,
    plain_text,
    text_colour_on,
    values_of,
)
from workbench.explain.figures.template import FAINT, MUTED, SOFT, TITLE_PX

SVG = "image/svg+xml"
_PLOTLY = "application/vnd.plotly.v1+json"

_WIDTH_IN, _PX_PER_IN, _HEIGHT_PX = 9.6, 100.0, 450.0

#: What a picture is higher than its figure; its room below the drawing, and above it for a title of usual height.
_ROOM_PX, _BELOW_PX, _ABOVE_PX = 50.0, 64.0, 36.0

#: With more marks than this an artist becomes pixels within the picture: thousands of shapes would take megabytes.
_MOST_SHAPES = 300

#: Frames of a flame graph narrower than this share carry no name.
_NAMED_FROM = 0.06

_MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "diamond-open": "D",
    "x": "x",
    "triangle-up": "^",
    "star": "*",
}
_DASHES = {"dash": "--", "dot": ":", "dashdot": "-."}


#: What a picture is drawn of; a figure of anything else goes without.
_DRAWN = ("bar", "scatter", "icicle")


class _Renderer(MimetypeRenderer):  # type: ignore[misc]
    """What plotly puts into a notebook: its own form, and a picture beside it."""

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        bundle: dict[str, Any] = pio.renderers["plotly_mimetype"].to_mimebundle(fig_dict)
        picture = picture_of(bundle[_PLOTLY])
        return {**bundle, SVG: picture} if picture else bundle


def show_stills() -> None:
    """From now on every figure that this process displays brings its picture."""
    pio.renderers["workbench"] = _Renderer()
    pio.renderers.default = "workbench"


def picture_of(figure: Mapping[str, Any]) -> str | None:
    """The picture of any figure, as SVG; None for one that would be drawn wrongly, or not at all.

    Args:
        figure: A plotly figure as JSON.
    """
    if not all(trace.get("type", "scatter") in _DRAWN for trace in figure.get("data", [])):
        return None
    try:
        return still(figure)
    except Exception:  # somebody's own figure may be beyond this drawing, and must be shown all the same
        return None


def still(figure: Mapping[str, Any]) -> str:
    """The picture of a figure, as SVG.

    Args:
        figure: A plotly figure as JSON.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    layout = figure.get("layout", {})
    height_px = float(layout.get("height") or _HEIGHT_PX) + _ROOM_PX
    picture = Figure(figsize=(_WIDTH_IN, height_px / _PX_PER_IN))
    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "workbench"}):
        _Drawing(picture, figure).draw()
        picture.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
    return drawn.getvalue().partition("?>\n")[2].partition(">\n")[2] or drawn.getvalue()


class _Drawing:
    def __init__(self, picture: Any, figure: Mapping[str, Any]) -> None:
        self._picture = picture
        self._layout = figure.get("layout", {})
        self._px = float(self._layout.get("height") or _HEIGHT_PX) + _ROOM_PX
        self._traces = [trace for trace in figure.get("data", []) if trace.get("visible", True) is True]
        self._axes: dict[tuple[str, str], Any] = {}
        self._stacked: dict[tuple[Any, ...], Any] = {}

    def draw(self) -> None:
        for trace in self._traces:
            self._place_names(trace)
            if trace["type"] == "icicle":
                self._icicle(trace)
            elif trace["type"] == "bar":
                self._bars(trace)
            else:
                self._line(trace)
        for (x, y), axes in self._axes.items():
            self._dress(axes, x, y)
        for shape in self._layout.get("shapes", ()):
            self._shape(shape)
        for note in self._layout.get("annotations", ()):
            self._note(note)
        self._words()

    def _on(self, trace: Mapping[str, Any]) -> Any:
        """The axes of a trace, made where they aren't there; subplots share an x axis by its name."""
        names = trace.get("xaxis", "x"), trace.get("yaxis", "y")
        if names not in self._axes:
            (left, right), (low, high) = (self._setting(name).get("domain", (0, 1)) for name in names)
            above_px = _ABOVE_PX + max(0.0, float((self._layout.get("margin") or {}).get("t", 0)) - TITLE_PX)
            bottom, height = _BELOW_PX / self._px, 1.0 - (_BELOW_PX + above_px) / self._px
            place = (0.12 + 0.86 * left, bottom + height * low, 0.86 * (right - left), height * (high - low))
            self._axes[names] = self._picture.add_axes(place)
        return self._axes[names]

    def _setting(self, axis: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._layout.get(f"{axis[0]}axis{axis[1:]}", {})
        return found

    def _place_names(self, trace: Mapping[str, Any]) -> None:
        """Names stand on their axis in the order that it gives, before anything is drawn there."""
        for side in "xy":
            order = self._setting(trace.get(f"{side}axis", side)).get("categoryarray")
            if order:
                names = [plain_text(name) for name in order]
                getattr(self._on(trace), f"{side}axis").update_units(names)

    def _bars(self, trace: Mapping[str, Any]) -> None:
        axes, lies = self._on(trace), trace.get("orientation") == "h"
        names, values = values_of(trace, "y" if lies else "x"), numbers_of(trace, "x" if lies else "y")
        stacked = self._layout.get("barmode") in ("stack", "relative", "overlay")
        base = numbers_of(trace, "base") if trace.get("base") is not None else np.zeros(len(values))
        if trace.get("base") is None and self._layout.get("barmode") in ("stack", "relative"):
            base = np.array([self._stacked.get((id(axes), str(name)), 0.0) for name in names])
            for name, end in zip(names, base + np.nan_to_num(values), strict=True):
                self._stacked[id(axes), str(name)] = end
        marker = trace.get("marker") or {}
        is_text = any(isinstance(name, str) for name in names)
        at = [str(name) for name in names] if is_text else np.asarray(names, float)
        width = values_of(trace, "width") if trace.get("width") is not None else 0.8
        width = width[0] if isinstance(width, list) and len(width) == 1 else width
        options = {
            "color": colours_in(marker.get("color")) or "C0", "label": label_of(trace),
            "edgecolor": "white", "linewidth": 0.3, "alpha": trace.get("opacity"),
            "rasterized": len(values) > _MOST_SHAPES,
        }  # fmt: skip
        draw = axes.barh if lies else axes.bar
        place = {"left": base, "height": width} if lies else {"bottom": base, "width": width}
        drawn = draw(at, values, **place, **options)
        shapes = (marker.get("pattern") or {}).get("shape") or ""
        for bar, shape in zip(drawn, [shapes] * len(values) if isinstance(shapes, str) else shapes, strict=False):
            bar.set_hatch("//" if shape else None)
        if texts := [plain_text(text) for text in values_of(trace, "text")]:
            texts = texts * len(values) if len(texts) == 1 else texts
            sizes = zip(texts, np.nan_to_num(values), strict=False)
            room = float(np.nansum(numbers_of(self._setting(trace.get("xaxis", "x")), "range")[-1:])) or values.max()
            fitting = [text if abs(value) > 0.008 * len(text) * room else "" for text, value in sizes]
            axes.bar_label(drawn, fitting, label_type="center", fontsize=7, color=text_colour_on(marker.get("color")))
        error = trace.get("error_x" if lies else "error_y")
        if error and not stacked:
            bars = error_bars(error, len(values))
            axes.errorbar(
                *((values, at) if lies else (at, values)),
                **{"xerr" if lies else "yerr": bars},
                fmt="none",
                ecolor=SOFT,
                capsize=3,
            )

    def _line(self, trace: Mapping[str, Any]) -> None:
        axes = self._on(trace)
        x, y = values_of(trace, "x"), values_of(trace, "y")
        if not len(x) or not len(y):
            axes.plot([], [], label=label_of(trace))
            return
        line, marker = trace.get("line") or {}, trace.get("marker") or {}
        mode = trace.get("mode") or "lines"
        colours = colours_in(line.get("color") or marker.get("color"))
        colour = colours if isinstance(colours, str) else None
        if group := trace.get("stackgroup"):
            values = np.nan_to_num(numbers_of(trace, "y"))
            base = self._stacked.get((id(axes), group), np.zeros(len(values)))
            base = base if len(base) == len(values) else np.zeros(len(values))
            self._stacked[id(axes), group] = base + values
            axes.fill_between(x, base, base + values, color=colour, alpha=0.6, linewidth=0, label=label_of(trace))
            return
        if "lines" in mode:
            style = _DASHES.get(str(line.get("dash")), "-")
            axes.plot(x, y, style, color=colour, linewidth=line.get("width", 1.5), label=label_of(trace),
                      rasterized=len(x) > _MOST_SHAPES)  # fmt: skip
        if "markers" in mode:
            name = str(marker.get("symbol") or "circle")
            filled: dict[str, Any] = (
                {} if not name.endswith("open") else {"facecolors": "none", "edgecolors": colour or "black"}
            )
            axes.scatter(x, y, s=26, marker=_MARKERS.get(name, "o"), label="_" if "lines" in mode else label_of(trace),
                         **(filled or {"c": colours_in(marker.get("color")) or colour}), zorder=3,
                         rasterized=len(x) > _MOST_SHAPES)  # fmt: skip
        if trace.get("error_x") or trace.get("error_y"):
            bars = {
                f"{side}err": error_bars(trace[f"error_{side}"], len(x)) for side in "xy" if trace.get(f"error_{side}")
            }
            axes.errorbar(x, y, fmt="none", ecolor=colour or SOFT, capsize=3, **bars)
        if "text" in mode:
            for at_x, at_y, text in zip(x, y, values_of(trace, "text"), strict=False):
                axes.annotate(
                    plain_text(text), (at_x, at_y), (0, 6), textcoords="offset points", ha="center", fontsize=8
                )

    def _icicle(self, trace: Mapping[str, Any]) -> None:
        axes = self._picture.add_axes((0.02, 0.05, 0.96, 0.85))
        ids, parents = list(trace["ids"]), list(trace["parents"])
        values, labels = numbers_of(trace, "values"), [plain_text(text) for text in trace["labels"]]
        total = sum(value for value, parent in zip(values, parents, strict=True) if not parent) or 1.0
        used: dict[str, float] = {}
        left: dict[str, float] = {"": 0.0}
        depth: dict[str, int] = {"": 0}
        for number, parent, value, label in zip(ids, parents, values, labels, strict=True):
            begin, level = left[parent] + used.get(parent, 0.0), depth[parent]
            used[parent] = used.get(parent, 0.0) + value
            left[number], depth[number] = begin, level + 1
            axes.barh(-level, value, left=begin, height=0.95, color=f"C{level % 10}", edgecolor="white", linewidth=0.4,
                      rasterized=len(ids) > _MOST_SHAPES)  # fmt: skip
            if value > _NAMED_FROM * total:
                room = int(value / total * 130)
                axes.text(begin + value / 2, -level, label[:room], ha="center", va="center", fontsize=7, clip_on=True)
        axes.set_axis_off()
        axes.set_xlim(0, total)

    def _dress(self, axes: Any, x: str, y: str) -> None:
        from matplotlib.ticker import MultipleLocator, NullLocator

        for name, side in ((x, "x"), (y, "y")):
            setting = self._setting(name)
            getattr(axes, f"set_{side}label")(axis_title(setting))
            if setting.get("type") == "log":
                getattr(axes, f"set_{side}scale")("log")
            if (ticks := setting.get("tickvals")) is not None:
                texts = [plain_text(text) for text in setting.get("ticktext") or ticks]
                getattr(axes, f"set_{side}ticks")(list(ticks), texts)
                getattr(axes, f"{side}axis").set_minor_locator(NullLocator())
            if limits := setting.get("range"):  # after the ticks, which would widen it
                ends = [10.0**end for end in limits] if setting.get("type") == "log" else limits
                getattr(axes, f"set_{side}lim")(*ends)
            elif setting.get("autorange") == "reversed":
                getattr(axes, f"invert_{side}axis")()
            if (step := setting.get("dtick")) and setting.get("type") not in ("log", "date"):
                getattr(axes, f"{side}axis").set_major_locator(MultipleLocator(float(step)))
            if setting.get("rangemode") == "tozero":
                getattr(axes, f"set_{side}lim")(**{"left" if side == "x" else "bottom": 0})
            if setting.get("visible") is False:
                getattr(axes, f"get_{side}axis")().set_visible(False)
            if setting.get("showticklabels") is False:
                axes.tick_params(axis=side, **{"labelbottom" if side == "x" else "labelleft": False})
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)

    def _shape(self, shape: Mapping[str, Any]) -> None:
        names = tuple(str(shape.get(f"{side}ref", side)).split()[0] for side in "xy")
        for (x, y), axes in self._axes.items():
            if names[0] not in (x, "paper") or names[1] not in (y, "paper"):
                continue
            line = shape.get("line") or {}
            colour, style = colours_in(line.get("color")) or MUTED, _DASHES.get(str(line.get("dash")), "-")
            if shape.get("type") == "line":
                if shape["x0"] == shape["x1"]:
                    axes.axvline(shape["x0"], color=colour, linestyle=style, linewidth=1)
                elif shape["y0"] == shape["y1"]:
                    axes.axhline(shape["y0"], color=colour, linestyle=style, linewidth=1)
            elif shape.get("type") == "rect":
                fill = {"color": colours_in(shape.get("fillcolor")) or FAINT, "alpha": shape.get("opacity", 0.3)}
                across = str(shape.get("yref", "y")).endswith("domain") or shape.get("yref") == "paper"
                sides = ("x0", "x1") if across else ("y0", "y1")
                span = axes.axvspan if across else axes.axhspan
                span(shape[sides[0]], shape[sides[1]], zorder=0, linewidth=0, **fill)

    def _note(self, note: Mapping[str, Any]) -> None:
        x, y, text = (
            plain_text(value) if isinstance(value, str) else value for value in map(note.get, ("x", "y", "text"))
        )
        refs = tuple(str(note.get(f"{side}ref", side)).split()[0] for side in "xy")
        fitting = (a for (x, y), a in self._axes.items() if refs[0] in (x, "paper") and refs[1] in (y, "paper"))
        axes = next(fitting, None)
        if not text or x is None or y is None or axes is None:
            if text and not self._axes:
                self._picture.text(0.02, 0.5, text)
            return
        in_paper = {"paper": "axes fraction"}
        where = tuple(in_paper.get(str(note.get(f"{side}ref", side)).split()[0], "data") for side in "xy")
        across = note.get("xanchor", "center").replace("auto", "center")
        turned = -float(note.get("textangle", 0))
        axes.annotate(text, (x, y), xycoords=where, fontsize=8, ha=across, rotation=turned, rotation_mode="anchor")

    def _words(self) -> None:
        title = self._layout.get("title") or {}
        text = plain_text(title.get("text") if isinstance(title, Mapping) else title)
        below = plain_text((title.get("subtitle") or {}).get("text")) if isinstance(title, Mapping) else ""
        self._picture.suptitle(
            "\n".join(textwrap.wrap(text, 100)), x=0.02, y=1.0, ha="left", va="bottom", weight="bold"
        )
        if below:
            lines = "\n".join(textwrap.wrap(below, 130))
            self._picture.text(0.02, 1.0 - 4.0 / self._px, lines, fontsize=8, va="top", color=SOFT)
        found: dict[str, Any] = {}
        for axes in self._axes.values():
            handles, labels = axes.get_legend_handles_labels()
            found |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in found}
        if len(found) > 1:
            place = {"loc": "upper left", "bbox_to_anchor": (0.02, 18.0 / self._px)}
            self._picture.legend(found.values(), found, **place, ncols=4, fontsize=8, frameon=False)
