"""What the files of profilers hold, looked over before anything of it is drawn: they may have been damaged since."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from workbench.errors import BadInput, Problem
from workbench.records.run_folder import read_json
from workbench.records.tables import PUT_BACK


class _Checked(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Operator(_Checked):
    """An operator or kernel, from torch.profiler: calls, seconds and bytes over the whole run."""

    name: str
    calls: int
    cpu_self_s: float
    cpu_s: float
    device_self_s: float
    cpu_bytes: float
    device_bytes: float


class Line(_Checked):
    """A line of a timed function, over all processes."""

    line: int
    hits: int
    time_s: float
    source: str


class Function(_Checked):
    """A timed function; one that was never called has no lines."""

    path: str
    total_s: float
    lines: list[Line]


class Lines(_Checked):
    """All functions whose lines were timed."""

    processes: list[str]
    functions: list[Function]


class _Frame(_Checked):
    name: str = "?"
    file: str | None = None


class _Frames(_Checked):
    frames: list[_Frame]


class _Stacks(_Checked):
    """The samples of a thread: a stack each, as numbers of frames, and its weight."""

    name: str = "thread"
    samples: list[Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]]
    weights: list[Annotated[float, Field(ge=0.0)]]


class _Speedscope(_Checked):
    shared: _Frames
    profiles: list[_Stacks]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for profile in self.profiles:
            if len(profile.samples) != len(profile.weights):
                raise ValueError("there are not as many weights as samples")
            if any(max(sample) >= len(self.shared.frames) for sample in profile.samples):
                raise ValueError("a sample names a frame that there is not")
        return self


def read_operators(file: Path) -> list[dict[str, Any]]:
    """The operators of `profiles/operators.json`, each with the fields of `Operator`.

    Raises:
        BadInput: Where the file is damaged.
    """
    return [row.model_dump() for row in _checked(file, list[Operator])]


def read_lines(file: Path) -> Lines:
    """The line times of `profiles/lines.json`.

    Raises:
        BadInput: Where the file is damaged.
    """
    found: Lines = _checked(file, Lines)
    return found


def read_stacks(file: Path) -> dict[str, Any]:
    """The stack samples of `profiles/stacks.speedscope.json`, as speedscope has them.

    Raises:
        BadInput: Where the file is damaged.
    """
    found: dict[str, Any] = _checked(file, _Speedscope).model_dump()
    return found


def _checked(file: Path, kind: Any) -> Any:
    content = read_json(file)
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        what = f"is damaged: {first['msg']}"
        raise BadInput(str(file), [Problem(what, ".".join(map(str, first["loc"])), PUT_BACK)]) from None
