"""Everything that the profilers of a run have left, in the order in which it is read: operators, lines, files."""

from __future__ import annotations

import html
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.errors import BadInput
from workbench.explain.figures.html_table import Html, bullets, heading, html_table, paragraph
from workbench.explain.figures.profiler_figures import flame, memory_over_time
from workbench.explain.figures.profiler_files import read_lines, read_operators
from workbench.explain.figures.tables import profiler_table
from workbench.explain.table import Cell, Style, Table, code, make_table, note_table, number
from workbench.records import Record
from workbench.records.run_folder import read_record
from workbench.units import format_bytes, format_duration, format_share

_MOST_OPERATORS = 15

#: Lines that take less than this share of their function's time are left out; those from here on are in bold.
_SHOWN_FROM, _STRONG_FROM = 0.01, 0.25

#: A function with so much of its time in one line says nothing itself: it is what this line calls that takes time.
_ONE_LINE_FROM = 0.9

_LONGEST_LINE = 90

_CALL = re.compile(r"[A-Za-z_][\w.]*(?=\()")

#: What opens a file of a profiler, by what it holds.
_OPENS = {
    "timeline": "Perfetto (ui.perfetto.dev) or chrome://tracing: all processes on one clock",
    "torch trace": "Perfetto; or tensorboard --logdir on its folder, with torch-tb-profiler, which needs the network",
    "stack samples": "speedscope (speedscope.app)",
}


def show_profilers(record: Record, folder: Path) -> list[Html | go.Figure]:
    """What a notebook displays of the profilers of a run; nothing for a run that went without.

    Args:
        record: The run's record; where it is a clean one, the same run with profilers lies beside it.
        folder: Its run folder.
    """
    if record.profiled_run_id is not None:
        folder = folder.with_name(record.profiled_run_id)
        record = read_record(folder)
    if not record.knobs.profilers:
        return []
    if record.failure is not None:
        why = f"The run with profilers failed in phase '{record.failure.phase}': {record.failure.message}"
        return [paragraph(why), paragraph(f"Its folder: `{folder}`")]
    cores = record.environment.usable_cores if record.environment else None
    views: dict[str, tuple[str, Callable[[Path], Html | go.Figure]]] = {
        "torch operators": ("Operators by time", lambda file: html_table(operator_table(file))),
        "line times": ("Lines, in every process", lambda file: source_html(read_source(file))),
        "stack samples": ("Stacks, of the whole process tree", flame),
        "memory over time": ("Memory over time", lambda file: memory_over_time(file, cores=cores)),
    }
    shown: list[Html | go.Figure] = [html_table(profiler_table(record))]
    for name, (title, view) in views.items():
        if name in record.profiles:
            shown += [heading(title), _drawn(view, folder / record.profiles[name])]
    if "torch operators" in record.profiles:
        file = folder / record.profiles["torch operators"]
        by_memory = _drawn(lambda file: html_table(operator_table(file, by="memory")), file)
        shown += [heading("Operators by memory"), by_memory]
    return [*shown, html_table(files_table(record)), bullets(record.notes)]


def _drawn(view: Callable[[Path], Html | go.Figure], file: Path) -> Html | go.Figure:
    """What a file shows; of a damaged one that it is, beside the others."""
    try:
        return view(file)
    except BadInput as error:
        return paragraph(str(error))


def files_table(record: Record) -> Table:
    """Where the files of the profilers lie, and what opens them."""
    rows = [(name, code(path), _OPENS.get(name, "")) for name, path in record.profiles.items()]
    columns = ("what", f"in the run folder {record.run_id}", "opens in")
    return make_table(columns, rows, caption="Files that the profilers left", is_wide=True)


