"""The run folder: where a trial's files lie, how they are written whole and read back."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from workbench.errors import BadInput, CannotWrite, Problem
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.records import (
    SCHEMA_VERSION,
    SPAN_COLUMNS,
    Comparison,
    ComparisonState,
    Record,
    SelfTest,
    Tuning,
    VariantTrial,
)
from workbench.records.bounds import TooLarge, check_table, check_text
from workbench.records.tables import PUT_BACK, read_table

if TYPE_CHECKING:
    import pandas as pd

KNOBS = "knobs.json"
EVENTS = "events.jsonl"
SPANS = "spans.parquet"
SAMPLES = "samples.npz"
RECORD = "record.json"
STDERR = "stderr.txt"
PROFILES = "profiles"

#: What the name of a thread ends with in the stack samples where neither a workload nor its loading has started it.
OWN_THREAD = "(workbench's own)"
COMPARISON = "comparison.json"
STATE = "state.json"

#: Trials of a comparison that `STATE` doesn't hold yet, a line each.
TRIALS = "trials.jsonl"
SELFTEST = "selftest.json"
TUNE = "tune.json"

_REMEDIES = {
    RECORD: "A run without one was stopped from outside before it could write it",
    STATE: "Name the folder of a comparison: reports/comparisons/...",
    TUNE: "Name the folder of a search: reports/tunings/...",
}

#: A disk with less free room than this is full, if a writer fails without saying why.
_FULL_BELOW_BYTES = 1 << 20

Model = TypeVar("Model", bound=BaseModel)


def new_run_folder(runs: Path, knobs: Knobs, *, only_changed: bool = False) -> Path:
    """Make a fresh run folder under `runs` with `knobs.json` in it; its name is the run id.

    Args:
        runs: Folder of run folders.
        knobs: The knobs.
        only_changed: Leave out what is at its default, for a reader that may not know every knob.

    Raises:
        CannotWrite: Where there is no room, or no leave.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs / f"{stamp}-{secrets.token_hex(3)}"
    with writing(folder):
        folder.mkdir(parents=True)
    try:
        write_text(folder / KNOBS, knobs.model_dump_json(indent=1, exclude_defaults=only_changed))
    except CannotWrite:
        folder.rmdir()
        raise
    return folder


def write_json(path: Path, model: BaseModel) -> None:
    """Write a model as JSON, atomically: the file is there in full or not at all.

    Raises:
        CannotWrite: Where there is no room, or no leave.
    """
    write_text(path, model.model_dump_json(indent=1))


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, making its folder.

    Raises:
        CannotWrite: Where there is no room, or no leave.
    """
    content = text.encode("utf-8")
    with writing(path, needed_bytes=len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def writing(path: Path, *, needed_bytes: int | None = None, partial: bool = False) -> Iterator[None]:
    """Within this block a file is written, by whatever means.

    Args:
        path: The file.
        needed_bytes: Its size, where known.
        partial: The block writes to `path` itself: what is there of it after a failure is removed.

    Raises:
        CannotWrite: Instead of the system's error, where there is no room, or no leave.
    """
    try:
        yield
    except OSError as error:
        # Some writers give no number for the error (NumPy: "16384 requested and 0 written").
        is_full = error.errno is None and shutil.disk_usage(path.parent).free < _FULL_BELOW_BYTES
        if error.errno not in CannotWrite.ERRNOS and not is_full:
            raise
        if is_full or error.errno == errno.ENOSPC:
            refused = CannotWrite.full(path, needed_bytes=needed_bytes)  # before what is there of it is removed
        else:
            refused = CannotWrite(path, error.strerror or str(error), needed_bytes=needed_bytes)
        if partial:
            with contextlib.suppress(OSError):
                path.unlink()
        raise refused from error


def read_knobs(folder: Path) -> Knobs:
    """The knobs of a run folder.

    Raises:
        BadInput: Where the file is missing or doesn't hold knobs.
    """
    path = folder / KNOBS
    if not is_there(path):
        raise BadInput(str(folder), [Problem(f"there is no {KNOBS}", remedy="Name the folder of a run")])
    content = read_json(path)
    if not isinstance(content, dict):
        raise BadInput(str(path), [Problem("is damaged: it holds no knobs", remedy=PUT_BACK)])
    try:
        return parse_knobs(content, subject=str(path))
    except BadInput as error:  # of a workload that cannot be had, too
        raise BadInput(str(path), error.problems) from None


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
    """The journal of the comparison in a folder, with the trials that were appended to it since it was written whole.

    A last line that breaks off is that of a trial whose writer was ended: it is passed over, and the trial is run anew.

    Raises:
        BadInput: Where a file is missing, damaged or of another schema.
    """
    state = _read(folder / STATE, ComparisonState)
    return state.with_trials(_appended(folder / TRIALS))


def read_selftest(folder: Path) -> SelfTest:
    """The self-test in a folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / SELFTEST, SelfTest)


def read_tuning(folder: Path) -> Tuning:
    """The search in a folder.

    Raises:
        BadInput: Where the file is missing, damaged or of another schema.
    """
    return _read(folder / TUNE, Tuning)


