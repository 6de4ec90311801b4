"""Functions and methods whose time is known: each call is a stage of the lane that its thread works on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .clock import now_ns
from .lane import Lane, current
from .rows import Rows, size_of

#: What a timed function has, so that it is not timed twice.
_MARK = "_workbench"


def timed(call: Callable[..., Any], stage: str | Callable[[Any], str]) -> Callable[..., Any]:
    """A call that is a stage.

    Args:
        call: A function, a method as its class has it, or an object that is called.
        stage: Its name, or what gives the name by the first argument (of a method: the object).
    """
    name, name_of = (stage, None) if isinstance(stage, str) else ("", stage)

    @functools.wraps(call)
    def timed_call(*args: Any, **kwargs: Any) -> Any:
        lane = current.lane
        if lane is None:
            return call(*args, **kwargs)
        lane.enter(name if name_of is None else name_of(args[0]))
        try:
            return call(*args, **kwargs)
        finally:
            lane.leave()

    return marked(timed_call)


def marked(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call that is known to be timed."""
    setattr(call, _MARK, True)
    return call


def is_timed(call: Any) -> bool:
    """Whether a call is timed already."""
    return hasattr(call, _MARK)


def call_of(value: Any) -> Any:
    """What is called where an object is, as its class has it."""
    return next((vars(base)["__call__"] for base in type(value).__mro__ if "__call__" in vars(base)), None)


def cost_ns(calls: int = 300) -> float:
    """Nanoseconds that a timed call takes longer than a plain one, here and now: the median of a few tries."""
    tries = 5
    room = 2 * calls * tries + tries
    rows = Rows(memoryview(bytearray(size_of(room))), room)

    def nothing() -> None:
        return None

    looked_at, outer = timed(nothing, "nothing"), current.lane
    found = []
    try:
        for _ in range(tries):
            current.lane = Lane(rows)
            current.lane.enter("around it")
            began = now_ns()
            for _ in range(calls):
                looked_at()
            between = now_ns()
            for _ in range(calls):
                nothing()
            found.append((2 * between - began - now_ns()) / calls)
    finally:
        current.lane = outer
    return sorted(found)[len(found) // 2]
