"""A DataModule of the user's as a workload: ``-p workload=datamodule:package.module:Name``.

What counts is what it can do, not what it inherits from: `setup`, and `train_dataloader` or `val_dataloader`, as
Lightning has them. Its data sets and collate functions are measured; the model is the replay device, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import load_attribute
from workbench.records import Description, Score
from workbench.stages import Stage
from workbench.workload import Batch, Device, Timers


def workload_of(path: str) -> type:
    """The workload of a DataModule.

    Args:
        path: ``package.module:Name``, a class (or a function that gives an instance) that takes no arguments.

    Raises:
        BadInput: Where it cannot be imported.
    """
    make = load_attribute(path)
    return type("OfDataModule", (DataModuleWorkload,), {"make": staticmethod(make), "path": path})


class DataModuleWorkload:
    """Measures the loading of one DataModule. See `workbench.workload.Workload`.

    Args:
        knobs: Of measuring; `mode=train` takes the training loader's data set, else that of validation.
    """

    stages: ClassVar[Sequence[Stage]] = ()
    item: ClassVar[str] = "sample"
    make: ClassVar[Callable[[], Any]]
    path: ClassVar[str]

    def __init__(self, knobs: Any) -> None:
        self._knobs = knobs
        self._device: Device | None = None

    @cached_property
    def _loader(self) -> Any:
        """The DataLoader that the module makes; only its data set and collate function are used."""
        module = type(self).make()
        trains = self._knobs.mode == "train"
        name = "train_dataloader" if trains else "val_dataloader"
        if not callable(getattr(module, name, None)):
            raise BadInput("workload", [Problem(f"has no '{name}'", self.path, "Set mode, or name a DataModule")])
        for prepare in ("prepare_data", "setup"):
            call = getattr(module, prepare, None)
            if callable(call):
                call("fit") if prepare == "setup" else call()
        loader = getattr(module, name)()
        if isinstance(loader, list | tuple | dict):
            what = f"'{name}' gives {len(loader)} loaders"
            raise BadInput("workload", [Problem(what, self.path, "Observe the training: workbench attach -- ...")])
        return loader

    def check(self) -> Description:
        """What the data set is like.

        Raises:
            BadInput: Where the DataModule gives no loader of a map-style data set.
        """
        loader = self._loader
        dataset = getattr(loader, "dataset", None)
        if dataset is None or not hasattr(dataset, "__len__"):
            remedy = "Give a torch DataLoader of a map-style data set, or observe the training: workbench attach -- ..."
            raise BadInput("workload", [Problem("gives no loader of a data set with a length", self.path, remedy)])
        size = getattr(loader, "batch_size", None)
        is_other = size is not None and size != self._knobs.batch_size
        own = f"The DataModule's own batch size is {size}; measured is batch_size={self._knobs.batch_size}."
        return Description(num_samples=len(dataset), notes=[own] if is_other else [])

    def dataset(self) -> Any:
        """Its data set, unmodified."""
        return self._loader.dataset

    def collate(self) -> Callable[[list[Any]], Any] | None:
        """Its collate function."""
        found: Callable[[list[Any]], Any] | None = self._loader.collate_fn
        return found

    def build(self, device: Device) -> None:
        """There is no model: the device only takes its time."""
        self._device = device

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        """Bring the tensors of a batch to the device, and let it take its time."""
        if self._device is None:
            return
        device = self._device
        with timers.main("transfer"):
            for tensor in _tensors(batch.data):
                device.put(tensor)
        with timers.main("forward"):
            device.submit("forward", lambda: torch.zeros(1), batch)

    def quality(self) -> dict[str, Score]:
        """Nothing is scored without a model."""
        return {}

    def placeholder(self, batch: Batch) -> torch.Tensor:
        """What the replay device gives."""
        return torch.zeros(1)


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
