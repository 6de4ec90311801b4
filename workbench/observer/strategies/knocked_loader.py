"""`knock_out=loader`: the first batches are given again and again, so that the model alone bounds the run."""

from __future__ import annotations

from typing import Any

#: Batches that are kept.
_KEPT = 4


class KnockedLoader:
    """Gives the batches of one loader again, once its first ones are there."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, tuple[int, int, int]]] = []
        self._given = 0
        self.is_on = False

    def keep(self, batch: Any, contents: tuple[int, int, int]) -> None:
        """A batch was really loaded."""
        if len(self._kept) < _KEPT:
            self._kept.append((batch, contents))

    @property
    def is_ready(self) -> bool:
        """Whether there are enough."""
        return len(self._kept) == _KEPT

    def next(self) -> tuple[Any, tuple[int, int, int]]:
        """The next batch, with what it holds."""
        found = self._kept[self._given % len(self._kept)]
        self._given += 1
        return found
