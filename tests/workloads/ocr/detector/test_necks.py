"""The feature pyramid, by hand on single pixels; and what all necks have in common."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.workloads.ocr.detector.necks.fpn import FeaturePyramid
from workbench.workloads.ocr.detector.necks.names import NECKS
from workbench.workloads.ocr.detector.necks.replk_fpn import LargeKernel, reparameterize


def convolutions(neck, size):
    return [layer for layer in neck.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (size, size)]


def passing_through(strides):
    """A pyramid whose convolutions take one channel and leave it as it is."""
    neck = FeaturePyramid([1] * len(strides), strides, channels=4)
    with torch.no_grad():
        for layer in convolutions(neck, 1):
            layer.weight.fill_(1.0)
        for layer in convolutions(neck, 3):
            layer.weight.zero_()
            layer.weight[0, 0, 1, 1] = 1.0
    return neck


def test_coarse_maps_are_added_to_finer_ones_from_the_top_down():
    maps = [torch.full((1, 1, 8 // n, 8 // n), float(value)) for n, value in ((1, 1), (2, 10), (4, 100), (8, 1000))]
    maps[2][0, 0, 0, 1] = 200
    joined = passing_through([4, 8, 16, 32])(maps)
    assert joined.shape == (1, 4, 8, 8)
    assert joined[0, :, 7, 0].tolist() == [1111, 1110, 1100, 1000]
    # The changed pixel, at stride 16, is the upper right quarter: of its own level and the finer ones.
    assert joined[0, :, 3, 4].tolist() == [1211, 1210, 1200, 1000]
    assert joined[0, :, 4, 4].tolist() == [1111, 1110, 1100, 1000]


def test_a_pyramid_without_stride_4_comes_out_at_stride_4():
    joined = passing_through([8, 16])([torch.ones(1, 1, 4, 6), torch.ones(1, 1, 2, 3)])
    assert joined.shape == (1, 2, 8, 12)
    assert (joined[0, 0] == 2).all()
    assert (joined[0, 1] == 1).all()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_map_gives_a_quarter_of_the_channels(count):
    strides = [4, 8, 16, 32][:count]
    neck = FeaturePyramid([8] * count, strides)
    joined = neck([torch.randn(2, 8, 64 // stride, 32 // stride) for stride in strides])
    assert joined.shape == (2, 64 * count, 16, 8)
    assert neck.out_channels == 64 * count


def test_weights_start_as_in_the_reference_code():
    neck = FeaturePyramid([64, 128, 256, 512], [4, 8, 16, 32])
    # He et al. 2015: variance 2 / fan-in
    assert convolutions(neck, 1)[0].weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert convolutions(neck, 3)[0].weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.05)


STRIDES = [4, 8, 16, 32]


@pytest.mark.parametrize("name", NECKS)
@pytest.mark.parametrize("strides", [STRIDES, [8, 16, 32], [4, 16]])
def test_every_neck_joins_maps_of_any_strides(name, strides):
    neck = NECKS[name]([8] * len(strides), strides)
    maps = [torch.randn(2, 8, 64 // stride, 96 // stride) for stride in strides]
    joined = neck(maps)
    assert joined.shape == (2, neck.out_channels, 16, 24)
    joined.sum().backward()
    assert all(weight.grad is not None for weight in neck.parameters()), "a layer has no part in the result"


@pytest.mark.parametrize("name", NECKS)
def test_every_neck_sees_every_map(name):
    neck = NECKS[name]([8] * 4, STRIDES).eval()
    maps = [torch.randn(1, 8, 64 // stride, 64 // stride) for stride in STRIDES]
    joined = neck(maps)
    for number, map_ in enumerate(maps):
        changed = [map_ + 1.0 if number == other else maps[other] for other in range(4)]
        assert not torch.allclose(neck(changed), joined), f"map {number} is not looked at"


def with_statistics(module):
    """A module whose normalizations have seen something."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    return module


def test_a_large_kernel_runs_as_one_convolution_and_gives_the_same():
    neck = with_statistics(NECKS["replk_fpn"]([8] * 4, STRIDES)).eval()
    maps = [torch.randn(1, 8, 64 // stride, 64 // stride) for stride in STRIDES]
    parameters = sum(weight.numel() for weight in neck.parameters())
    with torch.inference_mode():
        before = neck(maps)
        reparameterize(neck)
        assert torch.allclose(neck(maps), before, atol=1e-4)
    assert not any(isinstance(layer, LargeKernel | nn.BatchNorm2d) for layer in neck.modules())
    assert sum(weight.numel() for weight in neck.parameters()) < parameters


def test_a_branch_that_is_left_out_is_seen():
    """The planted fault of the test before this one."""
    large = with_statistics(LargeKernel(8)).eval()
    one, map_ = large.as_one(), torch.randn(1, 8, 16, 16)
    with torch.inference_mode():
        assert torch.allclose(one(map_), large(map_), atol=1e-4)
        assert not torch.allclose(one(map_), sum(large.branches(map_)[:2]), atol=1e-2)
