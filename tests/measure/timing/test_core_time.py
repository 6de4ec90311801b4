"""The scheduler's counters, read from a folder that looks like /proc, and what lanes used of the cores by them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreTime, CoreWatch, read_core_time

WORKERS = (100_001, 100_002)


def write_thread(proc: Path, pid: int, thread: int, text: str) -> None:
    folder = proc / str(pid) / "task" / str(thread)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(text)


def test_the_first_thread_and_the_others_are_counted_apart(tmp_path):
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


def test_processes_that_work_on_results_count_beside_the_main_process():
    channel = Channel.open(num_workers=0, spans_per_process=10, num_helpers=2)
    for track, pid in zip(channel.helpers, (7, 8), strict=True):
        track.pid = pid
    readings = {os.getpid(): CoreTime(1.0, 0.0, 0.5), 7: CoreTime(2.0, 0.25, 1.0), 8: CoreTime(4.0, 0.0, 0.0)}
    watch = CoreWatch(channel, lambda pid: readings[pid])
    watch.begin()
    readings = {pid: time + time for pid, time in readings.items()}
    watch.end()
    assert watch.used("main") == CoreTime(1.0, 0.0, 0.5 + 2.0 + 1.0 + 4.0)


def test_the_kernel_counts_at_least_what_this_process_works():
    """The clock of the thread says how long it was on a core; what /proc says of the same time may not be less."""
    before = read_core_time(os.getpid())
    if before is None:
        pytest.skip("this kernel keeps no scheduler statistics")
    if os.getpid() != threading.get_native_id():
        pytest.skip("the tests don't run in the first thread of their process")
    began_s = time.thread_time()
    while time.thread_time() - began_s < 0.05:
        pass
    after = read_core_time(os.getpid())
    assert after is not None
    # The counter is brought up to date at the clock's ticks, of which there are at least 100 a second.
    assert (after - before).cpu_s >= 0.05 - 0.02


class Counters:
    """Counters of the scheduler that the test turns."""

    def __init__(self) -> None:
        self.of = {os.getpid(): CoreTime(1, 0, 0), WORKERS[0]: CoreTime(2, 0, 0), WORKERS[1]: CoreTime(3, 0, 0)}

    def __call__(self, pid: int) -> CoreTime | None:
        return self.of.get(pid)

    def advance(self, pid: int, *seconds: float) -> None:
        self.of[pid] = self.of[pid] + CoreTime(*seconds)


def watched(pids: tuple[int, int] = WORKERS) -> tuple[CoreWatch, Counters]:
    channel = Channel.open(num_workers=2, spans_per_process=4)
    for track, pid in zip(channel.workers, pids, strict=True):
        track.pid = pid
    counters = Counters()
    return CoreWatch(channel, counters), counters


def test_a_lane_is_the_sum_of_its_processes_between_begin_and_end():
    watch, counters = watched()
    watch.begin()
    counters.advance(WORKERS[0], 4.0, 0.5, 0.1)
    counters.advance(WORKERS[1], 3.0, 0.25, 0.0)
    counters.advance(os.getpid(), 1.0, 0.0, 0.0)
    watch.end()
    counters.advance(WORKERS[0], 9.0, 9.0, 9.0)
    assert watch.used("worker") == CoreTime(7.0, 0.75, 0.1)
    assert watch.used("main") == CoreTime(1.0, 0.0, 0.0)


def test_a_worker_that_is_gone_leaves_its_lane_unknown():
    watch, counters = watched()
    watch.begin()
    del counters.of[WORKERS[0]]
    watch.end()
    assert watch.used("worker") is None
    assert watch.used("main") is not None


@pytest.mark.parametrize("has_channel", [True, False])
def test_where_there_are_no_workers_only_the_main_process_is_watched(has_channel):
    watch, counters = watched((os.getpid(), os.getpid()))
    watch = watch if has_channel else CoreWatch(None, counters)
    watch.begin()
    counters.advance(os.getpid(), 2.0, 0.0, 0.0)
    watch.end()
    assert watch.used("worker") is None
    assert watch.used("main") == CoreTime(2.0, 0.0, 0.0)
