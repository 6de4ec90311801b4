"""Which operators and kernels take time and memory? From torch.profiler."""

from __future__ import annotations

import html
import json
from pathlib import Path

from workbench.explain.figures.html_table import html_table
from workbench.units import format_bytes, format_duration

_SHOWN = 15


def operator_table(file: Path, *, by: str = "time") -> str:
    """The operators that take most, as HTML.

    Args:
        file: `profiles/operators.json`.
        by: `time` (their own, CPU and device) or `memory` (what they allocate).
    """
    rows = json.loads(file.read_text(encoding="utf-8"))
    own = (lambda row: row["cpu_self_s"] + row["device_self_s"]) if by == "time" else _bytes_of
    rows = sorted((row for row in rows if own(row) > 0), key=own, reverse=True)[:_SHOWN]
    if not rows:
        return "<p>No operator was recorded: the device runs no model (replayed, or none).</p>"
    head = ("operator", "calls", "CPU, own", "CPU, with what it calls", "device, own", "allocated")
    cells = [
        (
            html.escape(row["name"]), str(row["calls"]), format_duration(row["cpu_self_s"]),
            format_duration(row["cpu_s"]), format_duration(row["device_self_s"]) if row["device_self_s"] else "-",
            format_bytes(_bytes_of(row)),
        )
        for row in rows
    ]  # fmt: skip
    return html_table(head, cells, caption=f"The operators that take most {by}")


def _bytes_of(row: dict[str, float]) -> float:
    return max(row["cpu_bytes"], 0) + max(row["device_bytes"], 0)
