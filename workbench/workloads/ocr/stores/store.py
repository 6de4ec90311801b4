"""What a store is: a block of memory in which a cache lies."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """A block of bytes.

    Attributes:
        view: The bytes, uint8 [size]; writable until `keep`.
        filled: Whether the content is there already, from an earlier run.
    """

    view: memoryview
    filled: bool

    def keep(self) -> None:
        """The content is complete.

        Raises:
            WorkbenchError: Where it cannot be kept.
        """

    def discard(self) -> None:
        """The content will not be completed: leave nothing behind."""
