"""The end of a process tree: all of it is gone, with what it left in /dev/shm, and nobody else is touched."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from workbench.measure.loaders import shared_memory
from workbench.measure.trial.process_tree import ProcessTree

pytestmark = pytest.mark.real

#: A leader with a worker that stays, and one that ends, and is collected, when a line comes in. Each leaves a segment.
LEADER = """
import os, sys, time
def leave(pid):
    open(os.path.join(sys.argv[1], f"torch_{pid}_1_0"), "w").close()
def worker(ends):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        os.read(read, 1) if ends else time.sleep(600)
        os._exit(0)
    leave(pid)
    return pid, write
leave(os.getpid())
stays, _ = worker(False)
ends, write = worker(True)
print(stays, ends, flush=True)
sys.stdin.readline()
os.close(write)
os.waitpid(ends, 0)
print("gone", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def leader(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LEADER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        yield process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[str]]:
    """A process of somebody else."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], text=True) as process:
        yield process
        process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("leader_is_killed", [False, True])
def test_nothing_is_left_of_a_tree_not_even_of_a_worker_that_is_gone(folder, leader, foreign, leader_is_killed):
    tree = ProcessTree(leader)
    assert leader.stdin is not None and leader.stdout is not None
    stays, ends = (int(pid) for pid in leader.stdout.readline().split())
    tree.look()
    leader.stdin.write("\n")
    leader.stdin.flush()
    assert leader.stdout.readline() == "gone\n"
    assert tree.pids == {leader.pid, stays, ends}
    (folder / f"torch_{foreign.pid}_1_0").touch()
    if leader_is_killed:
        leader.send_signal(signal.SIGKILL)
        leader.wait()
    assert len(names(folder)) == 4  # what a tree leaves if nobody cleans up, and what is another's
    tree.end()
    assert names(folder) == {f"torch_{foreign.pid}_1_0"}
    assert foreign.poll() is None
    for pid in tree.pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_ignores_the_request_to_end_is_killed(folder):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    ProcessTree(process).end()
    assert process.returncode == -signal.SIGKILL
    process.stdout.close()


def test_who_ends_its_own_session_takes_what_its_workers_left_along(folder):
    code = (
        "import os, sys, time; from pathlib import Path; from workbench.measure.loaders import shared_memory\n"
        "from workbench.measure.timing.moment import Moment\n"
        "from workbench.measure.trial.process_tree import end_own_session\n"
        "shared_memory.FOLDER = Path(sys.argv[1])\n"
        "pid = os.fork()\n"
        "pid or time.sleep(600)\n"
        "print(pid, flush=True)\n"
        "Path(sys.argv[1], f'torch_{pid}_1_0').touch(); Path(sys.argv[1], 'torch_1_1_0').touch()\n"
        "end_own_session(Moment())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert names(folder) == {"torch_1_1_0"}
    assert process.stdout is not None
    worker = int(process.stdout.read())
    process.stdout.close()
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE


def test_what_others_would_make_anew_is_removed_when_they_are_gone(folder):
    code = (
        "import os, shutil, sys; from pathlib import Path\n"
        "from workbench.measure.timing.moment import Moment\n"
        "from workbench.measure.trial.process_tree import end_own_session\n"
        "place = Path(sys.argv[1], 'place')\n"
        "pid = os.fork()\n"
        "while not pid: place.mkdir(exist_ok=True)\n"
        "while not place.exists(): pass\n"
        "end_own_session(Moment(), lambda: shutil.rmtree(place))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], start_new_session=True)
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert names(folder) == set()


ORPHANS = """
import os, resource, signal, subprocess, sys, time
from workbench.measure.trial.process_tree import adopt_orphans, collect_orphans
if sys.argv[1] == "adopt":
    adopt_orphans()
burn = "import time\\nwhile time.process_time() < 0.5: pass\\nprint('burnt', flush=True)\\ntime.sleep(60)"
parent = f"import subprocess, sys\\nsubprocess.Popen([sys.executable, '-c', {burn!r}]).wait()"
process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True)
process.stdout.readline()
process.kill()
process.wait()  # a parent that is killed at the same moment as its child may still wait for it
os.killpg(process.pid, signal.SIGKILL)
collect_orphans()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


@pytest.mark.parametrize("how", ["adopt", "leave"])
def test_what_killed_descendants_took_is_known_to_who_adopts_them(how):
    done = subprocess.run([sys.executable, "-c", ORPHANS, how], capture_output=True, text=True, timeout=120, check=True)
    assert (float(done.stdout) > 0.45) is (how == "adopt")
