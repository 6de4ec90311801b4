"""Everything that the profilers of a run have left, in the order in which it is read: operators, lines, files."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.explain.figures.html_table import Html, bullets, heading, html_table, paragraph
from workbench.explain.figures.profiler_figures import flame, memory_over_time
from workbench.explain.figures.tables import profiler_table
from workbench.explain.table import Table, code, make_table, note_table, number
from workbench.explain.words.items import counted
from workbench.records import Record
from workbench.units import format_bytes, format_duration, format_share

_MOST_OPERATORS = 15

#: Lines that take less than this share of their function's time are shown without colour.
_VISIBLE_FROM = 0.01

#: What opens a file of a profiler, by what it holds.
_OPENS = {
    "timeline": "Perfetto (ui.perfetto.dev) or chrome://tracing: all processes on one clock",
    "torch trace": "tensorboard --logdir on its folder, with torch-tb-profiler; or Perfetto",
    "stack samples": "speedscope (speedscope.app)",
}


def show_profilers(record: Record, folder: Path) -> list[Html | go.Figure]:
    """What a notebook displays of the profilers of a run.

    Args:
        record: The run's record.
        folder: Its run folder.
    """
    if not record.knobs.profilers:
        return [paragraph("This run went without profilers: -p profilers=torch,lines,stacks,memory turns them on.")]
    cores = record.environment.cores if record.environment else None
    views: dict[str, tuple[str, Callable[[Path], Html | go.Figure]]] = {
        "torch operators": ("Operators by time", lambda file: html_table(operator_table(file))),
        "line times": ("Lines, in every process", lambda file: source_html(read_source(file))),
        "stack samples": ("Stacks, of the whole process tree", flame),
        "memory over time": ("Memory over time", lambda file: memory_over_time(file, cores=cores)),
    }
    shown: list[Html | go.Figure] = [html_table(profiler_table(record))]
    for name, (title, view) in views.items():
        if name in record.profiles:
            shown += [heading(title), view(folder / record.profiles[name])]
    if "torch operators" in record.profiles:
        by_memory = operator_table(folder / record.profiles["torch operators"], by="memory")
        shown += [heading("Operators by memory"), html_table(by_memory)]
    return [*shown, html_table(files_table(record)), bullets(record.notes)]


def files_table(record: Record) -> Table:
    """Where the files of the profilers lie, and what opens them."""
    rows = [(name, code(path), _OPENS.get(name, "")) for name, path in record.profiles.items()]
    return make_table(("what", "in the run folder", "opens in"), rows, caption="Files that the profilers left")


def operator_table(file: Path, *, by: str = "time") -> Table:
    """The operators and kernels that take most, from torch.profiler.

    Args:
        file: `profiles/operators.json`.
        by: `time` (their own, CPU and device) or `memory` (what they allocate).
    """
    operators = json.loads(file.read_text(encoding="utf-8"))
    own = _own_time_s if by == "time" else _allocated_bytes
    largest = sorted((row for row in operators if own(row) > 0), key=own, reverse=True)[:_MOST_OPERATORS]
    if not largest:
        return note_table("No operator was recorded: the device runs no model (replayed, or none).")
    columns = ("operator", "calls", "CPU, own", "CPU, with what it calls", "device, own", "allocated")
    rows = [
        (
            row["name"],
            number(str(row["calls"])),
            number(format_duration(row["cpu_self_s"])),
            number(format_duration(row["cpu_s"])),
            number(format_duration(row["device_self_s"]) if row["device_self_s"] else "-"),
            number(format_bytes(_allocated_bytes(row))),
        )
        for row in largest
    ]
    return make_table(columns, rows, caption=f"The operators that take most {by}")


def _own_time_s(row: dict[str, Any]) -> float:
    return float(row["cpu_self_s"] + row["device_self_s"])


def _allocated_bytes(row: dict[str, Any]) -> float:
    return float(max(row["cpu_bytes"], 0) + max(row["device_bytes"], 0))


@dataclass(frozen=True)
class SourceLine:
    """A line of a timed function, over all processes."""

    number: int
    hits: int
    time_s: float
    source: str


@dataclass(frozen=True)
class TimedFunction:
    """A function with the time of its lines; one that was never called has none."""

    path: str
    total_s: float
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True)
class TimedSource:
    """The functions that were timed, those that take most first, and the processes that they ran in."""

    processes: tuple[str, ...]
    functions: tuple[TimedFunction, ...]


def read_source(file: Path) -> TimedSource:
    """The times of lines.

    Args:
        file: `profiles/lines.json`.
    """
    merged = json.loads(file.read_text(encoding="utf-8"))
    functions = [
        TimedFunction(
            function["path"],
            function["total_s"],
            tuple(SourceLine(row["line"], row["hits"], row["time_s"], row["source"]) for row in function["lines"]),
        )
        for function in merged["functions"]
    ]
    return TimedSource(tuple(merged["processes"]), tuple(sorted(functions, key=lambda function: -function.total_s)))


def source_html(data: TimedSource) -> Html:
    """Annotated source; a line is the redder, the more of its function's time it takes."""
    never = [function.path for function in data.functions if not function.lines]
    parts = [paragraph(f"Timed in: {', '.join(data.processes)}.")]
    parts += [_function_html(function) for function in data.functions if function.lines]
    if never:
        parts.append(paragraph(f"Never called: {', '.join(never)}."))
    return Html("".join(parts))


def _function_html(function: TimedFunction) -> Html:
    rows = "".join(_line_html(line, function.total_s) for line in function.lines)
    calls = next((line.hits for line in function.lines if line.hits), 0)
    summary = f"<b>{html.escape(function.path)}</b>, {format_duration(function.total_s)} in {counted(calls, 'call')}"
    return Html(
        f"<details {'open' if function.total_s > 0 else ''}><summary>{summary}</summary>"
        "<div class='wb-scroll' style='overflow-x:auto'>"
        "<table class='wb-table wb-source'><thead><tr><th scope='col'>line</th><th scope='col'>hits</th>"
        "<th scope='col'>time</th><th scope='col'>share</th><th scope='col' style='text-align:left'>source</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _line_html(line: SourceLine, total_s: float) -> str:
    share = line.time_s / total_s if total_s else 0.0
    source = f"<code style='white-space:pre'>{html.escape(line.source)}</code>"
    figures = ["", "", ""]
    if line.hits:
        figures = [str(line.hits), format_duration(line.time_s), format_share(share)]
    is_visible = line.hits and share >= _VISIBLE_FROM
    colour = f"background:rgba(213,94,0,{min(share, 1.0) * 0.6:.2f})" if is_visible else ""
    cells = "".join(f"<td style='white-space:nowrap'>{figure}</td>" for figure in figures)
    return f"<tr style='{colour}'><td>{line.number}</td>{cells}<td style='text-align:left'>{source}</td></tr>"