def operator_table(file: Path, *, by: str = "time") -> Table:
    """The operators and kernels that take most, from torch.profiler.

    Args:
        file: `profiles/operators.json`.
        by: `time` (their own, CPU and device) or `memory` (what they allocate).

    Raises:
        BadInput: Where the file is damaged.
    """
    operators = read_operators(file)
    own = _own_time_s if by == "time" else _allocated_bytes
    largest = sorted((row for row in operators if own(row) > 0), key=own, reverse=True)[:_MOST_OPERATORS]
    if not largest:
        return note_table("No operator was recorded: the device runs no model (replayed, or none).")
    columns: dict[str, Callable[[dict[str, Any]], str]] = {"calls": lambda row: str(row["calls"])}
    if by == "memory":
        columns["allocated"] = lambda row: format_bytes(_allocated_bytes(row))
    else:
        columns["CPU, own"] = lambda row: format_duration(row["cpu_self_s"])
        columns["CPU, with what it calls"] = lambda row: format_duration(row["cpu_s"])
    if by == "time" and any(row["device_self_s"] for row in largest):
        columns["device, own"] = lambda row: format_duration(row["device_self_s"]) if row["device_self_s"] else "-"
    rows = [(row["name"], *(number(shown(row)) for shown in columns.values())) for row in largest]
    caption = f"The operators that take most {by}"
    return make_table(("operator", *columns), rows, caption=caption, is_wide=len(columns) > 2)


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

    Raises:
        BadInput: Where the file is damaged.
    """
    merged = read_lines(file)
    functions = [
        TimedFunction(
            function.path,
            function.total_s,
            tuple(SourceLine(row.line, row.hits, row.time_s, row.source) for row in function.lines),
        )
        for function in merged.functions
    ]
    processes = tuple("main process" if name == "main" else name.replace("-", " ") for name in merged.processes)
    return TimedSource(processes, tuple(sorted(functions, key=lambda function: -function.total_s)))


def source_html(data: TimedSource) -> Html:
    """The lines of every function that take its time; a function that only calls another is folded."""
    never = [function.path for function in data.functions if not function.lines]
    parts = [paragraph(f"Timed in: {', '.join(data.processes)}.")]
    parts += [_function_html(function) for function in data.functions if function.lines]
    if never:
        parts.append(paragraph(f"Never called: {', '.join(never)}."))
    return Html("".join(parts))


def _function_html(function: TimedFunction) -> Html:
    largest = max(function.lines, key=lambda line: line.time_s)
    is_one_line = largest.time_s >= _ONE_LINE_FROM * function.total_s
    summary = f"<b>{html.escape(function.path)}</b>, {format_duration(function.total_s)} in all"
    if is_one_line and function.total_s:
        share = format_share(largest.time_s / function.total_s)
        summary += f"; {share} is what line {largest.number} calls: {html.escape(_called(largest.source))}"
    return Html(
        f"<details {'' if is_one_line else 'open'}><summary style='overflow-wrap:anywhere'>{summary}</summary>"
        f"{html_table(line_table(function))}</details>"
    )


def line_table(function: TimedFunction) -> Table:
    """The lines that take at least 1 % of a function's time, in their order."""
    rows: list[tuple[str | Cell, ...]] = []
    left_out_s = 0.0
    for place, line in enumerate(function.lines):
        share = line.time_s / function.total_s if function.total_s else 0.0
        if share < _SHOWN_FROM:
            left_out_s += line.time_s
            continue
        style: Style = "strong" if share >= _STRONG_FROM else "plain"
        figures = (str(line.hits), format_duration(line.time_s))
        shown = Cell(format_share(share), style=style, is_number=True)
        rows.append((str(line.number), *map(number, figures), shown, code(_statement(function, place))))
    left_out = format_share(left_out_s / function.total_s if function.total_s else 0.0)
    notes = [f"Lines with less than 1 % of the time are left out: {left_out} together."]
    return make_table(("line", "hits", "time", "share", "source"), rows, notes=notes)


def _called(source: str) -> str:
    """What a line calls; the line itself where that is not seen in it."""
    names = [name for name in _CALL.findall(source) if not keyword.iskeyword(name)]
    return ", ".join(f"{name}()" for name in names) or source.strip()


def _statement(function: TimedFunction, place: int) -> str:
    """A line; one that ends in the midst of a statement with what follows, up to the next line that is shown itself."""
    first, *others = function.lines[place:]
    line = first.source.strip()
    for part in others:
        is_shown = part.time_s >= _SHOWN_FROM * function.total_s
        if is_shown or len(line) > _LONGEST_LINE or not line.endswith(("(", "[", "{", ",")):
            break
        line += part.source.strip()
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
