"""The DB head: which maps it gives when, and the differentiable binarization."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.workloads.ocr.detector.head import DBHead


def test_training_gives_three_maps_of_full_size():
    output = DBHead(16).train()(torch.randn(2, 16, 5, 7))
    for map_ in output:
        assert map_.shape == (2, 20, 28)
        assert map_.dtype == torch.float32
        assert 0 <= map_.min() <= map_.max() <= 1


def test_otherwise_the_shrink_map_alone():
    head = DBHead(16)
    calls = []
    for layer in head.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda *_: calls.append(1))
    head.train()(torch.randn(2, 16, 5, 7))
    assert len(calls) == 2, "one convolution a branch"
    output = head.eval()(torch.randn(2, 16, 5, 7))
    assert output.shrink.shape == (2, 20, 28)
    assert output.threshold is None
    assert output.binary is None
    assert len(calls) == 3, "the threshold branch has no business in validation"


def test_binarization_is_a_steep_step_between_the_maps():
    output = DBHead(16).train()(torch.randn(2, 16, 5, 7))
    want = 1 / (1 + torch.exp(-50 * (output.shrink - output.threshold)))
    assert torch.allclose(output.binary, want, atol=1e-6)
    flat = 1 / (1 + torch.exp(-10 * (output.shrink - output.threshold)))
    assert not torch.allclose(output.binary, flat, atol=1e-2), "another steepness was not noticed"


def test_gradients_reach_both_branches_through_the_binary_map():
    head = DBHead(16).train()
    head(torch.randn(2, 16, 5, 7)).binary.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in head.parameters())


def test_layers_start_as_in_the_reference_code():
    layers = list(DBHead(256).modules())
    for convolution in (layer for layer in layers if isinstance(layer, nn.Conv2d)):
        assert convolution.weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.05)
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 4
    for norm in norms:
        assert (norm.weight == 1).all()
        assert norm.bias.unique().tolist() == pytest.approx([1e-4])
