"""One block of memory that all workers map, under fork and spawn alike."""

from __future__ import annotations

from workbench.memory import SharedMemory


class SharedStore:
    """See `Store`."""

    filled = False

    def __init__(self, size: int, key: str) -> None:
        self._memory = SharedMemory(size, name="workbench-pages")
        self.view = self._memory.view

    def keep(self) -> None:
        """See `Store`."""

    def discard(self) -> None:
        """See `Store`."""

    def __getstate__(self) -> object:
        """The memory is handed over by its descriptor."""
        return self._memory

    def __setstate__(self, state: SharedMemory) -> None:
        """Map it."""
        self._memory = state
        self.view = state.view
