"""What the panel has been asked to do, one at a time."""

from __future__ import annotations

import threading

from workbench.errors import BadInput, Problem
from workbench.panel.run_queue import Debounced, Job, RunQueue

PATIENCE_S = 60.0


def test_jobs_are_done_one_at_a_time_in_their_order() -> None:
    queue, done, go = RunQueue(), [], threading.Event()
    queue.add(Job("first", lambda cancel: (go.wait(PATIENCE_S), done.append("first"))))
    queue.add(Job("second", lambda cancel: done.append("second")))

    assert [job.title for job in queue.waiting] == ["second"]
    assert done == []
    go.set()
    assert queue.wait_until_idle(PATIENCE_S)
    assert done == ["first", "second"]
    assert queue.current is None


def test_cancel_ends_the_current_job_only() -> None:
    queue, ended, began = RunQueue(), [], threading.Event()

    def work(cancel: threading.Event) -> None:
        began.set()
        ended.append(cancel.wait(PATIENCE_S))

    queue.add(Job("first", work))
    queue.add(Job("second", lambda cancel: ended.append(cancel.is_set())))
    assert began.wait(PATIENCE_S)
    queue.cancel()

    assert queue.wait_until_idle(PATIENCE_S)
    assert ended == [True, False]


def test_a_cleared_queue_forgets_what_waits() -> None:
    queue, done, go = RunQueue(), [], threading.Event()
    queue.add(Job("first", lambda cancel: go.wait(PATIENCE_S)))
    queue.add(Job("second", lambda cancel: done.append("second")))
    queue.clear()
    go.set()

    assert queue.wait_until_idle(PATIENCE_S)
    assert done == []


def test_errors_are_said_in_words_and_the_queue_goes_on() -> None:
    queue, texts = RunQueue(), []
    bad = BadInput("the data set", [Problem("is empty")])

    def fail(error: Exception) -> None:
        raise error

    queue.add(Job("bad input", lambda cancel: fail(bad), texts.append))
    queue.add(Job("a bug", lambda cancel: fail(ValueError("of ours")), texts.append))
    queue.add(Job("fine", lambda cancel: texts.append("fine")))

    assert queue.wait_until_idle(PATIENCE_S)
    assert texts == ["the data set: is empty", "ValueError: of ours", "fine"]


def test_the_latest_wish_counts() -> None:
    texts: list[str] = []
    latest, go, began, done = Debounced(texts.append), threading.Event(), threading.Event(), []

    def first() -> None:
        began.set()
        go.wait(PATIENCE_S)
        done.append(1)

    latest.ask(first)
    assert began.wait(PATIENCE_S)
    latest.ask(lambda: done.append(2))
    latest.ask(lambda: done.append(3))
    go.set()

    assert latest.wait_until_idle(PATIENCE_S)
    assert done == [1, 3]
    latest.ask(lambda: 1 / 0)
    assert latest.wait_until_idle(PATIENCE_S)
    assert texts == ["ZeroDivisionError: division by zero"]
