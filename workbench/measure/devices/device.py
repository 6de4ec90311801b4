"""What a device is to the measured loop: it takes work and gives results, at its own pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class DeviceSpan:
    """One piece of work on the device, on the clock of `timing.clock`."""

    stage: str
    begin_ns: int
    end_ns: int
    batch: int


class Pending(Protocol):
    """Work that a device has taken on."""

    def result(self) -> torch.Tensor:
        """The result in the memory of the host; waits until the device is through with it."""


class Device(Protocol):
    """Where the model runs.

    Attributes:
        description: In words, for the record ("replay device: 3 ms a page (simulated)").
        simulated: Whether its times stand in for a device that isn't here.
        torch_device: Where tensors and modules go.
    """

    description: str
    simulated: bool
    torch_device: torch.device

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device; where its memory is pinned, without waiting for the copy."""

    def submit(
        self,
        stage: str,
        work: Callable[[], torch.Tensor],
        *,
        batch: int,
        num_pages: int,
        placeholder: torch.Tensor | None = None,
    ) -> Pending:
        """Give the device work; returns as soon as the device has taken it.

        Args:
            stage: Name of the work in the device lane.
            work: Does it, and gives its result on the device.
            batch: Number of the batch it belongs to.
            num_pages: Pages in it. 0: work that is part of a step already submitted, and costs nothing of its own where
                the device's time is told by the page.
            placeholder: The result that a device without a model gives instead.
        """

    def drain(self) -> None:
        """Wait until the device is through with everything."""

    def spans(self) -> list[DeviceSpan]:
        """What the device did, and when. To be called after `drain`."""

    def peak_bytes(self) -> int | None:
        """The most memory that was in use on the device; None where there is no memory of its own."""
