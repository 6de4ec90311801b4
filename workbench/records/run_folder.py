"""The run folder: where a trial's files lie, how they are written whole and read back."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.records import SCHEMA_VERSION, Comparison, ComparisonState, Record, SelfTest

if TYPE_CHECKING:
    import pandas as pd

KNOBS = "knobs.json"
EVENTS = "events.jsonl"
SPANS = "spans.parquet"
SAMPLES = "samples.npz"
RECORD = "record.json"
STDERR = "stderr.txt"
PROFILES = "profiles"
COMPARISON = "comparison.json"
STATE = "state.json"
SELFTEST = "selftest.json"

_REMEDIES = {
    RECORD: "A run without one was stopped from outside before it could write it",
    STATE: "Name the folder of a comparison: reports/comparisons/...",
}

Model = TypeVar("Model", bound=BaseModel)


def new_run_folder(runs: Path, knobs: Knobs, *, only_changed: bool = False) -> Path:
    """Make a fresh run folder under `runs` with `knobs.json` in it; its name is the run id.

    Args:
        runs: Folder of run folders.
        knobs: The knobs.
        only_changed: Leave out what is at its default, for a reader that may not know every knob.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    write_text(folder / KNOBS, knobs.model_dump_json(indent=1, exclude_defaults=only_changed))
    return folder


def write_json(path: Path, model: BaseModel) -> None:
    """Write a model as JSON, atomically: the file is there in full or not at all."""
    write_text(path, model.model_dump_json(indent=1))


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_knobs(folder: Path) -> Knobs:
    """The knobs of a run folder.

    Raises:
        BadInput: Where the file is missing or doesn't hold knobs.
    """
    path = folder / KNOBS
    if not path.is_file():
        raise BadInput(str(folder), [Problem(f"there is no {KNOBS}", remedy="Name the folder of a run")])
    try:
        return parse_knobs(json.loads(path.read_text(encoding="utf-8")), subject=str(path))
    except json.JSONDecodeError as error:
        raise BadInput(str(path), [Problem(f"is not JSON ({error.msg})", where=f"line {error.lineno}")]) from None


def read_record(folder: Path) -> Record:
    """The record of a run folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / RECORD, Record)


def read_comparison(folder: Path) -> Comparison:
    """The comparison in a folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / COMPARISON, Comparison)


def read_state(folder: Path) -> ComparisonState:
    """The journal of the comparison in a folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / STATE, ComparisonState)


def read_selftest(folder: Path) -> SelfTest:
    """The self-test in a folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / SELFTEST, SelfTest)


def write_state(folder: Path, state: ComparisonState) -> None:
    """Write the journal of a comparison, atomically."""
    write_json(folder / STATE, state)


def read_spans(folder: Path) -> pd.DataFrame:
    """The raw stage times of a run: a row a span, with the columns of `records.SPAN_COLUMNS`.

    Raises:
        BadInput: Where the run left no spans.
    """
    import pandas as pd

    path = folder / SPANS
    if not path.is_file():
        raise BadInput(str(folder), [Problem(f"there is no {SPANS}", remedy="Run with stage_timing=true")])
    return pd.read_parquet(path)


def list_runs(runs: Path) -> Iterator[Path]:
    """The run folders under `runs` that hold a record, oldest first."""
    if runs.is_dir():
        yield from (path for path in sorted(runs.iterdir()) if (path / RECORD).is_file())


def _read(path: Path, model: type[Model]) -> Model:
    if not path.is_file():
        remedy = _REMEDIES.get(path.name, "Name the folder of one")
        raise BadInput(str(path.parent), [Problem(f"there is no {path.name}", remedy=remedy)])
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_other_schemas(path, text)
        return model.model_validate_json(text)
    except ValidationError as error:
        problems = [
            Problem(detail["msg"], where=".".join(str(part) for part in detail["loc"]) or "the file")
            for detail in error.errors()
        ]
        raise BadInput(f"{path} is damaged or of another version", problems) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), [Problem(f"cannot be read as text ({error})")]) from None


#: By the schema of a record: the version of the workbench that reads it.
_READ_BY = {1: "0.1"}


def _refuse_other_schemas(path: Path, text: str) -> None:
    try:
        version = json.loads(text).get("schema_version")
    except (json.JSONDecodeError, AttributeError):
        return  # damaged, which is said elsewhere
    if version in (None, SCHEMA_VERSION):
        return
    reader = f"workbench {_READ_BY[version]} reads it" if version in _READ_BY else "a newer workbench wrote it"
    problem = Problem(f"is a record of schema {version}, and this workbench reads schema {SCHEMA_VERSION}; {reader}")
    raise BadInput(str(path), [problem])
