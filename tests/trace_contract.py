"""What Perfetto and chrome://tracing demand of a trace, checked strictly ("Trace Event Format", Google 2016).

Both open files that break these rules, and drop or misplace what breaks them without a word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any


def trace_problems(events: Iterable[dict[str, Any]]) -> list[str]:
    """What is wrong with the events of a trace; nothing where all is right.

    Spans ("X") have whole numbers for process and thread, no negative duration, and on one thread either contain each
    other or lie apart; every process and thread with spans has a name; arrows ("s", "f") begin before they end, within
    a span each.
    """
    events = list(events)
    problems: list[str] = []
    spans: dict[tuple[int, int], list[tuple[int, int, str]]] = defaultdict(list)
    for event in events:
        if event["ph"] != "X":
            continue
        name, place = event["name"], (event["pid"], event["tid"])
        if not all(isinstance(number, int) for number in place):
            problems.append(f"'{name}' is on {place}, which are no numbers")
            continue
        begin, length = round(event["ts"] * 1e3), round(event["dur"] * 1e3)
        if length < 0:
            problems.append(f"'{name}' ends before it begins")
        spans[place].append((begin, begin + length, name))
    for place, own in spans.items():
        problems += _crossings(place, own)
    problems += _nameless(events, spans)
    problems += _arrows(events, spans)
    starts = [event["ts"] for event in events if event["ph"] == "X"]
    return problems if starts == sorted(starts) else [*problems, "spans are not in the order of time"]


def _crossings(place: tuple[int, int], own: list[tuple[int, int, str]]) -> list[str]:
    problems = []
    open_spans: list[tuple[int, str]] = []
    for begin, end, name in sorted(own, key=lambda span: (span[0], -span[1])):
        while open_spans and open_spans[-1][0] <= begin:
            open_spans.pop()
        if open_spans and end > open_spans[-1][0]:
            problems.append(f"on {place} '{name}' begins in '{open_spans[-1][1]}' and ends after it")
        open_spans.append((end, name))
    return problems


def _nameless(events: list[dict[str, Any]], spans: dict[tuple[int, int], Any]) -> list[str]:
    named = [event for event in events if event["ph"] == "M"]
    processes = {event["pid"] for event in named if event["name"] == "process_name"}
    threads = {(event["pid"], event["tid"]) for event in named if event["name"] == "thread_name"}
    problems = [f"{place} has no name" for place in spans if place[0] not in processes or place not in threads]
    return problems + [f"process {pid} is named and empty" for pid in processes - {pid for pid, _ in spans}]


def _arrows(events: list[dict[str, Any]], spans: dict[tuple[int, int], list[tuple[int, int, str]]]) -> list[str]:
    problems = []
    ends: dict[Any, dict[str, float]] = defaultdict(dict)
    for event in events:
        if event["ph"] not in ("s", "f"):
            continue
        ends[event["id"]][event["ph"]] = event["ts"]
        at = round(event["ts"] * 1e3)
        if not any(begin <= at <= end for begin, end, _ in spans[event["pid"], event["tid"]]):
            problems.append(f"an end of arrow {event['id']} is in no span")
    whole = (arrow.keys() == {"s", "f"} and arrow["s"] <= arrow["f"] for arrow in ends.values())
    return problems + [
        f"arrow {number} does not lead forward" for number, good in zip(ends, whole, strict=True) if not good
    ]
