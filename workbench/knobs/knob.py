"""What a knob is: one row with all that anybody needs to know of it, in the room that it belongs to.

Widgets, `-p name=value`, notebook parameters, report rows, refusals, advice, predictions and tolerances all read these
rows; nobody else keeps a table of knobs.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from workbench.errors import Problem

#: `what`: decides what is measured. `how_much`: how much of it. `measuring`: how it is looked at, which is never
#: compared and never shown as a difference.
Role = Literal["what", "how_much", "measuring"]

#: How a prediction takes a knob: by a setting of the pipeline, by its `effects` on stages, or as of no account.
Predicted = Literal[
    "num_workers", "prefetch_factor", "batch_size", "persistent_workers", "epoch_overlap", "in_order", "background",
    "device_time", "effects", "nothing",
]  # fmt: skip

#: Values that a search tries, or gives them by the number of cores.
Tried = Sequence[Any] | Callable[[int], Sequence[Any]]


@dataclass(frozen=True)
class Situation:
    """A set of knobs in the place where it runs, or is going to.

    Attributes:
        knobs: The knobs.
        simulated: Whether the device is the replay device.
        gpu: Name of the CUDA device, where there is one.
        workers_started: Whether a worker was started in the counted steps; None: not known (yet).
        counts: What the data set holds, by name, as far as it is known.
    """

    knobs: Any
    simulated: bool = False
    gpu: str | None = None
    workers_started: bool | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A combination of knobs that cannot run, why, and what to do about it.

    Attributes:
        knobs: The knobs (or settings) that don't go together, as a message names them.
        when: Whether a set of knobs is such a combination.
        what: Why it cannot run.
        remedy: What to set otherwise.
    """

    knobs: tuple[str, ...]
    when: Callable[[Any], bool]
    what: str
    remedy: str

    def problem(self) -> Problem:
        """The combination as a problem of the input."""
        return Problem(self.what, where=" with ".join(self.knobs), remedy=self.remedy)


@dataclass(frozen=True)
class Inactive:
    """A situation in which a knob can change nothing, and the reason."""

    when: Callable[[Situation], bool]
    because: str


#: What an `Effect` frees that frees every stage of making a sample, whatever they are called.
ALL_OF_A_SAMPLE = "all of a sample"


@dataclass(frozen=True)
class Effect:
    """What a value of a knob does to a pipeline.

    Attributes:
        frees: Stages that are gone with it. That can be predicted.
        eases: Stages that take less with it, nobody knows how much before it has run.
        saves_bytes: Gives the bytes that each sample becomes smaller on its way to the device, by the knobs before.
        keeps: What it keeps of each sample in memory, as text; empty: nothing.
        keeps_bytes: Gives the bytes of that for each sample, by the knobs with it; None: not known beforehand.
        against: Causes of a diagnosis that it is good against (`explain.diagnosis.cause`).
        assumes: What a prediction of it takes for granted, as a sentence.
        repeats: Whether it gives samples again as they were first: of no use where they are others each time.
        suggested: Whether it is worth suggesting: not where something is left out that others may need.
        on: The device on which it is worth suggesting, `cuda` or `cpu`; empty: on any.
        side_by_side: Batches that are worked on at once with it, by threads or processes beside the main loop.
    """

    frees: tuple[str, ...] = ()
    eases: tuple[str, ...] = ()
    saves_bytes: Callable[[Any], float] | None = None
    keeps: str = ""
    keeps_bytes: Callable[[Any], float] | None = None
    against: tuple[str, ...] = ()
    assumes: str = ""
    repeats: bool = False
    suggested: bool = True
    on: str = ""
    side_by_side: int = 1

    @property
    def addresses(self) -> tuple[str, ...]:
        """The stages that it makes cheaper."""
        return (*self.frees, *self.eases)


@dataclass(frozen=True)
class Tolerance:
    """How far the samples of two trials may differ and still pass for the same.

    Attributes:
        largest: At any value, in 8-bit levels.
        mean: On the average, in 8-bit levels.
        reason: Why so much is allowed.
    """

    largest: float
    mean: float
    reason: str


class Maths(IntEnum):
    """How far the results of a model may be from the baseline's, by what was changed; the later, the farther.

    What each of them means in figures is the workload's to say: it knows what its results are.
    """

    EQUAL = 0  # nothing that touches the model
    SAME = 1  # the same operations, in another order or by other kernels
    FP16 = 2
    BF16 = 3
    INT8 = 4
    OTHER = 5  # another model: only how good it is can be compared


