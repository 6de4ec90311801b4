"""Trainings of several ranks, rightly and wrongly: a rank is slow, dies, raises, or keeps its gradients to itself."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from typing import Any

import torch
from pydantic import BaseModel
from torch import nn
from toy import Numbers

from workbench.measure.timing.ranks import distributed
from workbench.records import Description, Score, TrainingFacts
from workbench.workload import Batch, Device, Timers

#: The rank that something is wrong with.
ODD = 1


def is_odd_rank() -> bool:
    """Whether this process is that rank."""
    return os.environ.get("RANK") == str(ODD)


class FailingNumbers(Numbers):
    """A data set whose first sample cannot be read by one rank."""

    def __getitem__(self, number: int) -> torch.Tensor:
        if is_odd_rank():
            raise ValueError("sample 3 is torn")
        return super().__getitem__(number)


class Linear:
    """A layer that learns to give half of a number."""

    class Knobs(BaseModel):
        num_samples: int = 12
        fault: str = "none"

    stages = ()
    item = "number"

    def __init__(self, knobs: Any) -> None:
        self._knobs = knobs
        self._steps = self._samples = 0

    def check(self) -> Description:
        return Description(num_samples=self._knobs.num_samples)

    def dataset(self) -> Numbers:
        return (FailingNumbers if self._knobs.fault == "raises" else Numbers)(self._knobs.num_samples)

    def collate(self) -> None:
        return None

    def build(self, device: Device) -> None:
        self._device = device
        self._layer = nn.Sequential(nn.Linear(1, 64), nn.Linear(64, 1))
        self._model = distributed(self._layer)
        self._optimizer = torch.optim.SGD(self._layer.parameters(), 1e-3)

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        self._steps += counted
        self._samples += len(batch.samples) * counted
        fault = self._knobs.fault if is_odd_rank() and counted else "none"
        numbers = batch.data.float() / 12.0
        with timers.main("forward"):
            if fault == "slow":
                time.sleep(0.05)
            if fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            loss = (self._model(numbers) - numbers / 2.0).square().mean()
        with timers.main("backward"):
            self._device.submit("backward", lambda: loss.backward(), batch)
        with timers.main("optimizer"):
            self._optimizer.step()
            self._optimizer.zero_grad()
        if fault == "keeps its gradients":
            with torch.no_grad():
                self._layer[0].bias.add_(1e-3)

    def quality(self) -> dict[str, Score]:
        return {}

    def training_facts(self) -> TrainingFacts:
        digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in self._layer.parameters()))
        per_step = self._samples / self._steps
        return TrainingFacts(optimizer_steps=self._steps, samples_per_step=per_step, parameters=digest.hexdigest()[:16])
