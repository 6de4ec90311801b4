"""A frozen trial does nothing, with all its processes; its time stands still; left alone, it does not stay frozen."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from workbench.measure.trial.freezing import Freezer
from workbench.measure.trial.process_tree import in_session
from workbench.observer.clock import Pauses

pytestmark = pytest.mark.real

#: A process with a child, both of which count as fast as they can in files.
_COUNTS = """
import os, sys, time
place = sys.argv[1]
name = "child" if os.fork() == 0 else "parent"
number = 0
while True:
    number += 1
    with open(f"{place}/{name}.new", "w") as file:
        file.write(str(number))
    os.replace(f"{place}/{name}.new", f"{place}/{name}")
    time.sleep(0.001)
"""


def wait_for(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it has not come to that"
        time.sleep(0.01)


def counts(place: Path) -> list[int]:
    return [int((place / name).read_text()) for name in ("parent", "child")]


@pytest.fixture
def counting(tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _COUNTS, str(tmp_path)], start_new_session=True)
    wait_for(lambda: (tmp_path / "parent").exists() and (tmp_path / "child").exists())
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_frozen_processes_stand_still_and_their_time_too(counting, tmp_path):
    pauses = Pauses.make(str(tmp_path / "page"))
    freezer = Freezer(counting.pid, pauses)
    freezer.freeze()
    before, began_ns = counts(tmp_path), time.perf_counter_ns()
    time.sleep(0.2)
    assert counts(tmp_path) == before
    assert pauses.frozen_ns == 0, "its own clock learns of it when it goes on"
    assert freezer.frozen_ns >= 200_000_000, "who looks after it knows at once: a frozen trial runs into no time-out"
    freezer.thaw()
    assert pauses.frozen_ns >= time.perf_counter_ns() - began_ns - 50_000_000
    wait_for(lambda: all(now > then for now, then in zip(counts(tmp_path), before, strict=True)))
    freezer.freeze()
    assert [state_of(pid) for pid in in_session(counting.pid)] == [psutil.STATUS_STOPPED] * 2
    (only,) = freezer.slices
    assert 0 < only.end_ns - only.begin_ns < 25e9
    assert only.end_ns <= pauses.now_ns()


def test_freezing_twice_and_thawing_twice_changes_nothing(counting, tmp_path):
    pauses = Pauses.make(str(tmp_path / "page"))
    freezer = Freezer(counting.pid, pauses)
    freezer.thaw()
    freezer.freeze()
    freezer.freeze()
    freezer.thaw()
    frozen_ns = pauses.frozen_ns
    freezer.thaw()
    assert pauses.frozen_ns == frozen_ns
    assert freezer.slices == []  # it was not frozen again


def test_what_is_gone_can_be_frozen(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    process.wait()
    freezer = Freezer(process.pid, Pauses.make(str(tmp_path / "page")))
    freezer.freeze()
    freezer.thaw()


def test_a_frozen_process_wakes_when_its_parent_is_gone(tmp_path):
    """The parent starts a child, freezes it, and is killed: the child finds that out, and says so."""
    child = (
        "import os, sys, time; from workbench.measure.trial.freezing import go_on_without_parent;"
        "go_on_without_parent(); open(sys.argv[1] + '/up', 'w').close(); os.read(0, 1);"
        "open(sys.argv[1] + '/woken', 'w').close()"
    )
    parent = (
        "import os, signal, subprocess, sys, time, pathlib\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}, sys.argv[1]], stdin=subprocess.PIPE,"
        " start_new_session=True)\n"
        "while not pathlib.Path(sys.argv[1], 'up').exists(): time.sleep(0.01)\n"
        "os.kill(child.pid, signal.SIGSTOP)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", parent, str(tmp_path)], check=False)
    wait_for((tmp_path / "woken").exists)


def state_of(pid: int) -> str:
    return str(psutil.Process(pid).status())
