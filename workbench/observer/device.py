"""Work on a CUDA device: copies to it and the stages of the model, by events that no step waits for.

The stages are those of the main process's lane; where one begins or ends, an event is put on the current stream.
What the script's own code launches beside them is timed by torch.profiler alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from .clock import now_ns
from .event_times import EventTimes
from .lane import report
from .session import Session

TRANSFER = "transfer"

#: Stages during which the device is at work for them.
_ON_DEVICE = ("forward", "loss", "backward", "optimizer", TRANSFER)


class DeviceTimes:
    """Times the stages of a lane on the device, as a watcher of the lane (`lane.Lane.watchers`).

    Args:
        batch: Gives the batch that the loop is at.
        times: Times the work between events; None: that of torch's current stream.
    """

    def __init__(self, batch: Callable[[], int], times: EventTimes | None = None) -> None:
        import torch

        self._batch = batch
        if times is None:
            torch.cuda.synchronize()  # for the first anchor
            times = EventTimes(functools.partial(torch.cuda.Event, enable_timing=True), now_ns)
        self._times = times
        self._open: list[str | None] = []
        self._begin: Any = None

    def entered(self, name: str) -> None:
        """A stage begins; that around it has no more work on the device until it ends."""
        self._cut()
        self._open.append(name if name.startswith(_ON_DEVICE) else None)
        self._resume()

    def left(self) -> None:
        """The innermost stage is over."""
        self._cut()
        if self._open:
            self._open.pop()
        self._resume()

    def _cut(self) -> None:
        if self._begin is not None and self._open and self._open[-1] is not None:
            self._times.add(self._open[-1], self._batch(), self._begin, self._times.mark())
        self._begin = None

    def _resume(self) -> None:
        if self._open and self._open[-1] is not None and not _is_capturing():
            self._begin = self._times.mark()

    def write(self, session: Session) -> None:
        """Wait for the device, and write all of its work as spans of the lane `device`."""
        torch = sys.modules["torch"]
        torch.cuda.synchronize()
        self._times.anchor()
        lane = session.lane("device")
        for stage, begin_ns, end_ns, lane.batch in self._times.spans():
            lane.add(stage, begin_ns, end_ns)
        session.tell("device memory", allocator_bytes=int(torch.cuda.max_memory_allocated()))


def _is_capturing() -> bool:
    """Whether the stream is being recorded as a graph, in which an event would be no mark of time."""
    torch = sys.modules["torch"]
    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())


def watch_copies(session: Session, running: Callable[[], Any]) -> None:
    """Make copies to the device a stage of the loop.

    Args:
        session: The session.
        running: Gives the loop that is running; None without one.
    """
    torch = sys.modules["torch"]
    for name in ("to", "cuda"):
        session.patch(torch.Tensor, name, functools.partial(_copying, session, running, name == "cuda"))


def _copying(session: Session, running: Callable[[], Any], always: bool, original: Any) -> Any:
    @functools.wraps(original)
    def copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        loop = None if session.off or self.is_cuda else running()
        if loop is None or not (always or goes_to_device((*args, *kwargs.values()))):
            return original(self, *args, **kwargs)
        loop.lane.enter(TRANSFER)
        try:
            return original(self, *args, **kwargs)
        finally:
            loop.lane.leave()

    return copy


def goes_to_device(arguments: tuple[Any, ...]) -> bool:
    """Whether ``Tensor.to`` with these arguments gives a tensor on a CUDA device."""
    for argument in arguments:
        try:
            if isinstance(argument, str):
                found = argument.startswith("cuda")
            elif isinstance(argument, bool):
                found = False
            else:
                kind = getattr(argument, "type", None)  # of a device; a tensor has a method of that name
                found = kind == "cuda" or bool(getattr(argument, "is_cuda", False)) or isinstance(argument, int)
        except Exception as error:
            report(error)
            return False
        if found:
            return True
    return False
