"""Work beside the loop is done in order, bounded, and its errors come up."""

from __future__ import annotations

import threading

import pytest

from workbench.workloads.beside import MAX_PENDING, Beside


def test_work_is_done_in_order_in_another_thread():
    done: list[tuple[int, int]] = []
    beside = Beside()
    for number in range(10):
        beside.start(lambda number=number: done.append((number, threading.get_ident())))
    beside.settle()
    assert [number for number, _ in done] == list(range(10))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_no_more_than_so_many_wait():
    gate, beside, started = threading.Event(), Beside(), []

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
    beside.settle()


def test_an_error_comes_up():
    beside = Beside()
    beside.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        beside.settle()
