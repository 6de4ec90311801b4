"""What a loader is to the measured loop: epochs of numbered batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from workbench.errors import BadInput, Problem
from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.records import Description
from workbench.units import counted
from workbench.workload import Workload


class Loader(Protocol):
    """Feeds batches to the main process."""

    def epoch(self) -> Iterator[IndexedBatch]:
        """One pass over the samples; every batch with its number, counted on from epoch to epoch.

        Raises:
            WorkbenchError: What the data set raises.
        """

    def start(self) -> None:
        """Start the workers, and let them load ahead for the next epoch. `epoch` does it where nobody has."""

    def disarm(self) -> None:
        """The counted steps are over: from now on no worker's death interrupts the main process.

        Whoever asks for a further batch still gets the error.
        """

    def close(self) -> list[str]:
        """Stop the workers; they are gone when this returns. Raises nothing: what was measured stands.

        Returns:
            What went wrong while they were stopped, a sentence each.
        """

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass, the last one possibly smaller."""


def map_style_dataset(workload: Workload) -> Any:
    """The data set of a workload, for a loader that asks for samples by number.

    Raises:
        BadInput: For one that has no length, or cannot be asked by number.
    """
    dataset = workload.dataset()
    lacking = [name for name in ("__len__", "__getitem__") if not hasattr(type(dataset), name)]
    if lacking:
        what = f"gives {type(dataset).__name__}, which has no {' and no '.join(lacking)}"
        remedy = "Return a map-style data set; a stream of samples cannot be measured yet"
        raise BadInput("workload", [Problem(what, f"{type(workload).__name__}.dataset()", remedy)])
    return dataset


def refuse_other_length(description: Description, num_samples: int) -> None:
    """See whether a data set is as long as its workload says.

    Raises:
        BadInput: Where it is not: samples would be counted wrongly.
    """
    if description.num_samples != num_samples:
        what = f"says {counted(description.num_samples, 'sample')}, and the data set has {num_samples}"
        raise BadInput("workload", [Problem(what, "check()", "Make them agree")])
