"""The CPU as a device: work is done when it is submitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from workbench.measure.devices.device import DeviceSpan, Pending
from workbench.measure.timing.clock import Clock, monotonic_ns


@dataclass(frozen=True)
class Done:
    """A result that is there already."""

    value: torch.Tensor

    def result(self) -> torch.Tensor:
        """The result."""
        return self.value


class CpuDevice:
    """Runs the model on the host's own cores, in the main process."""

    description = "cpu"
    simulated = False
    torch_device = torch.device("cpu")

    def __init__(self, clock: Clock = monotonic_ns) -> None:
        self._clock = clock
        self._spans: list[DeviceSpan] = []

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        return tensor

    def submit(
        self,
        stage: str,
        work: Callable[[], torch.Tensor],
        *,
        batch: int,
        num_pages: int,
        placeholder: torch.Tensor | None = None,
    ) -> Pending:
        """Do the work."""
        begin = self._clock()
        done = Done(work())
        self._spans.append(DeviceSpan(stage, begin, self._clock(), batch))
        return done

    def drain(self) -> None:
        """Nothing is ever left over."""

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return self._spans

    def peak_bytes(self) -> None:
        """The host's memory is counted with the processes."""
