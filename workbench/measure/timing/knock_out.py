"""Stages whose work is replayed from memory, so that its cost is gone: the measured answer to "what if it were free?".

The first output of a knocked-out stage is kept and given again for everything that asks in the same way (the same shape
of image, say). What comes out has the right shape and the wrong content, so pages, targets and detections of such a run
are not valid.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from workbench.measure.timing.stages import Timed

Output = TypeVar("Output")


class KnockOut:
    """Does the work of stages, or replays it. Each process and thread has its own.

    Args:
        stages: Names of those that are knocked out.
    """

    def __init__(self, stages: Iterable[str] = ()) -> None:
        self._stages = frozenset(stages)
        self._kept: dict[Hashable, object] = {}

    def __call__(self, timed: Timed, name: str, work: Callable[[], Output], key: Hashable = None) -> Output:
        """The output of a stage.

        Args:
            timed: The ``with`` block that times it.
            name: The stage.
            work: Does the work.
            key: What outputs may stand in for each other.
        """
        with timed:
            if name not in self._stages:
                return work()
            place = (name, key)
            if place not in self._kept:
                self._kept[place] = work()
            return self._kept[place]  # type: ignore[return-value]

    def __contains__(self, name: str) -> bool:
        """Whether a stage is knocked out."""
        return name in self._stages
