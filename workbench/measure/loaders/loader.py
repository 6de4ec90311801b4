"""What a loader is to the measured loop: epochs of numbered batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from workbench.measure.loaders.indexed_batch import IndexedBatch


class Loader(Protocol):
    """Feeds batches to the main process."""

    def epoch(self) -> Iterator[IndexedBatch]:
        """One pass over the samples; every batch with its number, counted on from epoch to epoch.

        Raises:
            WorkbenchError: What the data set raises.
        """

    def start(self) -> None:
        """Start the workers, and let them load ahead for the next epoch. `epoch` does it where nobody has."""

    def close(self) -> None:
        """Stop the workers; they are gone when this returns."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass, the last one possibly smaller."""


class LoaderDied(Exception):
    """A worker process ended that should not have; the message says how."""


def explain_death(error: RuntimeError) -> LoaderDied | None:
    """What torch says of a dead worker, in words to act on; None for any other error.

    torch tells it from a signal handler, so that it comes up wherever the main process happens to be.
    """
    told = [str(one) for one in _chain(error)]
    dead = [found for text in told if (found := re.search(r"DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) (.*)", text))]
    if not dead:
        return None
    pids, what = dead[-1].groups()  # the first that was raised knows most
    if "Bus error" in what:
        remedy = "/dev/shm is full: enlarge it, or lower num_workers, prefetch_factor or batch_size"
    elif "Killed" in what:
        remedy = "the kernel kills when memory runs out: lower num_workers or batch_size, or take a smaller cache"
    else:
        remedy = "the tail of stderr may say more"
    return LoaderDied(f"loader worker (pid {pids.strip()}) {what.strip().rstrip('.')}; {remedy}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, what caused that, ..."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
