"""The replay device: an accelerator that isn't here.

It takes, per batch, a set time or the time that a recorded device took, asynchronously like a stream: `submit` returns
at once, pieces of work follow one another, and a result that is needed waits until the device has finished it. It
computes nothing and leaves the CPU alone. Every figure that rests on it is simulated.

Assumption: like a real driver's queue, it lets the main process run ahead of the device by a bounded number of steps.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from workbench.measure.devices.device import DeviceSpan, NotFetched
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.units import NS_PER_S
from workbench.workload import Batch, Pending

if TYPE_CHECKING:
    import pandas as pd

#: How many steps may lie in the device's queue before `submit` waits.
MAX_STEPS_AHEAD = 2

#: Batches whose step is known to be paid for. Work of a step comes together, so that a few are enough.
_NUM_RECENT = 16


@dataclass(frozen=True)
class RecordedTimes:
    """How long a real device took for its batches.

    Attributes:
        batch_ns: Time of each recorded batch, in the order of the batches; repeated from the start when they are used
            up.
        samples_per_batch: Samples in each of these batches; a batch of another size takes its share.
        source: The run that they come from.
    """

    batch_ns: Sequence[int]
    samples_per_batch: Sequence[int]
    source: str


def recorded_times(spans: pd.DataFrame, samples_of: Mapping[int, int], source: str) -> RecordedTimes | None:
    """The device times in the spans of a run.

    Args:
        spans: With the columns of `records.SPAN_COLUMNS`.
        samples_of: Samples by the number of the batch. Batches that are not in it are left out.
        source: The run.

    Returns:
        The times of all stages of a batch, summed; None where the run has no device times that were measured.
    """
    device = spans[
        (spans["lane"] == "device") & (spans["origin"] == "measured") & spans["batch"].isin(list(samples_of))
    ]
    if device.empty:
        return None
    batch_ns = (device["end_ns"] - device["begin_ns"]).groupby(device["batch"]).sum()
    return RecordedTimes(
        [int(value) for value in batch_ns], [samples_of[int(number)] for number in batch_ns.index], source
    )


class ReplayDevice:
    """Takes its time and computes nothing.

    A step costs its time once, with the first work of its batch; what else belongs to the step (loss, backward,
    optimizer) is in that time.

    Args:
        ms_per_sample: What a sample takes, in milliseconds; used where there are no recorded times.
        placeholder: Makes the result that is given instead of a model's.
        recorded: Times of a real device.
        clock: Reads the time in nanoseconds.
        sleep: Waits for a number of seconds.
    """

    simulated = True
    steps_ahead: int | None = MAX_STEPS_AHEAD
    torch_device = torch.device("cpu")

    def __init__(
        self,
        *,
        ms_per_sample: float,
        placeholder: Callable[[Batch], torch.Tensor],
        recorded: RecordedTimes | None = None,
        clock: Clock = monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        times = f"times of run {recorded.source}" if recorded else f"{ms_per_sample:g} ms per sample"
        self.description = f"replay device: {times} (simulated)"
        self._ns_per_sample = ms_per_sample * 1e-3 * NS_PER_S
        self._placeholder = placeholder
        self._recorded = (
            itertools.cycle(zip(recorded.batch_ns, recorded.samples_per_batch, strict=True)) if recorded else None
        )
        self._clock = clock
        self._sleep = sleep
        self._free_at_ns = 0
        self._queue: deque[int] = deque(maxlen=MAX_STEPS_AHEAD)
        self._recent: deque[int] = deque(maxlen=_NUM_RECENT)
        self._spans: list[DeviceSpan] = []

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself: a copy engine of its own would not occupy the CPU either."""
        return tensor

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Enqueue as much time as the batch takes, if this is its first work; `work` is not done."""
        if batch.number not in self._recent:
            self._recent.append(batch.number)
            self._enqueue(stage, batch)
        return Replayed(self, self._placeholder(batch), self._free_at_ns) if fetch else NotFetched()

    def drain(self) -> None:
        """Wait until the queue is empty. Numbers of batches may begin anew after that."""
        self.wait_until(self._free_at_ns)
        self._recent.clear()

    def spans(self) -> list[DeviceSpan]:
        """See `Device`."""
        return self._spans

    def memory(self) -> None:
        """It has no memory of its own."""

    def wait_until(self, at_ns: int) -> None:
        """Sleep until a point in time; the CPU is free meanwhile."""
        while (left_ns := at_ns - self._clock()) > 0:
            self._sleep(left_ns / NS_PER_S)

    def _enqueue(self, stage: str, batch: Batch) -> None:
        if len(self._queue) == MAX_STEPS_AHEAD:
            self.wait_until(self._queue[0])
        begin_ns = max(self._clock(), self._free_at_ns)
        self._free_at_ns = begin_ns + self._duration_ns(len(batch.samples))
        self._queue.append(self._free_at_ns)
        self._spans.append(DeviceSpan(stage, begin_ns, self._free_at_ns, batch.number))

    def _duration_ns(self, num_samples: int) -> int:
        if self._recorded is None:
            return round(num_samples * self._ns_per_sample)
        recorded_ns, recorded_samples = next(self._recorded)
        return round(recorded_ns * num_samples / recorded_samples)


@dataclass(frozen=True)
class Replayed:
    """A placeholder for a result, there when the device would have finished it."""

    device: ReplayDevice
    placeholder: torch.Tensor
    ready_at_ns: int

    def result(self) -> torch.Tensor:
        """The placeholder, once its time has come."""
        self.device.wait_until(self.ready_at_ns)
        return self.placeholder
