"""What stands in a plotly figure, as matplotlib takes it: values, texts without marks, colours."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workbench.explain.figures.template import text_colour

_TAG = re.compile(r"<[^>]*>")
_CSS_COLOUR = re.compile(r"rgba?\((\d+), *(\d+), *(\d+)(?:, *([\d.]+))?\)")


def values_of(trace: Mapping[str, Any], name: str) -> list[Any]:
    """Values of a trace as a list; plotly packs arrays of numbers as bytes."""
    found = trace.get(name)
    if isinstance(found, Mapping) and "bdata" in found:
        return list(np.frombuffer(base64.b64decode(found["bdata"]), np.dtype(found["dtype"])).tolist())
    if found is None:
        return []
    values = list(found) if isinstance(found, list | tuple) else [found]
    return [plain_text(value) if isinstance(value, str) else np.nan if value is None else value for value in values]


def numbers_of(trace: Mapping[str, Any], name: str) -> Any:
    """The same as an array of numbers."""
    return np.asarray(values_of(trace, name), float)


def error_bars(error: Mapping[str, Any], count: int) -> Any:
    """The lengths of error bars, float64 [2, N]: to the lower and to the upper end; none where they do not fit."""
    more = np.nan_to_num(numbers_of(error, "array"))
    less = np.nan_to_num(numbers_of(error, "arrayminus")) if error.get("arrayminus") is not None else more
    return np.abs(np.stack([less, more])) if len(more) == count else np.zeros((2, count))


def label_of(trace: Mapping[str, Any]) -> str:
    """What a legend calls a trace; matplotlib leaves out what begins with an underscore."""
    return "_" if trace.get("showlegend") is False else plain_text(trace.get("name")) or "_"


def axis_title(axis: Mapping[str, Any]) -> str:
    """The title of an axis."""
    title = axis.get("title") or ""
    return plain_text(title.get("text") if isinstance(title, Mapping) else title)


def plain_text(text: Any) -> str:
    """A text of plotly's as matplotlib takes it: no marks, and no formula."""
    return html.unescape(_TAG.sub(" ", str(text or ""))).replace("$", r"\$").strip()


def colours_in(colour: Any) -> Any:
    """Colours as matplotlib takes them."""
    if isinstance(colour, list | tuple):
        return [colours_in(each) for each in colour]
    if isinstance(colour, str) and (match := _CSS_COLOUR.fullmatch(colour)):
        return tuple(_channels(match))
    return colour if isinstance(colour, str) else None


def text_colour_on(colour: Any) -> str:
    """The colour of a text that is read on another colour."""
    is_hex = isinstance(colour, str) and len(colour) == 7 and colour.startswith("#")
    return text_colour(colour) if is_hex else "black"


def _channels(match: re.Match[str]) -> Iterator[float]:
    yield from (int(match[channel]) / 255 for channel in (1, 2, 3))
    yield float(match[4] or 1.0)
