"""Tables and sentences as HTML that is read on a phone, in print and by a screen reader as well.

All that stands in a table or a sentence is text: names that look like HTML are escaped here and nowhere else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.explain.figures.template import TONES
from workbench.explain.table import Cell, Table
from workbench.units import unbroken

if TYPE_CHECKING:
    from workbench.explain.words.margins import Margins

_CODE = re.compile(r"`([^`]+)`")


class Html(str):
    """HTML that a notebook displays as such."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What stands beside it in a notebook, for those who show no HTML."""
        printer.text("<HTML>")


def html_table(table: Table) -> Html:
    """A table as HTML; a wide one's rows become cards on a narrow screen, in which each cell names its column."""
    below = "".join(f"<p><small>{sentence_html(note)}</small></p>" for note in table.notes)
    if table.commands:
        below += f"<pre class='wb-commands'>{_text(chr(10).join(table.commands))}</pre>"
    if not table.rows:
        return Html(below)
    role = _roles if table.is_wide else _no_roles
    told = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    body = "".join(f"<tr{role('row')}>{_cells(table, row)}</tr>" for row in table.rows)
    kind = "wb-table wb-cards" if table.is_wide else "wb-table"
    shown = f"<table class='{kind}'{role('table')}>{told}{_head(table)}<tbody{role('rowgroup')}>{body}</tbody></table>"
    return Html(f"<div class='wb-scroll'>{shown}</div>{below}")


def side_by_side(*tables: Table) -> Html:
    """Tables beside one another where there is room, below one another where there isn't."""
    style = "display:flex;flex-wrap:wrap;gap:0 32px;align-items:flex-start"
    return Html(f"<div class='wb-columns' style='{style}'>{''.join(map(html_table, tables))}</div>")


def bullets(sentences: Iterable[str]) -> Html:
    """A list, an item a sentence; empty where there is none."""
    items = "".join(f"<li>{sentence_html(line)}</li>" for line in sentences)
    return Html(f"<ul>{items}</ul>" if items else "")


def heading(text: str, level: int = 3) -> Html:
    """A heading."""
    return Html(f"<h{level}>{_text(text)}</h{level}>")


def paragraph(text: str) -> Html:
    """A sentence by itself."""
    return Html(f"<p>{sentence_html(text)}</p>")


def sentence_html(sentence: str) -> str:
    """A sentence whose marks are text: only what stands between backticks becomes code."""
    # Every other part stood between backticks; it may be copied, and keeps its spaces.
    parts = _CODE.split(html.escape(sentence))
    return "".join(f"<code>{part}</code>" if place % 2 else unbroken(part) for place, part in enumerate(parts))


def margins(found: Iterable[Margins], in_common: Iterable[str]) -> Html:
    """What keeps every variant at its verdict, below its name; then what all of the verdicts rest on."""
    parts = [f"{heading(f'{variant.variant}: {variant.verdict}')}{bullets(variant.points)}" for variant in found]
    common = bullets(in_common)
    if common:
        parts.append(f"{heading('All of them')}{common}")
    return Html("".join(parts) or paragraph("No variant was compared with the baseline."))


def _head(table: Table) -> str:
    if not table.columns:
        return ""
    role = _roles if table.is_wide else _no_roles
    above = ""
    if table.groups:
        spans = "".join(f"<th scope='colgroup' colspan='{count}'>{_text(name)}</th>" for name, count in table.groups)
        above = f"<tr>{spans}</tr>"
    names = "".join(f"<th scope='col'{role('columnheader')}>{_text(name)}</th>" for name in table.columns)
    return f"<thead{role('rowgroup')}>{above}<tr{role('row')}>{names}</tr></thead>"


def _cells(table: Table, row: Sequence[Cell]) -> str:
    role = _roles if table.is_wide else _no_roles
    first = f"<th scope='row'{role('rowheader')}>{_cell(row[0])}</th>" if row else ""
    labels = [f" data-label='{_text(name)}'" for name in table.columns] if table.is_wide else [""] * len(row)
    return first + "".join(
        f"<td{label}{role('cell')}>{_cell(cell)}</td>" for label, cell in zip(labels[1:], row[1:], strict=True)
    )


def _cell(cell: Cell) -> str:
    lines = [_line(cell), *(f"<small>{_line(line)}</small>" for line in cell.below)]
    inside = "<br>".join(filter(None, lines))
    if cell.is_number and inside:
        return f"<span style='white-space:nowrap'>{inside}</span>"
    # On a narrow screen a cell is laid out in two columns: what is in it has to be one part.
    return f"<div>{inside}</div>" if cell.below or "<code>" in inside else inside


def _line(cell: Cell) -> str:
    text = sentence_html(cell.text) if cell.style == "sentence" else _text(cell.text)
    if cell.style in ("plain", "strong"):
        text = unbroken(text)
    if cell.style == "code" and text:
        text = f"<code>{text}</code>"
    if cell.style == "strong" and cell.tone == "plain":
        text = f"<b>{text}</b>"
    if cell.tone == "plain":
        return text
    weight = ";font-weight:600" if cell.style == "strong" else ""
    # The class has another colour on a dark screen.
    return f"<span class='wb-{cell.tone}' style='color:{TONES[cell.tone]}{weight}'>{text}</span>"


def _roles(name: str) -> str:
    """A role, written out: a browser forgets what a table's parts are where they are laid out as blocks."""
    return f" role='{name}'"


def _no_roles(name: str) -> str:
    return ""


def _text(value: object) -> str:
    return html.escape(str(value))
