"""Variants from what a person writes: ``"wide: num_workers=2 batch_size=8"``, or the axes of a grid."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.advice import inactive_in_both
from workbench.knobs.format import split_settings
from workbench.knobs.joined import knobs_of, load_workload
from workbench.knobs.knob import Situation
from workbench.knobs.knobs import Knobs
from workbench.measure.devices.parse_here import parse_here
from workbench.measure.trial.inputs import check_combination, check_inputs

BASELINE = "baseline"


def parse_variants(specs: Sequence[str], common: Mapping[str, Any]) -> dict[str, Knobs]:
    """The variants of a comparison, the baseline first.

    Args:
        specs: One variant each: its name, a colon, then the knobs that it sets beside the common ones
            (``"wide: num_workers=2 batch_size=8"``). A variant that sets nothing repeats the baseline, which shows how
            large a difference this machine makes up by itself.
        common: Values by knob name that all variants share. They make the baseline, named "baseline", unless a spec of
            that name says what the baseline sets.

    Raises:
        BadInput: With everything that is wrong in any of the specs and in the common knobs.
    """
    settings: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    for spec in specs:
        name, colon, rest = spec.partition(":")
        name, where = name.strip(), f"variant '{spec}'"
        if not colon or not name or "=" in name:
            remedy = "Write 'name: knob=value knob=value'"
            problems.append(Problem("a variant needs a name before its knobs", where, remedy))
        elif name in settings:
            problems.append(Problem("the name is taken by an earlier variant", where, "Name it otherwise"))
        else:
            text, own = _script_settings(rest)
            settings[name], found = split_settings(_words(text))
            settings[name].update(own)
            problems += _within(name, found)
    baseline = settings.pop(BASELINE, {})
    return _build({BASELINE: baseline, **settings}, common, problems, subject="variants")


#: In a variant of an observed script: all that follows are arguments that are added, or environment variables.
_ADDED = re.compile(r"(?:^|\s)(args|env):\s")


def _script_settings(text: str) -> tuple[str, dict[str, str]]:
    """What stands before ``args:`` and ``env:`` in a variant; and what they say (``"env: A=1 args: --batch 4"``)."""
    marks = list(_ADDED.finditer(f"{text} "))
    if not marks:
        return text, {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    added = {mark[1]: text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}
    return text[: marks[0].start()], added


def parse_grid(axes: Sequence[str], common: Mapping[str, Any]) -> dict[str, Knobs]:
    """The variants of a grid: every combination of the axes' values, the first one being the baseline.

    Args:
        axes: One knob each with its values (``"num_workers=0,2"``). The last axis changes fastest.
        common: Values by knob name that all cells share.

    Returns:
        Knobs by the settings of the cell (``"num_workers=2 batch_size=8"``).

    Raises:
        BadInput: With everything that is wrong in any of the axes, the cells and the common knobs.
    """
    settings, problems = split_settings(axes)
    kind = knobs_of(common)
    values: dict[str, list[str]] = {}
    for name, text in settings.items():
        values[name] = [value.strip() for value in text.split(",")]
        where = f"grid '{name}={text}'"
        if "" in values[name]:
            problems.append(Problem("an empty value", where, "Separate the values by single commas"))
        if len(set(values[name])) < len(values[name]):
            problems.append(Problem("a value is named twice", where, "Name each value once"))
    problems += [kind.unknown(name) for name in values if name not in kind.rows()]
    if problems or not values:
        raise BadInput("grid", problems or [Problem("there are no axes", remedy="Write 'knob=value,value'")])
    cells = [dict(zip(values, cell, strict=True)) for cell in itertools.product(*values.values())]
    if len(cells) < 2:
        remedy = "Name more values: 'knob=value,value'"
        raise BadInput("grid", [Problem("a grid of one cell has nothing to compare the baseline with", remedy=remedy)])
    named = {" ".join(f"{name}={value}" for name, value in cell.items()): cell for cell in cells}
    return _build(named, common, [], subject="grid")


def choose_variants(specs: Any, axes: Any, common: Mapping[str, Any], blocks: Any) -> dict[str, Knobs]:
    """The variants of a comparison as a face gets them, from specs or from a grid.

    Args:
        specs: As `parse_variants` takes them; a single one need not be in a list.
        axes: As `parse_grid` takes them, or one text with spaces between them; where there are any, the specs are not
            looked at.
        common: Values by knob name that all variants share.
        blocks: How often each variant is to run.

    Raises:
        BadInput: As those two do; for neither of them; for a wrong number of blocks.
    """
    problems = []
    # papermill's -p gives texts and no lists: one variant, or the axes with spaces between them.
    lists = {
        "variants": [specs] if isinstance(specs, str) and specs.strip() else _listed(specs),
        "grid": _words(axes) if isinstance(axes, str) else _listed(axes),
    }
    for where, items in lists.items():
        if not all(isinstance(item, str) for item in items):
            problems.append(Problem("holds something else than text", where, "Give a list of strings"))
    if type(blocks) is not int or blocks < 1:
        problems.append(Problem(f"{blocks!r} is not a number of blocks", "blocks", "Give a whole number from 1"))
    if not any(lists.values()):
        remedy = "Add a variant ('alone: num_workers=0') or a grid axis ('num_workers=0,2')"
        problems.append(Problem("there is nothing to compare the baseline with", remedy=remedy))
    if problems:
        raise BadInput("comparison", problems)
    if lists["grid"]:
        return parse_grid(lists["grid"], common)
    return parse_variants(lists["variants"], common)


def check_variants(variants: Mapping[str, Knobs], on_sample: Callable[[int, int], None] | None = None) -> None:
    """Look at the data sets of all variants, and at what else their trials would refuse, before any trial starts.

    Args:
        variants: The variants.
        on_sample: See `check_inputs`.

    Raises:
        BadInput: With everything that is wrong with them.
    """
    problems: list[Problem] = []
    subjects: list[str] = []
    seen: list[dict[str, Any]] = []
    for name, knobs in variants.items():
        if knobs.profilers:
            remedy = "Leave profilers out; workbench run -p profilers=... looks through them"
            what = "profilers cost time, and their overhead would be compared"
            problems.append(Problem(what, f"variant '{name}'", remedy))
            subjects.append("variants")
        data = knobs.data_settings()
        is_new = data not in seen
        seen.append(data)
        try:
            if is_new:
                check_inputs(knobs, on_sample)
            else:
                check_combination(knobs)
        except BadInput as error:
            problems += [problem for problem in error.problems if problem not in problems]
            subjects.append(error.subject)
    if problems:
        raise BadInput(", ".join(dict.fromkeys(subjects)), problems)


def equal_variants(variants: Mapping[str, Knobs], elsewhere: Collection[str] = ()) -> list[str]:
    """A sentence for each variant that is the same as an earlier one: what it sets otherwise, if anything, is inactive.

    Such a pair shows how large a difference this machine makes up by itself; nobody who asks for something else should
    wait for it.

    Args:
        variants: Knobs by name.
        elsewhere: Names of variants that another workbench measures: these are never the same.
    """
    found = []
    names = [name for name in variants if name not in elsewhere]
    for place, name in enumerate(names):
        rows = variants[name].rows()
        for earlier in names[:place]:
            changed = variants[name].compared(variants[earlier])
            if not all(rows[knob].inactive for knob in changed):
                continue  # one of them is never inactive, so nobody needs to know this machine's device for it
            both = (variants[name], variants[earlier])
            inactive = inactive_in_both(*map(_situation, both)) if changed else {}
            if changed.keys() <= inactive.keys():
                because = {inactive[knob]: [k for k in changed if inactive[k] == inactive[knob]] for knob in changed}
                why = "; ".join(f"{', '.join(knobs)} can change nothing: {reason}" for reason, knobs in because.items())
                same = f"'{name}' is the same as '{earlier}'{f' ({why})' if why else ''}"
                found.append(f"{same}: whatever differs between them is the noise of this machine.")
                break
    return found


def _situation(knobs: Knobs) -> Situation:
    """Knobs on this machine."""
    kind: str = knobs.device
    if kind == "auto":
        from workbench.measure.devices.choose import resolve_device  # imports torch, as the workload does

        kind, _ = resolve_device(kind, hasattr(load_workload(knobs.workload), "placeholder"))
    return Situation(knobs, simulated=kind == "replay", gpu="a CUDA device" if kind == "cuda" else None)


def _build(
    settings: Mapping[str, Mapping[str, Any]], common: Mapping[str, Any], problems: list[Problem], *, subject: str
) -> dict[str, Knobs]:
    """Knobs by variant. What is wrong with the common knobs is said once, not for every variant."""
    variants: dict[str, Knobs] = {}
    shared = _problems_of(common)
    said: set[Problem] = set()
    for name, own in settings.items():
        try:
            variants[name] = parse_here({**common, **own})
        except BadInput as error:
            said.update(problem for problem in error.problems if problem in shared)
            problems += _within(name, [problem for problem in error.problems if problem not in shared])
    problems = [problem for problem in shared if problem in said] + problems
    if problems:
        raise BadInput(subject, problems)
    return variants


def _problems_of(settings: Mapping[str, Any]) -> tuple[Problem, ...]:
    try:
        parse_here(settings)
    except BadInput as error:
        return error.problems
    return ()


def _within(variant: str, problems: Sequence[Problem]) -> list[Problem]:
    place = f"variant '{variant}'"
    return [replace(problem, where=f"{place}, {problem.where}" if problem.where else place) for problem in problems]


def _listed(value: Any) -> list[Any]:
    """What should be a list, as one: nothing for None, and anything else as its one element."""
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) else [value]


def _words(text: str) -> list[str]:
    """The words of a spec; quotes hold a value with spaces together."""
    try:
        return shlex.split(text)
    except ValueError:  # an open quote, which is then part of its word and shows up in the message about that
        return text.split()
