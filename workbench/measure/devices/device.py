"""What a device is to the measured loop: it takes work and gives results, at its own pace. And the two plain ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from workbench import workload
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.workload import Batch, Pending


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


class Device(workload.Device, Protocol):
    """Where the model runs, as the loop sees it; a workload sees less of it.

    Attributes:
        description: In words, for the record ("replay device: 3 ms per sample (simulated)").
        steps_ahead: Steps that may lie in its queue before `submit` waits; None: no bound that is known.
    """

    description: str
    steps_ahead: int | None

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
    steps_ahead: int | None = 0
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
    steps_ahead: int | None = 0
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
