"""A CUDA device. Work is timed with events that are read after the run: no step waits because it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from workbench.measure.devices.device import DeviceSpan, Pending
from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.units import NS_PER_S


@dataclass(frozen=True)
class OnDevice:
    """A result that may still be in the making."""

    value: torch.Tensor

    def result(self) -> torch.Tensor:
        """Copy the result to the host; this waits for the device, as the copy does in any pipeline."""
        return self.value.to("cpu")


class CudaDevice:
    """The current CUDA device and its default stream."""

    simulated = False

    def __init__(self, clock: Clock = monotonic_ns) -> None:
        self.torch_device = torch.device("cuda", torch.cuda.current_device())
        self.description = f"cuda: {torch.cuda.get_device_name(self.torch_device)}"
        self._events: list[tuple[str, int, torch.cuda.Event, torch.cuda.Event]] = []
        # One reading of both clocks at an idle device ties the events to the axis of all other spans.
        torch.cuda.synchronize(self.torch_device)
        self._origin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._origin.record()
        self._origin.synchronize()
        self._origin_ns = clock()
        torch.cuda.reset_peak_memory_stats(self.torch_device)

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """Copy to the device; asynchronously where the tensor is in page-locked memory."""
        return tensor.to(self.torch_device, non_blocking=tensor.is_pinned())

    def submit(
        self,
        stage: str,
        work: Callable[[], torch.Tensor],
        *,
        batch: int,
        num_pages: int,
        placeholder: torch.Tensor | None = None,
    ) -> Pending:
        """Enqueue the work between two events."""
        begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        begin.record()
        value = work()
        end.record()
        self._events.append((stage, batch, begin, end))
        return OnDevice(value)

    def drain(self) -> None:
        """Wait for all streams of the device."""
        torch.cuda.synchronize(self.torch_device)

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return [
            DeviceSpan(stage, self._at_ns(begin), self._at_ns(end), batch) for stage, batch, begin, end in self._events
        ]

    def peak_bytes(self) -> int:
        """Bytes of tensors, as torch's allocator counts them."""
        return int(torch.cuda.max_memory_allocated(self.torch_device))

    def _at_ns(self, event: torch.cuda.Event) -> int:
        return self._origin_ns + int(self._origin.elapsed_time(event) * 1e-3 * NS_PER_S)
