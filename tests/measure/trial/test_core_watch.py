"""What lanes used of the cores, by counters that the test turns."""

from __future__ import annotations

import os

from workbench.measure.timing.channel import Channel
from workbench.measure.timing.core_time import CoreTime
from workbench.measure.trial.core_watch import CoreWatch

WORKERS = (100_001, 100_002)


class Counters:
    def __init__(self) -> None:
        self.of = {os.getpid(): CoreTime(1, 0, 0), WORKERS[0]: CoreTime(2, 0, 0), WORKERS[1]: CoreTime(3, 0, 0)}

    def __call__(self, pid: int) -> CoreTime | None:
        return self.of.get(pid)

    def go_on(self, pid: int, *seconds: float) -> None:
        self.of[pid] = self.of[pid] + CoreTime(*seconds)


def watched(pids=WORKERS) -> tuple[CoreWatch, Counters]:
    channel = Channel.open(num_workers=2, spans_per_process=4)
    for track, pid in zip(channel.workers, pids, strict=True):
        track.pid = pid
    counters = Counters()
    return CoreWatch(channel, counters), counters


def test_a_lane_is_the_sum_of_its_processes_between_begin_and_end():
    watch, counters = watched()
    watch.begin()
    counters.go_on(WORKERS[0], 4.0, 0.5, 0.1)
    counters.go_on(WORKERS[1], 3.0, 0.25, 0.0)
    counters.go_on(os.getpid(), 1.0, 0.0, 0.0)
    watch.end()
    assert watch.used("worker") == CoreTime(7.0, 0.75, 0.1)
    assert watch.used("main") == CoreTime(1.0, 0.0, 0.0)


def test_a_worker_that_is_gone_leaves_its_lane_unknown():
    watch, counters = watched()
    watch.begin()
    del counters.of[WORKERS[0]]
    watch.end()
    assert watch.used("worker") is None
    assert watch.used("main") is not None


def test_where_the_main_process_loads_there_is_no_lane_of_workers():
    watch, _ = watched((os.getpid(), os.getpid()))
    watch.begin()
    watch.end()
    assert watch.used("worker") is None
