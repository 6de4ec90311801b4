"""The detector as a whole, on the CPU: shapes, memory format, precision, seed, and that it learns a page."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from workbench.errors import BadInput
from workbench.workloads.ocr.detector.loss import db_loss
from workbench.workloads.ocr.detector.metric import DetectionMetric
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.postprocess import find_words
from workbench.workloads.ocr.targets import compute_targets

TINY = ("resnet10t", "mobilenetv3_small_050")


@dataclass
class Maps:
    shrink_map: torch.Tensor
    shrink_mask: torch.Tensor
    threshold_map: torch.Tensor
    threshold_mask: torch.Tensor


@pytest.fixture(scope="module", params=TINY)
def detector(request):
    return build_detector(request.param)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_every_way_to_run_it(detector, training, channels_last, precision):
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model = detector.to(memory_format=memory_format).train(training)
    images = torch.randn(2, 3, 64, 96).contiguous(memory_format=memory_format)
    with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32), torch.set_grad_enabled(training):
        output = model(images)
    present = output if training else output[:1]
    assert all(map_ is None for map_ in output[len(present) :])
    for map_ in present:
        assert map_.shape == (2, 64, 96)
        assert map_.dtype == torch.float32
        assert torch.isfinite(map_).all()
        assert 0 <= map_.min() <= map_.max() <= 1
    if training:
        sum(map_.sum() for map_ in output).backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("channels_last", [False, True])
def test_memory_format_and_precision_change_the_answer_but_little(channels_last):
    model = build_detector("resnet10t").eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        plain = model(images).shrink
        if channels_last:
            model.to(memory_format=torch.channels_last)
            assert torch.allclose(model(images.contiguous(memory_format=torch.channels_last)).shrink, plain, atol=1e-4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert (model(images).shrink - plain).abs().mean() < 0.02


def test_the_smallest_image_and_an_encoder_without_stride_4():
    assert build_detector("resnet10t").eval()(torch.zeros(1, 3, 32, 32)).shrink.shape == (1, 32, 32)
    assert build_detector("efficientvit_m0").eval()(torch.zeros(1, 3, 64, 96)).shrink.shape == (1, 64, 96)


def test_the_seed_decides_the_weights():
    one, same, other = (build_detector("resnet10t", seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["_neck._lateral.0.weight"], other["_neck._lateral.0.weight"])
    assert any(not torch.equal(one[name], other[name]) for name in one if name.startswith("_encoder"))


def test_the_global_random_state_is_left_as_it_is():
    torch.manual_seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    weights = build_detector("resnet10t", seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])
    torch.manual_seed(6)
    again = build_detector("resnet10t", seed=3).state_dict()
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_an_unknown_neck_is_refused():
    with pytest.raises(BadInput, match=r"no neck named 'fpm'.*'fpem'"):
        build_detector("resnet10t", "fpm")


def test_it_learns_a_page():
    """Not a timed test: after some steps the loss is a fraction of what it was, and the words are found."""
    words = [
        np.array([[12, 14], [84, 14], [84, 38], [12, 38]], np.float32),
        np.array([[50, 60], [116, 70], [112, 94], [46, 84]], np.float32),
    ]
    page = np.full((128, 128, 3), 40, np.uint8)
    cv2.fillPoly(page, [word.astype(np.int32) for word in words], (230, 230, 230))
    images = torch.from_numpy(page).permute(2, 0, 1)[None].float() / 128 - 1
    targets = compute_targets(words, [False, False], 128)
    maps = Maps(*(torch.from_numpy(getattr(targets, name))[None] for name in Maps.__annotations__))

    model = build_detector("resnet10t").train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(40):
        loss = db_loss(model(images), maps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]

    with torch.inference_mode():
        shrink = model(images).shrink[0].numpy()
    metric = DetectionMetric()
    metric.add([found.polygon for found in find_words(shrink)], words, [False, False])
    assert metric.result().hmean == 1.0
