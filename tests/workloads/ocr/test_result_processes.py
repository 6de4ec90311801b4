"""Processes that score words: the same counts, in order, without pickled arrays; their ends, wanted or not."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from workbench.errors import ProcessDied
from workbench.measure.timing.channel import Channel
from workbench.measure.trial.loop import timed_in_background
from workbench.workloads.ocr import scoring
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Word
from workbench.workloads.ocr.result_processes import (
    MAX_WITH_PROCESSES,
    NUM_PROCESSES,
    ResultProcesses,
    _Order,
    room_for,
)
from workbench.workloads.ocr.scoring import Scorer

SIDE, BATCH, NUM_BATCHES = 96, 3, 12


def untimed(name, batch=0):
    return nullcontext()


def drawn(rng, dtype):
    """A map with a few words, and these."""
    page_map, words = np.zeros((SIDE, SIDE), np.float32), []
    for _ in range(rng.integers(0, 5)):
        x, y, w, h = rng.integers(5, 60), rng.integers(5, 80), rng.integers(9, 30), rng.integers(6, 14)
        cv2.rectangle(page_map, (int(x), int(y)), (int(x + w), int(y + h)), 1.0, -1)
        left, top, right, bottom = x - 4, y - 4, x + w + 4, y + h + 4  # about as far as it is grown
        words.append(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))
    return page_map.astype(dtype), words


def made(dtype=np.float32):
    """Maps by batch, and a scorer that knows the words."""
    rng = np.random.default_rng(0)
    drawings = [[drawn(rng, dtype) for _ in range(BATCH)] for _ in range(NUM_BATCHES)]
    pages = [
        Page(Path("x"), str(number), tuple(Word(word + rng.integers(0, 4)) for word in words), SIDE, SIDE)
        for number, (_, words) in enumerate(drawing for batch in drawings for drawing in batch)
    ]
    return [np.stack([page_map for page_map, _ in batch]) for batch in drawings], Scorer(pages, has_words=True)


@pytest.fixture
def started():
    """Starts processes, and ends them."""
    running = []

    def start(scorer, timers=(untimed,) * NUM_PROCESSES):
        processes = ResultProcesses(room_for(BATCH, SIDE), scorer, timers)
        running.append(processes)
        return processes, processes.start()

    yield start
    for processes in running:
        processes.stop()


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(is_so):
    """Wait for something; gives whether it has come."""
    until = time.monotonic() + 20.0
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)
    return is_so()


MATRICES = np.tile(np.eye(3), (BATCH, 1, 1))


def give(processes, maps, number, then):
    processes.make_room()
    processes.hand_over(maps, MATRICES, range(number * BATCH, (number + 1) * BATCH), number, then)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_counts_are_those_of_one_process_in_the_order_of_the_batches(started, dtype):
    batches, scorer = made(dtype)
    processes, _ = started(scorer)
    got = []
    for number, maps in enumerate(batches):
        given = maps.copy()
        give(processes, given, number, lambda counts, number=number: got.append((number, counts)))
        given[:] = 0  # the caller may use its memory again
    processes.flush()
    wanted = [
        (number, scorer(maps, MATRICES, range(number * BATCH, (number + 1) * BATCH), untimed))
        for number, maps in enumerate(batches)
    ]
    assert got == wanted
    assert sum(matches for _, scored in wanted for matches, _, _ in scored.counts) > 10
    assert processes.stop() == []


def test_planted_fault_another_page_s_map_gives_other_counts():
    batches, scorer = made()
    right = scorer(batches[0], MATRICES, range(BATCH), untimed)
    assert right != scorer(batches[0][::-1], MATRICES, range(BATCH), untimed)


def test_only_so_many_batches_are_with_them(started):
    batches, scorer = made()
    processes, _ = started(scorer)
    done = []
    for number, maps in enumerate(batches):
        give(processes, maps, number, done.append)
        assert number + 1 - len(done) <= MAX_WITH_PROCESSES


def test_the_knob_says_how_many_there_are():
    assert OcrKnobs.rows()["postprocess"].effects["processes"].side_by_side == NUM_PROCESSES


def test_what_is_sent_is_small():
    assert len(pickle.dumps(_Order(0, (16, 640, 640), "<f4", list(range(16)), 7))) < 500


def test_each_writes_its_stages_to_its_own_track(started):
    channel = Channel.open(num_workers=0, spans_per_process=1000, num_helpers=NUM_PROCESSES)
    batches, scorer = made()
    processes, _ = started(scorer, [timed_in_background(channel.stages(track)) for track in channel.helpers])
    for number, maps in enumerate(batches):
        give(processes, maps, number, lambda counts: None)
    processes.flush()
    for place, track in enumerate(channel.helpers):
        spans = track.read()
        assert spans.names == ("postprocess", "metric")
        assert sorted(set(spans.batch)) == list(range(place, NUM_BATCHES, NUM_PROCESSES)), "they take turns"
    owners = [(of.lane, of.process, of.background) for of in channel.tracks() if of.track in channel.helpers]
    assert owners == [("main", number + 1, True) for number in range(NUM_PROCESSES)]


def test_what_one_raises_comes_up_with_its_traceback(started, monkeypatch):
    def broken(page_map):
        raise ZeroDivisionError("planted in a process")

    monkeypatch.setattr(scoring, "search", broken)
    batches, scorer = made()
    processes, _ = started(scorer)
    give(processes, batches[0], 0, lambda counts: None)
    with pytest.raises(ZeroDivisionError, match="planted in a process") as raised:
        processes.flush()
    assert "in broken" in "".join(raised.value.__notes__)


@pytest.mark.parametrize("is_at_work", [True, False])
def test_a_killed_one_is_explained(started, is_at_work):
    batches, scorer = made()
    processes, pids = started(scorer)
    if is_at_work:
        os.kill(pids[0], signal.SIGSTOP)
        give(processes, batches[0], 0, lambda counts: None)
    os.kill(pids[0], signal.SIGKILL)
    if not is_at_work:
        wait_until(lambda: not is_running(pids[0]))
    with pytest.raises(ProcessDied, match=rf"pid {pids[0]}\) ended with signal SIGKILL.*postprocess=threads") as raised:
        for number, maps in enumerate(batches):
            give(processes, maps, number, lambda counts: None)
        processes.flush()
    assert raised.value.was_killed


def test_one_that_ends_by_itself_is_explained(started, monkeypatch):
    monkeypatch.setattr(scoring, "search", lambda page_map: os._exit(3))
    batches, scorer = made()
    processes, _ = started(scorer)
    give(processes, batches[0], 0, lambda counts: None)
    with pytest.raises(ProcessDied, match=r"ended with exit code 3\. The tail of stderr") as raised:
        processes.flush()
    assert not raised.value.was_killed


def test_stopped_they_are_gone_whatever_they_were_at(started):
    batches, scorer = made()
    processes, pids = started(scorer)
    give(processes, batches[0], 0, lambda counts: None)
    processes.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert processes.stop() == []


ORPHANS = """
import os, signal, sys
from contextlib import nullcontext
from workbench.workloads.ocr.result_processes import ResultProcesses, room_for
from workbench.workloads.ocr.scoring import Scorer
timer = lambda name, batch: nullcontext()
print(*ResultProcesses(room_for(1, 32), Scorer([], False), (timer, timer)).start(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_they_end_when_the_trial_s_process_is_killed():
    done = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == NUM_PROCESSES

    assert wait_until(lambda: not any(map(is_running, pids)))
