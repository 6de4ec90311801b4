"""Knobs of a workload that is named: its own knobs joined with those of measuring.

A workload is reached by its name alone: one that ships, `package.module:Name`, or an entry point of the group
`workbench.workloads`. Its knobs are all that explaining an old run needs; where they cannot be had (the module is not
on this machine), the values of the run are kept as they stand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainValidator, SerializeAsAny, ValidationError

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import DEFAULT_WORKLOAD, Knobs
from workbench.knobs.observed import OBSERVED
from workbench.stages import Stage

_GROUP = "workbench.workloads"


@dataclass(frozen=True)
class Shipped:
    """Where the parts of a workload are that ships: each is imported by whoever needs it, and no other."""

    knobs: str
    workload: str
    checks: str


#: By name. Knobs and checks import no torch: old runs are explained with them.
SHIPPED = {
    "ocr": Shipped(
        knobs="workbench.workloads.ocr.knobs:OcrKnobs",
        workload="workbench.workloads.ocr.workload:OcrWorkload",
        checks="workbench.workloads.ocr.checks.compare:compare_samples",
    ),
    OBSERVED: Shipped(
        knobs="workbench.knobs.observed:ObservedKnobs",
        workload="workbench.knobs.observed:ObservedKnobs",
        checks="workbench.explain.checks.looks:compare_looks",
    ),
}


#: A workload of a DataModule is named with this before the DataModule's own name.
_DATA_MODULE = "datamodule:"
_OF_DATA_MODULE = "workbench.workloads.datamodule:workload_of"


def parse_knobs(settings: Mapping[str, Any], *, subject: str = "knobs") -> Knobs:
    """Knobs from settings that a person gave, of the workload that they name.

    Raises:
        BadInput: For a workload that cannot be had, unknown names, wrong values and impossible combinations.
    """
    return knobs_of(settings).parse_own(settings, subject=subject)


def knobs_of(settings: Mapping[str, Any]) -> type[Knobs]:
    """The class of knobs of the workload that settings name.

    Raises:
        BadInput: For a workload that cannot be had.
    """
    return knobs_class(str(settings.get("workload", DEFAULT_WORKLOAD)))


@lru_cache
def knobs_class(workload: str) -> type[Knobs]:
    """The class of knobs of a workload.

    Raises:
        BadInput: For a workload that cannot be had.
    """
    shipped = SHIPPED.get(workload)
    if shipped is not None:
        found: type[Knobs] = load_attribute(shipped.knobs)
        return found
    return _joined(workload, load_workload(workload))


def load_workload(name: str) -> Any:
    """The class of a workload.

    Raises:
        BadInput: Where the name means nothing, or its module cannot be imported.
    """
    if name in SHIPPED:
        return load_attribute(SHIPPED[name].workload)
    for entry in entry_points(group=_GROUP):
        if entry.name == name:
            return load_attribute(entry.value)
    if name.startswith(_DATA_MODULE):
        return load_attribute(_OF_DATA_MODULE)(name.removeprefix(_DATA_MODULE))
    if ":" not in name:
        known = ", ".join([*SHIPPED, *(entry.name for entry in entry_points(group=_GROUP))])
        remedy = f"Name one of {known}, or write package.module:Name"
        raise BadInput("knobs", [Problem(f"there is no workload named '{name}'", "workload", remedy)])
    return load_attribute(name)


def load_attribute(path: str) -> Any:
    """What ``package.module:Name`` names; modules in the current folder are found as well.

    Raises:
        BadInput: Where the module cannot be imported, is none of a workload, or has no such name.
    """
    module_name, _, attribute = path.partition(":")
    if _is_program(module_name):
        # Records name workloads too, those of strangers among them: some modules open a browser when they are imported.
        what, remedy = f"'{module_name}' is a part of Python, or a program", "Name the module of a workload"
        raise BadInput("knobs", [Problem(what, "workload", remedy)])
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109  (sys.path holds strings)
        sys.path.append(here)
    try:
        module = import_module(module_name)
    except Exception as error:  # whatever a user's module raises is the user's to read
        remedy = "Check the name, and that the module imports: python -c 'import " + module_name + "'"
        what = f"'{module_name}' cannot be imported ({type(error).__name__}: {error})"
        raise BadInput("knobs", [Problem(what, "workload", remedy)]) from error
    if not hasattr(module, attribute):
        raise BadInput("knobs", [Problem(f"'{module_name}' has no '{attribute}'", "workload", "Check the name")])
    return getattr(module, attribute)


def _is_program(module_name: str) -> bool:
    """Whether a module can't hold a workload, and may do anything when it is imported."""
    parts = module_name.split(".")
    return parts[0] in sys.stdlib_module_names or parts[-1] == "__main__"


def _joined(name: str, workload: Any) -> type[Knobs]:
    own = getattr(workload, "Knobs", None)
    if own is not None and not (isinstance(own, type) and issubclass(own, BaseModel)):
        remedy = "Make it a pydantic BaseModel, with a default for every knob"
        raise BadInput("knobs", [Problem(f"{name}.Knobs is not a class of knobs", "workload", remedy)])
    if own is not None and issubclass(own, Knobs):
        return own
    fields = own.model_fields if own is not None else {}
    problems = [
        Problem(f"the knob '{field}' of {name} is one of measuring already", "workload", "Name it otherwise")
        for field in fields
        if field in Knobs.model_fields
    ]
    problems += [
        Problem(f"the knob '{field}' of {name} has no default", "workload", "Give it one")
        for field, info in fields.items()
        if info.is_required()
    ]
    stages = getattr(workload, "stages", ())
    if not isinstance(stages, Sequence) or not all(isinstance(stage, Stage) for stage in stages):
        remedy = "Write stages = () or a sequence of workbench.stages.Stage"
        problems.append(Problem(f"{name}.stages holds something else than stages", "workload", remedy))
    if problems:
        raise BadInput("knobs", problems)
    members = {
        "__module__": __name__,
        "item": str(getattr(workload, "item", "sample")),
        "own_stages": tuple(stages),
        "__reduce__": _reduce,
    }
    joined: type[Knobs] = type("JoinedKnobs", (Knobs,) if own is None else (own, Knobs), members)
    return joined


def _reduce(knobs: Knobs) -> tuple[Any, ...]:
    """Pickle by the workload's name: the class is made anew where the knobs arrive."""
    return parse_knobs, (knobs.model_dump(),)


class ForeignKnobs(Knobs):
    """The knobs of a run whose workload is not on this machine: its values as they stand."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def differing(self, other: Knobs) -> dict[str, Any]:
        """See `Knobs`. Of the workload's knobs no more is known than their values."""
        missing = object()
        own = self.model_extra or {}
        return super().differing(other) | {n: value for n, value in own.items() if getattr(other, n, missing) != value}


def _read(value: Any) -> Knobs:
    """Knobs as they stand in a record."""
    if isinstance(value, Knobs):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("these are not knobs")
    try:
        return knobs_of(value)(**value)
    except BadInput:
        pass
    except ValidationError as error:
        raise ValueError("; ".join(detail["msg"] for detail in error.errors())) from None
    known = {name: given for name, given in value.items() if name in Knobs.model_fields}
    try:
        measuring = Knobs(**known).model_dump()
    except (BadInput, ValidationError):
        measuring = {**Knobs().model_dump(), **known}
    return ForeignKnobs.model_construct(**{**value, **measuring})


#: Knobs as a part of a record: read by the class of their workload, written whole.
RecordedKnobs = SerializeAsAny[Annotated[Knobs, PlainValidator(_read)]]
