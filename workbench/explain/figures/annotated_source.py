"""Which lines take the time? Annotated source, from all processes together."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from workbench.units import format_duration

#: Lines that take less than this share are shown without colour.
_VISIBLE_FROM = 0.01


def annotated_source(file: Path) -> str:
    """The functions with the time of their lines, as HTML; those that take most come first.

    Args:
        file: `profiles/lines.json`.
    """
    merged = json.loads(file.read_text(encoding="utf-8"))
    called = [one for one in merged["functions"] if one["lines"]]
    never = [one["path"] for one in merged["functions"] if not one["lines"]]
    parts = [f"<p>Timed in {len(merged['processes'])} processes: {html.escape(', '.join(merged['processes']))}.</p>"]
    parts += [_function(one) for one in sorted(called, key=lambda one: -one["total_s"])]
    if never:
        parts.append(f"<p>Never called: {html.escape(', '.join(never))}.</p>")
    return "".join(parts)


def _function(one: dict[str, Any]) -> str:
    total_s = one["total_s"]
    rows = "".join(_line(line, total_s) for line in one["lines"])
    calls = max((line["hits"] for line in one["lines"]), default=0)
    told = f"<b>{html.escape(one['path'])}</b>, {format_duration(total_s)} in all, {calls} hits at most"
    return (
        f"<details {'open' if total_s > 0 else ''}><summary>{told}</summary><div style='overflow-x:auto'>"
        "<table class='wb-table wb-source'><thead><tr><th scope='col'>line</th><th scope='col'>hits</th>"
        "<th scope='col'>time</th><th scope='col'>share</th><th scope='col' style='text-align:left'>source</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _line(line: dict[str, Any], total_s: float) -> str:
    share = line["time_s"] / total_s if total_s else 0.0
    source = f"<code style='white-space:pre'>{html.escape(line['source'])}</code>"
    if not line["hits"]:
        return f"<tr><td>{line['line']}</td><td></td><td></td><td></td><td style='text-align:left'>{source}</td></tr>"
    colour = f"background:rgba(213,94,0,{min(share, 1.0) * 0.6:.2f})" if share >= _VISIBLE_FROM else ""
    return (
        f"<tr style='{colour}'><td>{line['line']}</td><td>{line['hits']}</td>"
        f"<td style='white-space:nowrap'>{format_duration(line['time_s'])}</td>"
        f"<td>{share:.1%}</td><td style='text-align:left'>{source}</td></tr>"
    )