class Slice(BaseModel):
    """Knobs that belong together, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


@dataclass(frozen=True)
class Knob:
    """One tunable setting.

    Attributes:
        name: Its name.
        default: What it is where nobody sets it.
        group: Which knobs it stands with.
        help: What it decides, in one line.
        unit: Of a number.
        role: What it is for.
        choices: Its values where they can be counted, else empty.
        annotation: Its Python type.
        refused: What it doesn't go together with.
        inactive: When it can change nothing.
        effects: By value: what that does to a pipeline.
        predicted: How a prediction takes it; None: it cannot be predicted.
        cost: What has to be put up with where it is changed, in words.
        tolerances: By value: how far samples may differ where one side has it and the other has not.
        maths: By value: likewise, the results of the model; or what any change of it means for them.
        tried: Values that a search tries where nobody names others, or gives them by the number of cores; none: a
            search leaves the knob alone.
    """

    name: str
    default: Any
    group: str
    help: str
    unit: str
    role: Role
    choices: tuple[Any, ...]
    annotation: Any
    refused: tuple[Refusal, ...] = ()
    inactive: tuple[Inactive, ...] = ()
    effects: Mapping[Any, Effect] = field(default_factory=dict)
    predicted: Predicted | None = None
    cost: str = ""
    tolerances: Mapping[Any, Tolerance] = field(default_factory=dict)
    maths: Mapping[Any, Maths] | Maths = Maths.EQUAL
    tried: Tried = ()

    @property
    def is_optional(self) -> bool:
        """Whether None is a value of it."""
        return type(None) in get_args(self.annotation)

    @property
    def kind(self) -> str:
        """Name of its Python type, of what may be None the other one: ``"int"``, ``"bool"``, ``"str"``, ``"tuple"``."""
        annotation = self.annotation
        if get_origin(annotation) in (Union, types.UnionType):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        if get_origin(annotation) is Literal:
            return "str"
        return str((get_origin(annotation) or annotation).__name__)


def knob(
    default: Any,
    group: str,
    help: str,
    *,
    unit: str = "",
    role: Role = "what",
    refused: Sequence[Refusal] = (),
    inactive: Sequence[Inactive] = (),
    effects: Mapping[Any, Effect] | None = None,
    predicted: Predicted | None = None,
    cost: str = "",
    tolerances: Mapping[Any, Tolerance] | None = None,
    maths: Mapping[Any, Maths] | Maths = Maths.EQUAL,
    tried: Tried = (),
    **limits: Any,
) -> Any:
    """A field of a class of knobs (see `Knob` for the arguments; `limits` are pydantic's: ``ge=1``, ...)."""
    effects = dict(effects or {})
    if predicted is None and any(effect.frees for effect in effects.values()):
        predicted = "effects"  # stages that are gone can be predicted
    row = {
        "group": group,
        "unit": unit,
        "role": role,
        "refused": tuple(refused),
        "inactive": tuple(inactive),
        "effects": effects,
        "predicted": predicted,
        "cost": cost,
        "tolerances": dict(tolerances or {}),
        "maths": maths,
        "tried": tried,
    }
    return Field(default, description=help, json_schema_extra={"knob": row}, **limits)  # type: ignore[dict-item]


def tolerance_between(baseline: Any, variant: Any, ordinary: Tolerance) -> Tolerance:
    """How far samples of two sets of knobs may differ: as far as the widest tolerance of what they set differently.

    Args:
        baseline: Knobs.
        variant: Knobs of the same workload.
        ordinary: What is allowed in any case.
    """
    found = [ordinary]
    for name, row in variant.rows().items():
        sides = getattr(baseline, name, None), getattr(variant, name)
        if sides[0] != sides[1]:
            found += [tolerance for value, tolerance in row.tolerances.items() if value in sides]
    return max(found, key=lambda tolerance: tolerance.mean)


def maths_between(baseline: Any, variant: Any) -> Maths:
    """How far the results of two sets of knobs may be apart: as far as the farthest of what they set differently.

    Args:
        baseline: Knobs.
        variant: Knobs of the same workload.
    """
    found = Maths.EQUAL
    for name, row in variant.rows().items():
        sides = getattr(baseline, name, None), getattr(variant, name)
        if sides[0] == sides[1]:
            continue
        if isinstance(row.maths, Maths):
            found = max(found, row.maths)
        else:
            found = max(found, *(row.maths.get(value, Maths.EQUAL) for value in sides))
    return found


def row_of(name: str, info: FieldInfo) -> Knob:
    """The row of a field. One that was not made by `knob` (a plain pydantic field) has no more than its type."""
    extra: Any = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    row = {"group": "workload", "unit": "", "role": "what", **extra.get("knob", {})}
    annotation = info.annotation
    choices: tuple[Any, ...] = ()
    if annotation is bool:
        choices = (False, True)
    elif get_origin(annotation) is Literal:
        choices = get_args(annotation)
    default = info.get_default(call_default_factory=True)
    return Knob(name, default, help=info.description or "", choices=choices, annotation=annotation, **row)
