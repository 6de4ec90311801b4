"""No device: batches arrive and are let go. What is measured is the loader alone."""

from __future__ import annotations

from collections.abc import Callable

import torch

from workbench.measure.devices.cpu import Done
from workbench.measure.devices.device import DeviceSpan, Pending


class NoDevice:
    """Does nothing; a workload has no result to wait for."""

    description = "none: the loader alone"
    simulated = False
    torch_device = torch.device("cpu")

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
        """Nothing is done; the result is an empty tensor."""
        return Done(torch.empty(0))

    def drain(self) -> None:
        """Nothing is ever left over."""

    def spans(self) -> list[DeviceSpan]:
        """None."""
        return []

    def peak_bytes(self) -> None:
        """There is no memory of its own."""
