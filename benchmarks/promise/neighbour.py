"""A process beside what is measured, which takes a core at random times: a shared machine, on purpose."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: It works and rests for times between these.
_SPELL_S = (0.2, 3.0)


@contextmanager
def neighbour(*, at_work: bool = True) -> Iterator[None]:
    """Have it work as long as the block lasts.

    Args:
        at_work: Whether there is one at all.
    """
    if not at_work:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=_work_at_random, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _work_at_random() -> None:
    draw = random.Random(0)
    while True:
        until = time.monotonic() + draw.uniform(*_SPELL_S)
        while time.monotonic() < until:
            pass
        time.sleep(draw.uniform(*_SPELL_S))
