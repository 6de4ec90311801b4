"""Full collections of Python's garbage, as a stage of whatever thread they interrupt."""

from __future__ import annotations

import gc
from typing import Any

from . import steps
from .lane import Lane, current
from .session import Session

STAGE = "garbage collection"

#: Younger generations are collected often, and soon done.
_OLDEST = 2


def watch(session: Session) -> None:
    """Time every full collection in this process from here on."""
    depths: list[tuple[Lane, int]] = []

    def told(phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != _OLDEST or session.off:
            return
        if phase == "start":
            loop = steps.running()
            lane = current.lane or (loop.lane if loop is not None else None)
            if lane is not None and lane.depth:
                depths.append((lane, lane.depth))
                lane.enter(STAGE)
        elif depths:
            lane, depth = depths.pop()
            lane.leave_to(depth)

    gc.callbacks.append(told)
    session.on_close.append(lambda: gc.callbacks.remove(told))
