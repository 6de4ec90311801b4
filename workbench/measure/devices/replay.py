"""The replay device: an accelerator that isn't here.

It takes, per batch, as long as it is told or as a recorded device took, asynchronously like a stream: `submit` returns
at once, pieces of work follow one another, and a result that is needed waits until the device is through with it. It
computes nothing and leaves the CPU alone. Every figure that rests on it is simulated.

Assumption: like a real driver's queue, it lets the main process run ahead of the device by a bounded number of steps.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from workbench.measure.devices.device import DeviceSpan, Pending
from workbench.measure.timing.clock import Clock, monotonic_ns
from workbench.units import NS_PER_S

#: How many steps may lie in the device's queue before `submit` waits.
MAX_STEPS_AHEAD = 2


@dataclass(frozen=True)
class RecordedTimes:
    """How long a real device took for its batches.

    Attributes:
        batch_ns: Time of each recorded batch, in the order of the batches; repeated from the start when they are used
            up.
        pages_per_batch: Pages in each of these batches; a batch of another size takes its share.
        source: The run that they come from.
    """

    batch_ns: Sequence[int]
    pages_per_batch: int
    source: str


class ReplayDevice:
    """Takes its time and computes nothing.

    Args:
        ms_per_sample: What a page takes, in milliseconds; used where there are no recorded times.
        recorded: Times of a real device.
        clock: Reads the time in nanoseconds.
        sleep: Waits for a number of seconds.
    """

    simulated = True
    torch_device = torch.device("cpu")

    def __init__(
        self,
        *,
        ms_per_sample: float,
        recorded: RecordedTimes | None = None,
        clock: Clock = monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        told = f"times of run {recorded.source}" if recorded else f"{ms_per_sample:g} ms a page"
        self.description = f"replay device: {told} (simulated)"
        self._ns_per_page = ms_per_sample * 1e-3 * NS_PER_S
        self._recorded = recorded
        self._recorded_ns = itertools.cycle(recorded.batch_ns) if recorded else None
        self._clock = clock
        self._sleep = sleep
        self._free_at_ns = 0
        self._queue: deque[int] = deque(maxlen=MAX_STEPS_AHEAD)
        self._spans: list[DeviceSpan] = []

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself: a copy engine of its own would not occupy the CPU either."""
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
        """Enqueue as much time as the pages take; `work` is not done.

        Raises:
            ValueError: Without a `placeholder`: there would be no result.
        """
        if placeholder is None:
            raise ValueError("the replay device needs a result to give: placeholder")
        if num_pages == 0:
            return Replayed(self, placeholder, self._free_at_ns)
        if len(self._queue) == MAX_STEPS_AHEAD:
            self.wait_until(self._queue[0])
        begin = max(self._clock(), self._free_at_ns)
        self._free_at_ns = begin + self._duration_ns(num_pages)
        self._queue.append(self._free_at_ns)
        self._spans.append(DeviceSpan(stage, begin, self._free_at_ns, batch))
        return Replayed(self, placeholder, self._free_at_ns)

    def drain(self) -> None:
        """Wait until the queue is empty."""
        self.wait_until(self._free_at_ns)

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return self._spans

    def peak_bytes(self) -> None:
        """There is no memory of its own."""

    def wait_until(self, at_ns: int) -> None:
        """Sleep until a point in time; the CPU is free meanwhile."""
        while (left := at_ns - self._clock()) > 0:
            self._sleep(left / NS_PER_S)

    def _duration_ns(self, num_pages: int) -> int:
        if self._recorded is None or self._recorded_ns is None:
            return round(num_pages * self._ns_per_page)
        return round(next(self._recorded_ns) * num_pages / self._recorded.pages_per_batch)


@dataclass(frozen=True)
class Replayed:
    """A stand-in for a result, there when the device would be through with it."""

    device: ReplayDevice
    placeholder: torch.Tensor
    ready_at_ns: int

    def result(self) -> torch.Tensor:
        """The stand-in, once its time has come."""
        self.device.wait_until(self.ready_at_ns)
        return self.placeholder
