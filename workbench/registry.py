"""The registry: a workload by its name, made, checked, and asked for its own rules of comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import SHIPPED, load_attribute, load_workload
from workbench.knobs.knobs import Knobs
from workbench.records import Checks, Description, Record
from workbench.stages import Stage
from workbench.workload import Arrays, LooksOver, Workload


def make_workload(knobs: Knobs) -> Workload:
    """The workload that knobs name.

    Raises:
        BadInput: Where it cannot be had, lacks a member of the contract, or refuses its knobs.
    """
    name = knobs.workload
    kind = load_workload(name)
    problems = list(_missing(name, kind))
    if problems:
        raise BadInput("workload", problems)
    try:
        workload: Workload = kind(knobs)
    except (BadInput, MemoryError):
        raise
    except Exception as error:
        raise BadInput("workload", [_raised(f"{name}(knobs)", error)]) from error
    return workload


#: Set for the processes of a command that has checked the inputs itself (`measure.trial.inputs`).
INPUTS_CHECKED = "WORKBENCH_INPUTS_CHECKED"


def checked(workload: Workload, name: str, on_sample: Callable[[int, int], None] | None = None) -> Description:
    """What a workload says of its data set.

    Args:
        workload: The workload.
        name: What it is called.
        on_sample: Told the number of samples looked over, and of all; by a workload that takes long to do it.

    Raises:
        BadInput: With everything that is wrong with it; also where its own code fails.
    """
    try:
        if on_sample is not None and isinstance(workload, LooksOver):
            workload.look_over(on_sample)
        description = workload.check()
    except (BadInput, MemoryError):
        raise
    except Exception as error:
        raise BadInput("workload", [_raised(f"{name}.check()", error)]) from error
    if not isinstance(description, Description):
        what = f"gives {type(description).__name__}, not a Description"
        remedy = "Return workbench.records.Description(num_samples=...)"
        raise BadInput("workload", [Problem(what, f"{name}.check()", remedy)])
    return description


def compare_recorded(
    workload: str, baseline: tuple[Record, Arrays | None], variant: tuple[Record, Arrays | None]
) -> Checks | None:
    """What a workload's own rules say of two trials: their records with what they have kept.

    None where the workload has no rules of its own, or is not on this machine.
    """
    try:
        compare = load_attribute(SHIPPED[workload].checks) if workload in SHIPPED else None
        compare = compare or getattr(load_workload(workload), "compare", None)
    except BadInput:
        return None
    return None if compare is None else compare(baseline, variant)


_METHODS = ("check", "dataset", "collate", "build", "step", "quality")


def _missing(name: str, kind: Any) -> Iterator[Problem]:
    """What a class lacks of the contract."""
    if not isinstance(kind, type):
        yield Problem("is not a class", name, "Name a class that meets workbench.workload.Workload")
        return
    for method in _METHODS:
        if not callable(getattr(kind, method, None)):
            yield Problem(f"has no method '{method}'", name, "See workbench.workload.Workload for what it has to do")
    if not isinstance(getattr(kind, "item", None), str) or not getattr(kind, "item", ""):
        yield Problem("does not say what it calls a sample", name, 'Write item = "image"')
    stages = getattr(kind, "stages", None)
    if not isinstance(stages, Sequence) or not all(isinstance(stage, Stage) for stage in stages):
        yield Problem("has no 'stages'", name, "Write stages = () or a sequence of workbench.stages.Stage")


def _raised(where: str, error: Exception) -> Problem:
    return Problem(f"raised {type(error).__name__}: {error}", where, "Mend it, or what it was given")
