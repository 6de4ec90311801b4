"""The scheduler's counters, read from a folder that looks like /proc, and from the real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workbench.measure.timing.core_time import CoreTime, read_core_time


def write_thread(proc: Path, pid: int, thread: int, text: str) -> None:
    folder = proc / str(pid) / "task" / str(thread)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(text)


def test_the_first_thread_and_its_helpers_are_told_apart(tmp_path):
    write_thread(tmp_path, 7, 7, "3000000000 500000000 12\n")
    write_thread(tmp_path, 7, 8, "1000000000 9 1\n")
    write_thread(tmp_path, 7, 9, "250000000 9 1\n")
    assert read_core_time(7, tmp_path) == CoreTime(cpu_s=3.0, ready_s=0.5, background_cpu_s=1.25)


@pytest.mark.parametrize("text", ["", "not numbers"])
def test_what_cannot_be_read_is_not_known(tmp_path, text):
    write_thread(tmp_path, 7, 7, text)
    assert read_core_time(7, tmp_path) is None
    assert read_core_time(8, tmp_path) is None


def test_a_process_without_its_first_thread_is_not_known(tmp_path):
    write_thread(tmp_path, 7, 8, "1 1 1")
    assert read_core_time(7, tmp_path) is None


def test_times_between_two_readings():
    assert CoreTime(5.0, 1.0, 0.5) - CoreTime(2.0, 0.5, 0.75) == CoreTime(3.0, 0.5, 0.0)
    assert CoreTime(5.0, 1.0, 0.5) + CoreTime(2.0, 0.5, 0.5) == CoreTime(7.0, 1.5, 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts")
def test_this_process_has_been_on_a_core():
    found = read_core_time(os.getpid())
    if found is None:
        pytest.skip("this kernel keeps no scheduler statistics")
    assert found.cpu_s > 0
