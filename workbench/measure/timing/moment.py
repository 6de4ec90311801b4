"""When something began, by the clock that files have, which is set now and then: back, where it was ahead."""

from __future__ import annotations

import time
from collections.abc import Callable


class Moment:
    """Now, by the clock of files and by one that nobody sets.

    Args:
        wall_s: The clock of files.
        steady_s: The other one.
    """

    def __init__(
        self, *, wall_s: Callable[[], float] = time.time, steady_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._steady = wall_s, steady_s
        self._wall_s, self._steady_s = wall_s(), steady_s()

    @property
    def earliest_s(self) -> float:
        """What the clock of files may have said at the earliest of anything that was made after this moment."""
        return min(self._wall_s, self._wall() - (self._steady() - self._steady_s))
