"""Gradient checkpointing computes the same, and leaves the same behind: losses, gradients, and running statistics."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch

from workbench.workloads.ocr.detector import checkpointing
from workbench.workloads.ocr.detector.checkpointing import CheckpointedDetector
from workbench.workloads.ocr.detector.model import build_detector


def trained(detector, forward, steps: int = 3):
    """Losses of a few steps, and the state afterwards."""
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(steps):
        images = torch.randn(2, 3, 64, 64, generator=generator)
        output = forward(images)
        loss = sum((part - 0.3).square().mean() for part in output)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, detector.state_dict()


@pytest.fixture
def pair():
    plain = build_detector("resnet18", "fpn_small", seed=3).train()
    return plain, copy.deepcopy(plain)


def differing(state, other) -> list[str]:
    return [name for name in state if not torch.equal(state[name], other[name])]


def test_losses_weights_and_statistics_are_equal_bit_for_bit(pair):
    plain, other = pair
    losses, state = trained(plain, plain)
    own_losses, own_state = trained(other, CheckpointedDetector(other))
    assert own_losses == losses
    assert differing(own_state, state) == []


def test_statistics_that_move_twice_are_found(pair, monkeypatch):
    """The planted fault: torch's own way, where nobody holds them."""
    monkeypatch.setattr(checkpointing, "frozen_statistics", lambda module: nullcontext())
    plain, other = pair
    losses, state = trained(plain, plain)
    own_losses, own_state = trained(other, CheckpointedDetector(other))
    assert own_losses == losses  # which is why losses alone do not tell
    assert any("running_mean" in name for name in differing(own_state, state))


def test_it_keeps_less_for_the_backward_pass(pair):
    plain, other = pair

    def kept_bytes(forward) -> int:
        total = 0

        def pack(tensor):
            nonlocal total
            total += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            forward(torch.randn(2, 3, 64, 64))
        return total

    assert kept_bytes(CheckpointedDetector(other)) < 0.5 * kept_bytes(plain)
