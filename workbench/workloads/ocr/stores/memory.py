"""Memory of the process that holds it.

Under fork the workers inherit it, and the kernel shares it for as long as nobody writes there; under spawn every worker
is sent a copy of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class MemoryStore:
    """See `Store`."""

    filled = False

    def __init__(self, size: int, key: str) -> None:
        self._bytes: npt.NDArray[np.uint8] = np.empty(size, np.uint8)
        self.view = self._bytes.data

    def keep(self) -> None:
        """See `Store`."""

    def discard(self) -> None:
        """See `Store`."""

    def __getstate__(self) -> object:
        """The bytes themselves are sent."""
        return self._bytes

    def __setstate__(self, state: npt.NDArray[np.uint8]) -> None:
        """Take the copy."""
        self._bytes = state
        self.view = state.data
