"""A CUDA device that isn't there: one stream, a clock of its own, copies that are late, and float32 `elapsed_time`.

Time on the host moves only where the code waits, where a call takes `call_ns`, and where a test moves it. The true time
of everything on the stream is known, in nanoseconds of the host's clock.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

MS = 1_000_000
S = 1_000_000_000


@dataclass(frozen=True)
class FakeBatch:
    """A batch by number and samples."""

    number: int
    samples: tuple[int, ...] = (0, 1, 2, 3)
    data: object = None


class FakeEvent:
    def __init__(self, cuda: FakeCuda, timed: bool) -> None:
        self._cuda = cuda
        self._timed = timed
        self.at_ns: int | None = None

    def record(self) -> None:
        self._cuda.take_call()
        # The device gets there a little later than the host has asked.
        self.at_ns = max(self._cuda.now_ns + self._cuda.launch_ns, self._cuda.free_at_ns)

    def query(self) -> bool:
        return self.at_ns is None or self.at_ns <= self._cuda.now_ns

    def synchronize(self) -> None:
        assert self.at_ns is not None
        self._cuda.wait_until(self.at_ns)
        self._cuda.take_call()

    def elapsed_time(self, end_event: FakeEvent, /) -> float:
        if not (self.query() and end_event.query()) or self.at_ns is None or end_event.at_ns is None:
            raise RuntimeError("device not ready")
        if not (self._timed and end_event._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        ticks_ns = self._cuda.device_clock_ns(end_event.at_ns) - self._cuda.device_clock_ns(self.at_ns)
        return float(np.float32(ticks_ns / MS))


class FakeCuda:
    """See above.

    Args:
        drift_ppm: By how many millionths the device's clock is faster than the host's.
        copy_ns: What a copy to the host takes.
        call_ns: What calls to the driver take on the host, one after the other and round again.
        launch_ns: From a call until the device has it.
    """

    name = "fake"
    torch_device = torch.device("cpu")

    def __init__(
        self, *, drift_ppm: int = 0, copy_ns: int = 1 * MS, call_ns: tuple[int, ...] = (0,), launch_ns: int = 0
    ) -> None:
        self.now_ns = 1_000 * S  # the host has been up for a while
        self.free_at_ns = 0
        self.launch_ns = launch_ns
        self.num_synchronized = 0
        self.true_spans: list[tuple[int, int]] = []
        self.not_waited_for: list[str] = []
        self.in_use_bytes: int | None = None
        self.reserved = 0
        self._drift_ppm = drift_ppm
        self._copy_ns = copy_ns
        self._call_ns = itertools.cycle(call_ns)
        self._copies: list[tuple[int, torch.Tensor, torch.Tensor]] = []
        self._pinned: set[int] = set()
        self._events: weakref.WeakSet[FakeEvent] = weakref.WeakSet()

    # What a test does

    def clock(self) -> int:
        return self.now_ns

    def kernel(self, duration_ns: int, value: float = 0.0) -> Callable[[], torch.Tensor]:
        """Work that keeps the stream busy, and gives a tensor that holds `value`."""

        def work() -> torch.Tensor:
            begin_ns = max(self.now_ns + self.launch_ns, self.free_at_ns)
            self.free_at_ns = begin_ns + duration_ns
            self.true_spans.append((begin_ns, self.free_at_ns))
            return torch.full((2,), value)

        return work

    def wait_until(self, at_ns: int) -> None:
        self.now_ns = max(self.now_ns, at_ns)
        for done_ns, source, target in self._copies:
            if done_ns <= self.now_ns:
                target.copy_(source)
        self._copies = [copy for copy in self._copies if copy[0] > self.now_ns]

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        self._pinned.add(tensor.data_ptr())
        return tensor

    def take_call(self) -> None:
        self.wait_until(self.now_ns + next(self._call_ns))

    def device_clock_ns(self, true_ns: int) -> float:
        return true_ns + true_ns * self._drift_ppm * 1e-6

    @property
    def num_live_events(self) -> int:
        return len(self._events)

    # What `CudaDevice` does

    def event(self, *, timed: bool) -> FakeEvent:
        event = FakeEvent(self, timed)
        self._events.add(event)
        return event

    def synchronize(self) -> None:
        self.num_synchronized += 1
        self.wait_until(self.free_at_ns)

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        return tensor.data_ptr() in self._pinned

    def to_device(self, tensor: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        if non_blocking and not self.is_pinned(tensor):
            raise AssertionError("a copy from pageable memory only seems not to wait")
        if not non_blocking:
            self.wait_until(self.free_at_ns)
        return tensor.clone()

    def pinned_empty(self, like: torch.Tensor) -> torch.Tensor:
        return self.pin(torch.full(like.shape, float("nan"), dtype=like.dtype))

    def copy_to_host(self, source: torch.Tensor, target: torch.Tensor) -> None:
        if not self.is_pinned(target):
            raise AssertionError("a copy to pageable memory only seems not to wait")
        self.free_at_ns = max(self.now_ns + self.launch_ns, self.free_at_ns) + self._copy_ns
        self._copies.append((self.free_at_ns, source.clone(), target))

    def reset_peak_bytes(self) -> None:
        pass

    def peak_bytes(self) -> int:
        return 1000

    def reserved_bytes(self) -> int:
        return self.reserved

    def process_bytes(self) -> int | None:
        return self.in_use_bytes
