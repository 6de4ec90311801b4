"""Tables as HTML that is read on a phone, in print and by a screen reader as well."""

from __future__ import annotations

import html
from collections.abc import Sequence


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", is_wide: bool = False) -> str:
    """A table whose first column names the rows.

    Args:
        head: Names of the columns, as plain text; none for a table of names and values.
        rows: Cells that are HTML already.
        caption: What the table shows, as plain text.
        is_wide: Whether a narrow screen has no room for its columns: there every row becomes a card, in which each
            cell names its column.
    """
    role = _roles if is_wide else _no_roles
    told = f"<caption>{_text(caption)}</caption>" if caption else ""
    names = "".join(f"<th scope='col'{role('columnheader')}>{_text(name)}</th>" for name in head)
    top = f"<thead{role('rowgroup')}><tr{role('row')}>{names}</tr></thead>" if head else ""
    body = "".join(f"<tr{role('row')}>{_cells(head, row, is_wide=is_wide)}</tr>" for row in rows)
    kind = "wb-table wb-cards" if is_wide else "wb-table"
    table = f"<table class='{kind}'{role('table')}>{told}{top}<tbody{role('rowgroup')}>{body}</tbody></table>"
    return f"<div class='wb-scroll'>{table}</div>"


def _cells(head: Sequence[str], row: Sequence[str], *, is_wide: bool) -> str:
    role = _roles if is_wide else _no_roles
    first = f"<th scope='row'{role('rowheader')}>{row[0]}</th>" if row else ""
    labels = [f" data-label='{_text(name)}'" for name in head] if is_wide else [""] * len(row)
    return first + "".join(
        f"<td{label}{role('cell')}>{cell}</td>" for label, cell in zip(labels[1:], row[1:], strict=True)
    )


def _roles(name: str) -> str:
    """A role, written out: a browser forgets what a table's parts are where they are laid out as blocks."""
    return f" role='{name}'"


def _no_roles(name: str) -> str:
    return ""


def side_by_side(*tables: str) -> str:
    """Tables beside one another where there is room, below one another where there isn't."""
    style = "display:flex;flex-wrap:wrap;gap:0 32px;align-items:flex-start"
    return f"<div class='wb-columns' style='{style}'>{''.join(tables)}</div>"


def _text(value: object) -> str:
    return html.escape(str(value))
