"""The feature pyramid, by hand on single pixels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.workloads.ocr.detector.neck import FeaturePyramid


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
