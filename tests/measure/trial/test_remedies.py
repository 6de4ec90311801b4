"""What runs out while a trial runs is named, with a way out; and a trial that can open no more file leaves a record."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from pathlib import Path

import pytest
from toy import toy_knobs

from workbench.errors import BadInput, CannotWrite, Problem, ProcessDied
from workbench.measure.trial import worker
from workbench.measure.trial.remedies import RanOut, kind_of, told_by, with_remedy
from workbench.measure.trial.worker import leave_record
from workbench.records.run_folder import read_record


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        OSError("libcublasLt.so.13: failed to map segment from shared object"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
    ids=["python", "torch", "loader", "system"],
)
def test_memory_that_ran_out_is_named_with_a_way_out(tmp_path: Path, error: Exception) -> None:
    found = with_remedy(error, tmp_path)
    assert isinstance(found, RanOut)
    assert str(found).startswith("memory ran out")
    assert "Lower num_workers or batch_size" in str(found)


def test_files_that_cannot_be_opened_are_no_bad_input(tmp_path: Path) -> None:
    wrapped = BadInput("pages", [Problem("cannot be read")])
    wrapped.__cause__ = OSError(errno.EMFILE, "Too many open files", "/data/a.jpg")
    assert str(with_remedy(wrapped, tmp_path)).startswith(
        "too many open files (a.jpg was to be opened). Raise the limit"
    )


def test_what_is_said_of_each_of_many_files_is_no_bad_input_either(tmp_path: Path) -> None:
    unread = BadInput("pages", [Problem("cannot be read ([Errno 24] Too many open files: 'a.jpg')")])
    assert str(with_remedy(unread, tmp_path)).startswith("too many open files. Raise")


def test_anything_else_stays_as_it_is(tmp_path: Path) -> None:
    too_large = BadInput("pages", [Problem("image is too large")])
    too_large.__cause__ = MemoryError()
    for error in (
        ValueError("no"),
        too_large,
        CannotWrite("a", "No space left on device"),
        OSError(errno.ENOENT, "no"),
    ):
        assert with_remedy(error, tmp_path) is error


def test_a_full_disk_is_named_by_its_file(tmp_path: Path) -> None:
    found = with_remedy(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "cache.npy")), tmp_path)
    assert isinstance(found, CannotWrite)
    assert found.path == tmp_path / "cache.npy"


class Opens:
    """A trial that opens files until it may open no more."""

    phase = "cache"

    def __init__(self) -> None:
        self.opened: list[int] = []

    def run(self) -> None:
        while True:
            self.opened.append(os.open(os.devnull, os.O_RDONLY))


def test_a_trial_that_can_open_no_more_file_leaves_a_record(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    trial = Opens()
    resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/proc/self/fd").iterdir()]) + 40, before[1]))
    try:
        assert leave_record(trial, toy_knobs(), tmp_path) == 1
    finally:
        for descriptor in trial.opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    failure = read_record(tmp_path).failure
    assert failure is not None
    assert (failure.kind, failure.phase) == ("error", "cache")
    assert failure.message.startswith("too many open files")


class Fails:
    """A trial that loses its workers to the end of its session."""

    phase = "steady"

    def run(self) -> None:
        raise RuntimeError("a worker is gone")


def test_a_trial_that_is_being_ended_begins_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Waits(Exception):
        """Instead of waiting."""

    def hang() -> None:
        raise Waits

    monkeypatch.setattr(worker, "_hang", hang)
    monkeypatch.setattr(worker, "_alone", threading.Event())
    worker._alone.set()
    with pytest.raises(Waits):
        leave_record(Fails(), toy_knobs(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_errors_that_led_to_one_another_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    error, other = RuntimeError("no weights"), KeyError("a")
    error.__context__, other.__context__ = other, error
    assert with_remedy(error, tmp_path) is error


def test_an_error_that_is_raised_from_itself_hides_nothing(tmp_path: Path) -> None:
    lack = OSError("libllvmlite.so: failed to map segment from shared object")
    error = OSError("Could not find/load shared object file 'libllvmlite.so'")
    error.__cause__, error.__context__ = error, lack
    assert str(with_remedy(error, tmp_path)).startswith(f"memory ran out ({lack}). Lower num_workers")


def test_a_death_of_a_worker_that_is_told_late_is_one(tmp_path: Path) -> None:
    told = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    assert isinstance(with_remedy(told, tmp_path), ProcessDied)


@pytest.mark.parametrize(
    ("returncode", "last", "kind", "words"),
    [
        (1, "MemoryError", "error", "memory ran out"),
        (None, "MemoryError", "error", "memory ran out"),
        (1, "OSError: [Errno 24] Too many open files: '/a'", "error", "ulimit"),
        (1, "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed. ", "killed", "pid 7"),
        (
            1,
            "object repr : RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. ')",
            "killed",
            "Killed; the",
        ),
        (1, "RuntimeError: unable to allocate shared memory(shm) for file </torch_7_1_0>", "error", "shm-size"),
        (-signal.SIGKILL, "", "killed", "lower num_workers"),
        (-signal.SIGSEGV, "", "crash", "SIGSEGV is a crash"),
        (-signal.SIGTERM, "", "killed", "SIGTERM came from outside"),
    ],
)
def test_what_a_script_ran_out_of_is_known_by_its_end(
    tmp_path: Path, returncode: int | None, last: str, kind: str, words: str
) -> None:
    stderr = f"Traceback (most recent call last):\n  File 'a.py', line 1\n{last}\n"
    told = told_by(returncode, stderr, tmp_path)
    assert told is not None
    assert words in str(told)
    assert kind_of(told) == kind


def test_a_worker_that_was_gone_when_its_batch_was_fetched_is_known_by_the_traceback(tmp_path: Path) -> None:
    call = '  File "/usr/lib/python3.12/multiprocessing/resource_sharer.py", line 57, in detach'
    told = told_by(
        1, f"Traceback (most recent call last):\n{call}\nConnectionResetError: [Errno 104] reset\n", tmp_path
    )
    assert told is not None
    assert kind_of(told) == "killed"


@pytest.mark.parametrize(("returncode", "last"), [(1, "KeyError: 3"), (0, "MemoryError"), (None, "")])
def test_nothing_is_said_of_other_ends_of_a_script(tmp_path: Path, returncode: int | None, last: str) -> None:
    assert told_by(returncode, f"Traceback (most recent call last):\n{last}\n", tmp_path) is None
