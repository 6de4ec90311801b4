"""Samples and batches made once more when all steps have been counted: in the main process, with no worker at work."""

from __future__ import annotations

import itertools
import time
from typing import Any

from . import transforms
from .fetch import COLLATE, in_order, watch_datasets
from .lane import current
from .session import Session
from .timed import timed

#: After so long it is enough.
_MOST_S = 20.0


def time_isolated(session: Session, dataset: Any, collate: Any, size: int | None) -> None:
    """Time the stages of some samples, as spans of the lane `isolated`.

    Args:
        session: The session of this process.
        dataset: That of the loader that trained.
        collate: The script's own collate function.
        size: Samples in a batch; None: not known.
    """
    count = int(session.settings.get("isolated_samples") or 0)
    if not count or not size:
        return
    lane = session.lane("isolated")
    for one in watch_datasets(session, dataset):
        transforms.watch_chain_of(session, one)
    collate = timed(collate, COLLATE)
    numbers: list[int] = []
    until = time.monotonic() + _MOST_S
    current.lane = lane
    try:
        iterator = in_order(dataset)
        while len(numbers) < max(count, size) and time.monotonic() < until:
            lane.batch = len(numbers) // size
            samples = list(itertools.islice(iterator, size))
            if not samples:
                break
            collate(samples)
            numbers += range(len(numbers), len(numbers) + len(samples))
    finally:
        current.lane = None
        lane.leave_to(0)
    session.tell("isolated", samples=numbers)
