"""Work beside the loop is done in order, bounded, and its errors come up."""

from __future__ import annotations

import threading

import pytest
from workbench.workloads.ocr.background import MAX_PENDING, BackgroundThread


def test_work_is_done_in_order_in_another_thread():
    done: list[tuple[int, int]] = []
    beside = BackgroundThread()
    for number in range(10):
        beside.start(lambda number=number: done.append((number, threading.get_ident())))
    beside.flush()
    assert [number for number, _ in done] == list(range(10))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_no_more_than_so_many_wait():
    gate, beside, started = threading.Event(), BackgroundThread(), []

    def fill() -> None:
        for number in range(MAX_PENDING + 1):
            beside.start(gate.wait)
            started.append(number)

    filler = threading.Thread(target=fill)
    filler.start()
    filler.join(timeout=0.5)
    assert len(started) == MAX_PENDING
    gate.set()
    filler.join()
    beside.flush()


def test_an_error_comes_up():
    beside = BackgroundThread()
    beside.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        beside.flush()


def test_there_is_room_as_soon_as_one_piece_is_done():
    gates = [threading.Event() for _ in range(MAX_PENDING)]
    beside, made = BackgroundThread(), threading.Event()
    for gate in gates:
        beside.start(gate.wait)
    waiter = threading.Thread(target=lambda: (beside.make_room(), made.set()))
    waiter.start()
    assert not made.wait(0.2)
    gates[0].set()
    assert made.wait(10.0)
    waiter.join()
    for gate in gates:
        gate.set()
    beside.flush()
