"""What a loader is to the measured loop: epochs of parcels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from workbench.loaders.parcel import Parcel


class Loader(Protocol):
    """Feeds batches to the main process."""

    def epoch(self) -> Iterator[Parcel]:
        """One pass over the pages; every batch with its number, counted on from epoch to epoch.

        Raises:
            LoaderDied: When a worker process is gone.
        """

    def close(self) -> None:
        """Stop the workers; they are gone when this returns."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass, the last one possibly smaller."""


class LoaderDied(Exception):
    """A worker process ended that should not have; the message says how."""
