"""Texts that would do something if they were taken for anything but text, and records that are full of them."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

#: Where a request would go: a port of this machine at which nobody listens.
ELSEWHERE = "http://127.0.0.1:9"

#: Each calls `pwn` with its number, or asks for something, where it is taken for HTML, SVG, Markdown or a link.
PAYLOADS = (
    "<script>pwn(1)</script>",
    "<img src=x onerror=pwn(2)>",
    '"><svg onload=pwn(3)>',
    "' onmouseover='pwn(4)' x='",
    '" onmouseover="pwn(5)" x="',
    '<a href="javascript:pwn(6)">a</a>',
    "</script><script>pwn(7)</script>",
    "</title></style></textarea></svg><script>pwn(8)</script>",
    "--><script>pwn(9)</script>",
    "]]><script>pwn(10)</script>",
    '<iframe srcdoc="<script>parent.pwn(11)</script>"></iframe>',
    "<input onfocus=pwn(12) autofocus>",
    "<details open ontoggle=pwn(13)>",
    "[a](javascript:pwn(14)) <javascript:pwn(14)>",
    "\u2028pwn(15)//\u2029\u202epwn\u202c",
    "{{ pwn(16) }}${pwn(16)}%{x}",
    f"![a]({ELSEWHERE}/23.png)",
    f"<link rel=stylesheet href={ELSEWHERE}/17.css>",
    f"<base href={ELSEWHERE}/18/>",
    f'<meta http-equiv=refresh content="0;url={ELSEWHERE}/19">',
    f"<style>@import '{ELSEWHERE}/20.css';</style>",
    f"<object data={ELSEWHERE}/21></object>",
    f"<a href='{ELSEWHERE}/22'>a</a>",
)

#: All of them at once.
HOSTILE = " ".join(PAYLOADS)

#: The same for what has to be the name of a file.
HOSTILE_FILE = HOSTILE.replace("/", "\u2215")

Model = TypeVar("Model", bound=BaseModel)


def hostile(model: Model, *, kept: tuple[str, ...] = ()) -> tuple[Model, int]:
    """A record with hostile text in every place that takes any text.

    Args:
        model: The record.
        kept: Names of fields that stay as they are.

    Returns:
        The record, and in how many places the text is.
    """
    told = model.model_dump(mode="json")
    count = 0
    for owner, place in _places(told, kept):
        before = owner[place]
        for text in (f"{before}{HOSTILE}", f"{before}{HOSTILE_FILE}"):
            owner[place] = text
            try:
                type(model).model_validate(told)
            except ValidationError:
                owner[place] = before
            else:
                count += 1
                break
    return type(model).model_validate(told), count


def _places(value: Any, kept: tuple[str, ...]) -> list[tuple[Any, Any]]:
    """Each text in nested lists and dictionaries, by what holds it and its place there."""
    if isinstance(value, dict):
        parts = [(name, part) for name, part in value.items() if name not in kept]
    elif isinstance(value, list):
        parts = list(enumerate(value))
    else:
        return []
    found = []
    for place, part in parts:
        found += [(value, place)] if isinstance(part, str) else _places(part, kept)
    return found
