"""What a device is to the measured loop: it takes work and gives results, at its own pace. And the two plain ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from workbench.measure.timing.clock import Clock, monotonic_ns


class Batch(Protocol):
    """The batch of a step.

    Attributes:
        data: What the collate function made.
        number: Counts the batches of a trial from 0.
        samples: Numbers of the samples in it.
    """

    @property
    def data(self) -> Any:
        """See above."""

    @property
    def number(self) -> int:
        """See above."""

    @property
    def samples(self) -> Sequence[int]:
        """See above."""


@dataclass(frozen=True, slots=True)
class DeviceSpan:
    """One piece of work on the device, on the clock of `timing.clock`."""

    stage: str
    begin_ns: int
    end_ns: int
    batch: int


@dataclass(frozen=True)
class DeviceMemory:
    """Memory of a device that has its own.

    Attributes:
        allocator_bytes: The most that tensors took at one time, as torch's allocator counts it. Contexts, workspaces of
            libraries and other runtimes are not in it.
        process_bytes: All that this process holds on the device at the moment, as the driver counts it; None where
            that cannot be read.
    """

    allocator_bytes: int
    process_bytes: int | None


class Pending(Protocol):
    """Work that a device has accepted."""

    def result(self) -> torch.Tensor:
        """The result in host memory; waits until it is there.

        Raises:
            RuntimeError: For work that was submitted without `fetch`.
        """


class Device(Protocol):
    """Where the model runs.

    Attributes:
        description: In words, for the record ("replay device: 3 ms per sample (simulated)").
        simulated: Whether its times are not those of a device of this machine.
        torch_device: Where tensors and modules go.
    """

    description: str
    simulated: bool
    torch_device: torch.device

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device.

        From pinned memory it is copied without waiting: the tensor must not be overwritten until the step is done.
        From pageable memory (a slot of the ring is pageable) it has left the host's memory when this returns.
        """

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Give the device work; returns as soon as the device has accepted it.

        Args:
            stage: Name of the work in the device lane.
            work: Does it, on the stream that is current, and gives its result on the device.
            batch: The batch that it belongs to.
            fetch: The result will be asked for: its copy to the host is issued with the work.
        """

    def drain(self) -> None:
        """Wait until the device has finished everything."""

    def spans(self) -> list[DeviceSpan]:
        """What the device did until the last `drain`, and when."""

    def memory(self) -> DeviceMemory | None:
        """Memory in use on the device; None where it has none of its own."""


@dataclass(frozen=True)
class Done:
    """A result that is there already."""

    value: torch.Tensor

    def result(self) -> torch.Tensor:
        """The result."""
        return self.value


class NotFetched:
    """Work whose result stays on the device."""

    def result(self) -> torch.Tensor:
        """There is none.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("the result was not asked for when the work was submitted: submit(..., fetch=True)")


class CpuDevice:
    """Runs the model on the host's own cores, in the main process: work is done when it is submitted."""

    description = "cpu"
    simulated = False
    torch_device = torch.device("cpu")

    def __init__(self, clock: Clock = monotonic_ns) -> None:
        self._clock = clock
        self._spans: list[DeviceSpan] = []

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Do the work."""
        begin_ns = self._clock()
        value = work()
        self._spans.append(DeviceSpan(stage, begin_ns, self._clock(), batch.number))
        return Done(value) if fetch else NotFetched()

    def drain(self) -> None:
        """Nothing is ever left over."""

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return self._spans

    def memory(self) -> None:
        """The host's memory is counted with the processes."""


class NoDevice:
    """Does nothing: batches arrive and are dropped. What is measured is the loader alone."""

    description = "none: the loader alone"
    simulated = False
    torch_device = torch.device("cpu")

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Nothing is done; the result is an empty tensor."""
        return Done(torch.empty(0)) if fetch else NotFetched()

    def drain(self) -> None:
        """Nothing is ever left over."""

    def spans(self) -> list[DeviceSpan]:
        """None."""
        return []

    def memory(self) -> None:
        """It has no memory of its own."""
