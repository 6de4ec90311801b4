"""The timed chain is the library's chain; its two halves are its whole; and every transform has its stage."""

from __future__ import annotations

import albumentations as A
import numpy as np
import pytest
import torch

from workbench.measure.timing.channel import Channel
from workbench.measure.timing.stages import become_worker, knock_out
from workbench.workloads.ocr.chain import normalize
from workbench.workloads.ocr.chain.page_maker import choose_chain
from workbench.workloads.ocr.chain.transforms import Chain, TimedCompose, pack_points
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (72, 128, 3), np.uint8)


@pytest.fixture
def points():
    return pack_points(128, 72, [np.array([[10, 10], [60, 12], [60, 30], [9, 28]], np.float32)])


def knobs(**settings):
    return OcrKnobs(image_size=64, **settings)


def chain_of(**settings) -> Chain:
    return choose_chain(knobs(**settings), 0)


SIZES = [(128, 72), (72, 128), (64, 64), (640, 480), (1281, 719), (37, 51), (1, 1), (3, 900), (64, 63)]


@pytest.mark.parametrize("size", SIZES)
def test_the_direct_chain_gives_the_same_pixels_and_points(size):
    width, height = size
    rng = np.random.default_rng(width)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    points = pack_points(width, height, [rng.uniform(-5, 1.1 * max(size), (9, 2)).astype(np.float32)])
    want, got = (chain_of(transforms=way)(image, points) for way in ("albumentations", "direct"))
    assert torch.equal(got.image, want.image)
    assert np.abs(got.points - want.points).max() <= 1e-4 * max(1, np.abs(want.points).max() / 64)


def test_it_gives_what_the_library_gives(image, points):
    transforms = [A.Affine(rotate=(-20, 20), p=1.0), A.RandomBrightnessContrast(p=0.5), A.LongestMaxSize(64)]
    params = A.KeypointParams(format="xy", remove_invisible=False)
    theirs = A.Compose(transforms, keypoint_params=params, seed=7)
    expected = [theirs(image=image, keypoints=points) for _ in range(3)]
    ours = TimedCompose(transforms, keypoint_params=params, seed=7)
    for want in expected:
        got = ours(image=image, keypoints=points)
        assert np.array_equal(got["image"], want["image"])
        assert np.array_equal(got["keypoints"], want["keypoints"])


def test_the_page_is_resized_padded_and_normalized(image, points):
    done = chain_of()(image, points)
    assert (done.image.dtype, tuple(done.image.shape)) == (torch.float32, (3, 64, 64))
    # 128x72 becomes 64x36, in the middle of 64x64
    assert done.points[:4].tolist() == [[0, 14], [64, 14], [64, 50], [0, 50]]
    assert done.points[4].tolist() == [5, 19]
    padding = normalize.to_levels(done.image[:, 0, 0].numpy())
    assert padding == pytest.approx([0, 0, 0], abs=1e-3)


@pytest.mark.parametrize("transforms", ["albumentations", "direct"])
@pytest.mark.parametrize("way", ["albumentations", "conditional", "opencv", "device", "folded"])
def test_the_halves_make_the_whole(image, points, way, transforms):
    chain = chain_of(normalize=way, transforms=transforms)
    whole = chain(image, points)
    prepared = chain.prepare(image, points)
    assert prepared.image.dtype == np.uint8
    assert torch.equal(chain.finish(prepared.image), whole.image)
    assert np.array_equal(prepared.points, whole.points)


def test_every_way_to_normalize_gives_the_same_levels(image, points):
    reference = normalize.to_levels(chain_of()(image, points).image.permute(1, 2, 0).numpy())
    floats = chain_of(normalize="conditional")(image, points).image
    conditional = normalize.to_levels(floats.permute(1, 2, 0).numpy())
    fused = normalize.to_levels(chain_of(normalize="opencv")(image, points).image.permute(1, 2, 0).numpy())
    assert np.abs(fused - reference).max() < 0.01
    levels = chain_of(normalize="device")(image, points).image.permute(1, 2, 0).numpy()
    assert np.abs(conditional - reference).max() < 0.01
    assert levels.dtype == np.uint8
    assert np.abs(levels - reference).max() < 0.01


def test_conditional_normalize_leaves_a_normalized_image_alone():
    image = np.random.default_rng(0).normal(size=(8, 8, 3)).astype(np.float32)
    assert np.array_equal(normalize.ConditionalNormalize()(image=image)["image"], image)


def test_training_is_random_and_validation_is_not(image, points):
    train = chain_of(mode="train")
    validate = chain_of()
    assert not torch.equal(train(image, points).image, train(image, points).image)
    assert torch.equal(validate(image, points).image, validate(image, points).image)


def test_seeds_tell_workers_apart_and_repeat_them(image, points):
    def first(seed: int) -> torch.Tensor:
        tensor: torch.Tensor = choose_chain(knobs(mode="train"), seed)(image, points).image
        return tensor

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_every_transform_has_a_stage_and_compose_has_its_own(image, points):
    channel = Channel.open(num_workers=0, spans_per_process=100)
    become_worker(channel.worker_is_up(0))
    try:
        chain_of()(image, points)
    finally:
        become_worker(None)
    spans = channel.workers[0].read()
    names = [spans.names[number] for number in spans.stage]
    assert [name for name in names if name not in ("start", "keypoints")] == [
        "LongestMaxSize",
        "PadIfNeeded",
        "Normalize",
        "ToTensorV2",
    ]
    assert names.count("keypoints") == 7  # before the first, after each, at the end, and made into an array


@pytest.mark.parametrize("way", ["albumentations", "direct"])
def test_a_knocked_out_resize_gives_another_image_and_the_page_its_own_points(way):
    resize = {"albumentations": ["LongestMaxSize", "PadIfNeeded"], "direct": ["resize", "pad"]}[way]
    chain = chain_of(transforms=way)
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (72, 128, 3), np.uint8) for _ in range(2))
    few = pack_points(128, 72, [np.array([[10, 10], [60, 12], [60, 30]], np.float32)])
    many = pack_points(128, 72, [rng.uniform(0, 70, (9, 2)).astype(np.float32)])
    pages = ((first, few), (second, many), (second, few))
    wanted = [chain(image, points) for image, points in pages]
    knock_out(resize)
    try:
        replays = [chain(image, points) for image, points in pages]
    finally:
        knock_out([])
    for got, want in zip(replays, wanted, strict=True):
        assert np.abs(got.points - want.points).max() < 1e-2
        assert torch.equal(got.image, wanted[0].image)
    assert not torch.equal(replays[1].image, wanted[1].image)
