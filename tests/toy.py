"""A small workload of the contract, for tests of what measures: its samples are their own numbers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import psutil
import torch
from pydantic import BaseModel
from torch.utils.data import Dataset

from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.timing.stages import run
from workbench.records import Count, Description, Score
from workbench.stages import Stage
from workbench.workload import Arrays, Batch, CacheState, Device, Timers


class Numbers(Dataset[torch.Tensor]):
    """Samples that are their own number, int64 [1]. Each takes a millisecond of the stage `decode`.

    Args:
        count: How many there are.
        unnamed_s: What a sample takes beside, in no stage.
    """

    def __init__(self, count: int = 12, unnamed_s: float = 0.0) -> None:
        self.count = count
        self.unnamed_s = unnamed_s

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        time.sleep(self.unnamed_s)
        return run("decode", lambda: decode(number))


def decode(number: int) -> torch.Tensor:
    """The sample of a number."""
    time.sleep(0.001)
    return torch.tensor([number])


class Toy:
    """Sees to it that every batch holds the samples that it is said to hold, and remembers them.

    Attributes:
        seen: Numbers of the samples of all steps.
        counted: Those of the counted steps.
    """

    class Knobs(BaseModel):
        num_samples: int = 12
        unnamed_ms: float = 0.0
        unnamed_step_ms: float = 0.0

    stages: ClassVar[Sequence[Stage]] = (Stage("decode", "worker", "work", "sample", replayable=True),)
    item: ClassVar[str] = "number"

    def __init__(self, knobs: Any) -> None:
        self.knobs = knobs
        self.seen: list[int] = []
        self.counted: list[int] = []

    def check(self) -> Description:
        count = self.knobs.num_samples
        return Description(num_samples=count, counts=[Count(name="even numbers", number=(count + 1) // 2)])

    def dataset(self) -> Numbers:
        return Numbers(self.knobs.num_samples, self.knobs.unnamed_ms / 1e3)

    def collate(self) -> Callable[[list[torch.Tensor]], torch.Tensor] | None:
        return None

    def build(self, device: Device) -> None:
        self.device = device

    def placeholder(self, batch: Batch) -> torch.Tensor:
        return torch.as_tensor(batch.data)

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        numbers = batch.data.flatten().tolist()
        assert self.knobs.knock_out or numbers == list(batch.samples)
        self.seen += batch.samples
        if counted:
            self.counted += batch.samples
        with timers.main("forward"):
            pending = self.device.submit("forward", lambda: batch.data * 2.0, batch, fetch=True)
        with timers.main("fetch"):
            pending.result()
        time.sleep(self.knobs.unnamed_step_ms / 1e3)

    def quality(self) -> dict[str, Score]:
        once = set(self.counted)
        return {"coverage": Score(value=len(once) / self.knobs.num_samples, num_samples=len(once))}


def keep_a_core_busy(until_s: float) -> None:
    """Go on until a time of `time.perf_counter`."""
    while time.perf_counter() < until_s:
        pass


class BusyNumbers(Numbers):
    """Samples that keep a core busy for five milliseconds in a function of its own."""

    def __getitem__(self, number: int) -> torch.Tensor:
        keep_a_core_busy(time.perf_counter() + 0.005)
        return super().__getitem__(number)


class BusyToy(Toy):
    """A workload in which a profiler has something to find."""

    def dataset(self) -> Numbers:
        return BusyNumbers(self.knobs.num_samples)


class CompiledToy(Toy):
    """With code that is compiled once."""

    def compile_ahead(self) -> None:
        """See `workload.CompilesOnce`."""


class CheckedToy(Toy):
    """A workload that keeps its samples by its own rules, and has a cache. Its methods fail where a test plants it.

    Attributes:
        planted: By name of the method: what is done first in it.
    """

    planted: ClassVar[dict[str, Callable[[], None]]] = {}

    def _may_fail(self, name: str) -> None:
        if name in self.planted:
            self.planted[name]()

    def quality(self) -> dict[str, Score]:
        self._may_fail("quality")
        return super().quality()

    def fill_cache(self, on_sample: Callable[[int, int], None]) -> None:
        on_sample(self.knobs.num_samples, self.knobs.num_samples)

    def cache_state(self) -> CacheState | None:
        self._may_fail("cache_state")
        return CacheState(num_bytes=8 * self.knobs.num_samples, readings=len(self.seen), was_filled=False)

    def check(self) -> Description:
        if self.seen:
            self._may_fail("check")
        return Description(
            num_samples=self.knobs.num_samples, counts=[Count(name="counted samples", number=len(self.counted))]
        )

    def record(self, batch: Batch, *, whole_only: bool = False) -> None:
        if not whole_only:
            self._may_fail("record")
            self.kept = [*getattr(self, "kept", []), *batch.samples]

    def recorded(self) -> Arrays | None:
        self._may_fail("recorded")
        return {"kept": np.array(self.kept)}


def kill_the_worker() -> None:
    """Kill the only loader worker of this process, and wait until its end is signalled.

    That is when all its threads are gone; its first one is a zombie before that.
    """
    (worker,) = [child for child in psutil.Process().children() if child.name() == "pt_data_worker"]
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # whoever has started it is to collect it


def toy_knobs(kind: type[Toy] = Toy, **settings: Any) -> Knobs:
    """Knobs of the toy: few steps on the replay device, loaded in the main process."""
    quick = {"batch_size": 4, "num_workers": 0, "device": "replay", "replay_ms_per_sample": 0.1, "isolated_samples": 0}
    return parse_knobs({"workload": f"toy:{kind.__name__}", **quick, **settings})
