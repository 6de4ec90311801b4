"""A small model that every engine takes, and engines that are kept nowhere but in a test's own folder."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.open_engine import RunningEngine, open_engine
from workbench.measure.timing.spans import monotonic_ns
from workbench.workload import InferenceModel


class Small(nn.Module):
    """Convolutions, a normalization and a sum, which is what detectors are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.norm(self.first(images)))
        return torch.sigmoid(self.last(torch.relu(self.second(hidden)) + hidden))[:, 0]


def images(count: int, *, seed: int = 0, side: int = 16) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def small() -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Small().eval()


@pytest.fixture
def opened(tmp_path):
    """Opens an engine of a module in the test's folder."""

    def open_(module: nn.Module, batch_sizes=(4, 2), calibration=None, example=None, **knobs) -> RunningEngine:
        given = images(4) if example is None else example
        inputs = calibration or (lambda: [images(1, seed=seed) for seed in range(16)])
        model = InferenceModel(module, given, inputs, "16 random images")
        return open_engine(InferenceKnobs(**knobs), model, batch_sizes, monotonic_ns, tmp_path / "engines")

    return open_
