"""Opens the search that parameters ask for: a new one, or one that goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem, unknown_name
from workbench.files import expanded
from workbench.knobs.format import read_bytes, read_seconds, split_settings
from workbench.knobs.knobs import Knobs
from workbench.knobs.space import Space, space_of
from workbench.measure.devices.parse_here import parse_here
from workbench.measure.timing.spans import monotonic_ns
from workbench.measure.trial.inputs import check_inputs
from workbench.records import TuneLimits
from workbench.report.tuning.search import begin_search
from workbench.report.tuning.state import TuningFolder, open_tuning

#: A search of less time would end before it had compared anything.
LEAST_MINUTES = 1.0

SAMPLERS = ("model", "optuna")


def read_space(settings: Mapping[str, Any], knobs: Any, grid: Any) -> Space:
    """The space that parameters name around a baseline.

    Args:
        settings: Values by knob name of the baseline.
        knobs: Names of knobs whose usual values are tried; a list, or a text with commas between them.
        grid: Knobs with values of one's own, ``"num_workers=0,2,4"``; a list, or a text with spaces between them.

    Raises:
        BadInput: With everything that is wrong with them.
    """
    baseline = parse_here(settings, subject="baseline")
    if baseline.profilers:
        what, remedy = "profilers cost time, and their overhead would be searched", "Leave profilers out"
        raise BadInput("baseline", [Problem(what, "profilers", remedy)])
    return space_of(baseline, _listed(knobs, ","), _listed(grid, None), cores=len(os.sched_getaffinity(0)))


def read_limits(text: str) -> TuneLimits:
    """What a setting has to keep to.

    Args:
        text: ``"memory:4GB start_up:30s result:same"``; what is not named has no limit, and the result is to be within
            tolerance.

    Raises:
        BadInput: With everything that is wrong with it.
    """
    settings, problems = split_settings(text.replace(":", "=").split())
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in _LIMITS:
            problems.append(unknown_name("limit", name, _LIMITS))
            continue
        field, reader = _LIMITS[name]
        try:
            fields[field] = reader(value)
        except ValueError as error:
            problems.append(Problem(f"'{value}' cannot be read", name, f"W{str(error)[1:]}"))
    if problems:
        raise BadInput("the limits of the search", problems)
    return TuneLimits(**fields)


def _read_result(text: str) -> str:
    if text not in ("same", "within_tolerance"):
        raise ValueError("write same or within_tolerance")
    return text


#: Limits by name: the field, and what reads its text.
_LIMITS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "memory": ("memory_bytes", read_bytes),
    "start_up": ("startup_s", read_seconds),
    "result": ("result", _read_result),
}


def read_sampler(sampler: str, minutes: float) -> str:
    """What proposes settings, where there is time enough for it.

    Raises:
        BadInput: With everything that is wrong.
    """
    problems = []
    if minutes < LEAST_MINUTES:
        remedy = f"Take {LEAST_MINUTES:g} or more; 20 is usual"
        problems.append(Problem(f"{minutes:g} min are too few for any answer", "minutes", remedy))
    if sampler not in SAMPLERS:
        remedy = f"Take {' or '.join(SAMPLERS)}"
        problems.append(Problem(f"there is no sampler '{sampler}'", "sampler", remedy))
    if sampler == "optuna" and find_spec("optuna") is None:
        problems.append(Problem("Optuna is not installed", "sampler", "pip install 'workbench[tune]'"))
    if problems:
        raise BadInput("search", problems)
    return sampler


def open_search(
    results: Path,
    settings: Mapping[str, Any],
    *,
    knobs: Any = (),
    grid: Any = (),
    minutes: float = 20.0,
    limits: str = "",
    sampler: str = "model",
    nodes: str = "",
    resume: str = "",
) -> TuningFolder:
    """The search.

    Args:
        results: Folder for results; a new search gets a folder in it.
        settings: Values by knob name of the baseline.
        knobs: As `read_space` takes them.
        grid: Likewise.
        minutes: What it may take; of one that goes on, what it may take beyond what it has taken; 0: what was left.
        limits: As `read_limits` takes them.
        sampler: What proposes settings: ``"model"``, or ``"optuna"``.
        nodes: Where blocks run; empty: here.
        resume: Folder of a search that goes on; all else is written there.

    Raises:
        BadInput: For parameters that cannot be used, a data set that cannot be read, a folder without a search.
    """
    if resume:
        state = open_tuning(expanded(resume), minutes=minutes, clock=monotonic_ns)
        check_baseline(state.tuning.baseline)
        return state
    chosen: Any = read_sampler(sampler, minutes)
    space, kept_to = read_space(settings, knobs, grid), read_limits(limits)
    check_baseline(space.baseline)
    return begin_search(results, space, minutes=minutes, limits=kept_to, sampler=chosen, nodes=nodes)


def check_baseline(baseline: Knobs, on_sample: Callable[[int, int], None] | None = None) -> None:
    """Look at what the baseline names before any trial starts.

    Raises:
        BadInput: With everything that is wrong with it.
    """
    check_inputs(baseline, on_sample)


def _listed(value: Any, mark: str | None) -> list[str]:
    """A list of texts from one, or from a text with marks between its parts; None: white space."""
    parts = value.split(mark) if isinstance(value, str) else list(value or ())
    return [str(part).strip() for part in parts if str(part).strip()]
