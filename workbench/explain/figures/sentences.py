"""Sentences as HTML: what findings say, with everything from names escaped and settings in `backticks` as code."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from workbench.explain.verdicts.verdict_margins import Margins

_CODE = re.compile(r"`([^`]+)`")


def bullets(sentences: Iterable[str]) -> str:
    """A list, an item a sentence; empty where there is none."""
    items = "".join(f"<li>{sentence_html(one)}</li>" for one in sentences)
    return f"<ul>{items}</ul>" if items else ""


def sentence_html(sentence: str) -> str:
    """A sentence whose marks are text: only what stands between backticks becomes code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(sentence))


def margins(found: Iterable[Margins], in_common: Iterable[str]) -> str:
    """What keeps every variant at its verdict, below its name; then what all of the verdicts rest on."""
    parts = [f"<h3>{html.escape(one.variant)}: {html.escape(one.verdict)}</h3>{bullets(one.points)}" for one in found]
    common = bullets(in_common)
    if common:
        parts.append(f"<h3>All of them</h3>{common}")
    return "".join(parts) or "<p>No variant was held against the baseline.</p>"