def write_state(folder: Path, state: ComparisonState) -> None:
    """Write the journal of a comparison whole, atomically.

    Raises:
        CannotWrite: Where there is no room, or no leave; what was there stays.
    """
    write_json(folder / STATE, state)
    with contextlib.suppress(FileNotFoundError):  # ended between the two, it holds trials twice, which a reader sees
        (folder / TRIALS).unlink()


def append_trial(folder: Path, trial: VariantTrial) -> None:
    """Append a trial to the journal of a comparison. It is on the disk when this returns.

    The journal is not written whole for every trial: of n trials that would be n^2 bytes.

    Raises:
        CannotWrite: Where there is no room, or no leave; what was there stays.
    """
    path = folder / TRIALS
    line = (trial.model_dump_json() + "\n").encode("utf-8")
    with writing(path, needed_bytes=len(line)), path.open("ab", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.write(line) != len(line):  # a disk that fills up takes a part of it
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except BaseException:
            os.ftruncate(file.fileno(), size)  # the next line must not begin within this one
            raise


def _appended(path: Path) -> list[VariantTrial]:
    if not is_there(path):
        return []
    *lines, last = _text_of(path).split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(VariantTrial.model_validate_json(line))
        except ValidationError as error:
            what = f"is damaged: it holds no trial ({error.errors()[0]['msg']})"
            raise BadInput(str(path), [Problem(what, f"line {number}", PUT_BACK)]) from None
    with contextlib.suppress(ValidationError):
        found.append(VariantTrial.model_validate_json(last))
    return found


def read_spans(folder: Path) -> pd.DataFrame:
    """The raw stage times of a run: a row a span, with the columns of `records.SPAN_COLUMNS`.

    Raises:
        BadInput: Where the run left no spans, or they are damaged.
    """
    path = folder / SPANS
    if not is_there(path):
        raise BadInput(str(folder), [Problem(f"there is no {SPANS}", remedy="Run with stage_timing=true")])
    try:
        check_table(path)
    except TooLarge as error:
        raise _refused(path, error) from None
    except OSError:
        pass  # which its reader names
    return read_table(path, SPAN_COLUMNS)


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run folder.

    Raises:
        BadInput: Where it is gone, damaged, or larger than any run leaves.
    """
    try:
        check_text(path)
        return json.loads(path.read_text(encoding="utf-8"))
    except (TooLarge, RecursionError) as error:
        raise _refused(path, error) from None
    except json.JSONDecodeError as error:
        what = f"is damaged: it is not JSON ({error.msg})"
        raise BadInput(str(path), [Problem(what, f"line {error.lineno}", PUT_BACK)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), [Problem(f"cannot be read as text ({error})", remedy=PUT_BACK)]) from None
    except ValueError:  # which Python raises of no other JSON
        what = "is damaged: a number in it has thousands of digits"
        raise BadInput(str(path), [Problem(what, remedy=PUT_BACK)]) from None


def list_runs(runs: Path) -> Iterator[Path]:
    """The run folders under `runs` that hold a record, whole or damaged, oldest first."""
    if runs.is_dir():
        yield from (path for path in sorted(runs.iterdir()) if is_there(path / RECORD))


def is_there(path: Path) -> bool:
    """Whether a file is there, whole or damaged: a link to nothing, or a folder, in its place is no absence."""
    return os.path.lexists(path)


def _read(path: Path, model: type[Model]) -> Model:
    if not is_there(path):
        remedy = _REMEDIES.get(path.name, "Name the folder of one")
        raise BadInput(str(path.parent), [Problem(f"there is no {path.name}", remedy=remedy)])
    text = _text_of(path)
    try:
        read = model.model_validate_json(text)
    except ValidationError as error:
        _refuse_other_schemas(path, text)
        problems = [
            Problem(detail["msg"], where=".".join(str(part) for part in detail["loc"]) or "the file")
            for detail in error.errors()
        ]
        problems[-1] = replace(problems[-1], remedy=PUT_BACK)
        raise BadInput(f"{path} is damaged or of another version", problems) from None
    if getattr(read, "schema_version", None) != SCHEMA_VERSION:
        _refuse_other_schemas(path, text)
    return read


def _text_of(path: Path) -> str:
    try:
        check_text(path)
        return path.read_text(encoding="utf-8")
    except TooLarge as error:
        raise _refused(path, error) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), [Problem(f"cannot be read as text ({error})", remedy=PUT_BACK)]) from None


def _refused(path: Path, error: TooLarge | RecursionError) -> BadInput:
    what = str(error) if isinstance(error, TooLarge) else "is nested too deeply to be read"
    return BadInput(str(path), [Problem(what, remedy="Remove it: no workbench wrote it")])


#: By the schema of a record: the version of the workbench that reads it.
_READ_BY = {1: "0.1"}


def _refuse_other_schemas(path: Path, text: str) -> None:
    try:
        version = json.loads(text).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        return  # damaged, which is said elsewhere
    if version in (None, SCHEMA_VERSION):
        return
    if not isinstance(version, int):
        raise BadInput(str(path), [Problem("is damaged: its schema_version is no number", remedy=PUT_BACK)])
    reader = f"workbench {_READ_BY[version]} reads it" if version in _READ_BY else "a newer workbench wrote it"
    problem = Problem(f"is a record of schema {version}, and this workbench reads schema {SCHEMA_VERSION}; {reader}")
    raise BadInput(str(path), [problem])
