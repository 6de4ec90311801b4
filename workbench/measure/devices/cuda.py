"""A CUDA device. Work is timed with events that are read later: no step waits because it is measured."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from workbench.measure.devices.device import DeviceMemory, DeviceSpan, NotFetched
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.observer.event_times import Event, EventTimes
from workbench.workload import Batch, Pending


class Cuda(Protocol):
    """What `CudaDevice` needs of CUDA. All work and all copies go to the stream that is current.

    Attributes:
        name: Name of the device.
        torch_device: The device.
    """

    name: str
    torch_device: torch.device

    def event(self, *, timed: bool) -> Event:
        """An event; one that is not timed is cheaper, and has no `elapsed_time`."""

    def synchronize(self) -> None:
        """Wait for all streams of the device."""

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor lies in page-locked host memory."""

    def to_device(self, tensor: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """A copy of a host tensor on the device."""

    def pinned_empty(self, like: torch.Tensor) -> torch.Tensor:
        """A contiguous tensor of the same shape and type in page-locked host memory."""

    def copy_to_host(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Issue a copy into a page-locked tensor; returns before it is done."""

    def reset_peak_bytes(self) -> None:
        """Forget the peak of torch's allocator."""

    def peak_bytes(self) -> int:
        """The most that torch's allocator has given out to tensors at one time."""

    def reserved_bytes(self) -> int:
        """What torch's allocator holds at the moment, given out or not."""

    def process_bytes(self) -> int | None:
        """What the driver says that this process holds; None where that cannot be read."""


class CudaDevice:
    """The current CUDA device and its current stream."""

    simulated = False
    steps_ahead: int | None = None

    def __init__(self, cuda: Cuda, clock: Clock = monotonic_ns) -> None:
        self._cuda = cuda
        self.torch_device = cuda.torch_device
        self.description = f"cuda: {cuda.name}"
        cuda.synchronize()
        self._times = EventTimes(lambda: cuda.event(timed=True), clock)
        cuda.reset_peak_bytes()

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """See `Device`."""
        # From pageable memory CUDA copies through a buffer of its own and waits; non_blocking would only hide that.
        return self._cuda.to_device(tensor, non_blocking=self._cuda.is_pinned(tensor))

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Enqueue the work between two events, and behind it the copy of its result.

        A copy that is issued when the result is asked for would wait behind all batches that were submitted meanwhile.
        It is not part of the stage's time. The work must leave the current stream as it was.
        """
        begin = self._times.mark()
        value = work()
        end = self._times.mark()
        pending: Pending = self._copied(value) if fetch else NotFetched()
        self._times.add(stage, batch.number, begin, end)
        return pending

    def drain(self) -> None:
        """Wait for all streams of the device, and tie its clock to the host's once more."""
        self._cuda.synchronize()
        self._times.anchor()

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return [DeviceSpan(*span) for span in self._times.spans()]

    @property
    def position_error_ns(self) -> int:
        """How far off the beginning of a span can be."""
        return self._times.error_ns

    def memory(self) -> DeviceMemory:
        """See `Device`."""
        process_bytes = self._cuda.process_bytes()
        # In a container the driver may count the processes of the host: the number of this process is another one's.
        if process_bytes is not None and process_bytes < self._cuda.reserved_bytes():
            process_bytes = None
        return DeviceMemory(self._cuda.peak_bytes(), process_bytes)

    def _copied(self, value: torch.Tensor) -> _Copied:
        value = value.detach()  # else the copy would keep the whole graph of a training step
        host = self._cuda.pinned_empty(value)
        self._cuda.copy_to_host(value, host)
        there = self._cuda.event(timed=False)
        there.record()
        return _Copied(host, there)


@dataclass(frozen=True)
class _Copied:
    """A result on its way to the host."""

    host: torch.Tensor
    there: Event

    def result(self) -> torch.Tensor:
        """The result; waits for its own copy, and for nothing that was submitted later."""
        self.there.synchronize()
        return self.host


class TorchCuda:
    """CUDA by way of torch: the current device of this process."""

    def __init__(self) -> None:
        self.torch_device = torch.device("cuda", torch.cuda.current_device())
        self.name = torch.cuda.get_device_name(self.torch_device)

    def event(self, *, timed: bool) -> Event:
        """See `Cuda`."""
        return torch.cuda.Event(enable_timing=timed)  # type: ignore[no-untyped-call]

    def synchronize(self) -> None:
        """See `Cuda`."""
        torch.cuda.synchronize(self.torch_device)

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        """See `Cuda`."""
        return tensor.is_pinned()

    def to_device(self, tensor: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """See `Cuda`."""
        return tensor.to(self.torch_device, non_blocking=non_blocking)

    def pinned_empty(self, like: torch.Tensor) -> torch.Tensor:
        """See `Cuda`. Torch keeps such memory and gives it out again, but not before the copies into it are done."""
        return torch.empty(like.shape, dtype=like.dtype, pin_memory=True)

    def copy_to_host(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """See `Cuda`."""
        target.copy_(source, non_blocking=True)

    def reset_peak_bytes(self) -> None:
        """See `Cuda`."""
        torch.cuda.reset_peak_memory_stats(self.torch_device)

    def peak_bytes(self) -> int:
        """See `Cuda`."""
        return int(torch.cuda.max_memory_allocated(self.torch_device))

    def reserved_bytes(self) -> int:
        """See `Cuda`."""
        return int(torch.cuda.memory_reserved(self.torch_device))

    def process_bytes(self) -> int | None:
        """See `Cuda`."""
        return nvml_process_bytes(str(torch.cuda.get_device_properties(self.torch_device).uuid), os.getpid())


def nvml_process_bytes(uuid: str, pid: int) -> int | None:
    """What a process holds on a GPU, contexts, workspaces and other runtimes included, as the driver counts it.

    Args:
        uuid: UUID of the GPU or of the MIG slice, without its prefix.
        pid: Number of the process.

    Returns:
        Bytes at the moment. None without the optional package `nvidia-ml-py` or a driver, where the device is not
        found, and where the driver does not list the process, as in many containers.
    """
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        for prefix in ("GPU-", "MIG-"):
            try:
                handle = nvml.nvmlDeviceGetHandleByUUID(prefix + uuid)
                processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            except nvml.NVMLError:
                continue
            used = [process.usedGpuMemory for process in processes if process.pid == pid]
            return None if not used or None in used else sum(used)
        return None
    finally:
        nvml.nvmlShutdown()
