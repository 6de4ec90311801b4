"""A folder is in use as long as somebody works in it, and no longer."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

from workbench.records.in_use import Hold, is_held


def test_a_folder_is_held_until_it_is_released(tmp_path):
    assert not is_held(tmp_path)
    first, second = Hold(tmp_path), Hold(tmp_path)
    first.release()
    assert is_held(tmp_path)
    second.release()
    second.release()
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == [], "it leaves no file"


def descriptors_of(folder: Path) -> list[str]:
    """This process's own of a folder; how many it has of others changes with what else is garbage."""
    return [entry.name for entry in Path("/proc/self/fd").iterdir() if os.path.realpath(entry) == str(folder)]


def test_what_is_garbage_holds_nothing_and_keeps_no_descriptor(tmp_path):
    hold = Hold(tmp_path)
    assert descriptors_of(tmp_path)
    del hold
    gc.collect()
    assert not is_held(tmp_path)
    assert descriptors_of(tmp_path) == []


def test_a_process_that_is_killed_holds_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from workbench.records.in_use import Hold\n"
        "held = Hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        assert is_held(tmp_path)
        process.kill()
        process.wait()
    assert not is_held(tmp_path)


def test_a_folder_that_is_gone_is_held_by_nobody(tmp_path):
    assert not is_held(tmp_path / "gone")
