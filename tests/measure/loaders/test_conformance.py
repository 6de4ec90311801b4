"""Every loader, cache, decoder and transport gives the same batches: every page once, under its number, within what
its strategy may differ in."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from odd_pages import NAMES

from workbench.errors import BadInput
from workbench.knobs.knob import Tolerance, tolerance_between
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders import choose
from workbench.measure.loaders.choose import open_loader
from workbench.workloads.ocr.chain.normalize import to_levels
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.sample import PackedMaps
from workbench.workloads.ocr.workload import OcrWorkload

pytestmark = pytest.mark.real

SIDE = 160
ORDINARY = Tolerance(1.0, 0.5, "the same decoder, and arithmetic in another order")
HAS_DALI = importlib.util.find_spec("nvidia") is not None and importlib.util.find_spec("nvidia.dali") is not None
needs_dali = pytest.mark.skipif(not HAS_DALI, reason="DALI is not installed (pip install '.[dali]')")
HAS_SPDL = importlib.util.find_spec("spdl") is not None
needs_spdl = pytest.mark.skipif(not HAS_SPDL, reason="SPDL is not installed (pip install '.[spdl]')")

#: Pages of which decoders give different colours by right: what CMYK means is nowhere said.
COLOURS_DIFFER = {"cmyk.jpg"}


@dataclass
class Given:
    """What arrived of a page: levels float32 [S, S, 3], shrink and threshold map float32 [S, S], matrix [3, 3]."""

    levels: np.ndarray
    shrink_map: np.ndarray
    threshold_map: np.ndarray
    matrix: np.ndarray


def knobs_of(folder, **settings) -> OcrKnobs:
    plain = {"dataset": str(folder), "image_size": SIDE, "batch_size": 4, "num_workers": 0, "device": "none"}
    return OcrKnobs.parse_own({**plain, **settings})


def given(knobs: OcrKnobs) -> tuple[dict[str, Given], list[int]]:
    """An epoch: what came, by the page's name, and the sizes of the batches."""
    workload = OcrWorkload(knobs)
    workload.fill_cache(lambda done, total: None)
    loader = open_loader(workload, knobs.slice(LoaderKnobs), on_gpu=False, pin_memory=False, channel=None)
    pages: dict[str, Given] = {}
    sizes = []
    try:
        for arrived in loader.epoch():
            batch, numbers = arrived.data, arrived.samples
            assert batch.images.shape == (len(numbers), 3, SIDE, SIDE)
            assert len(batch) == len(numbers)
            assert batch.matrices.shape == (len(numbers), 3, 3)
            sizes.append(len(batch))
            maps = batch.maps.unpack() if isinstance(batch.maps, PackedMaps) else batch.maps
            for place, number in enumerate(numbers):
                name = NAMES[number]
                assert name not in pages, f"{name} came twice"
                image = batch.images[place].permute(1, 2, 0).numpy()
                pages[name] = Given(
                    (image if image.dtype == np.uint8 else to_levels(image)).astype(np.float32),
                    maps.shrink_map[place].float().numpy().copy(),
                    maps.threshold_map[place].numpy().copy(),
                    batch.matrices[place].copy(),
                )
        assert sum(sizes) == len(NAMES)
        assert len(sizes) == loader.steps_per_epoch
    finally:
        assert loader.close() == []
    return pages, sizes


@pytest.fixture(scope="module")
def reference(odd_pages) -> dict[str, Given]:
    pages, sizes = given(knobs_of(odd_pages))
    assert sizes == [4, 4, 4, 4, 1]
    return pages


WAYS = [
    {"num_workers": 2},
    {"num_workers": 2, "start_method": "spawn", "worker_threads": 2},
    {"num_workers": 2, "transport": "ring", "in_order": False},
    {"num_workers": 2, "transport": "ring", "epoch_overlap": True, "malloc_retain": True, "prefetch_factor": 4},
    {"malloc_retain": True, "epoch_overlap": True},
    {"transforms": "direct"},
    {"transforms": "direct", "normalize": "device", "targets": "fast", "transport": "ring", "num_workers": 1},
    {"normalize": "opencv"},
    {"normalize": "conditional"},
    {"normalize": "folded"},
    {"image_decoder": "opencv"},
    {"image_decoder": "turbojpeg"},
    {"image_decoder": "pil", "scaled_decode": True},
    {"image_decoder": "opencv", "scaled_decode": True},
    {"image_decoder": "turbojpeg", "scaled_decode": True, "transforms": "direct"},
    {"cache": "encoded", "cache_store": "shared", "num_workers": 1},
    {"cache": "decoded", "scaled_decode": True, "image_decoder": "opencv"},
    {"cache": "decoded", "targets": "cached"},
    {"cache": "prepared", "normalize": "opencv", "targets": "fast"},
    {"cache": "prepared", "normalize": "device", "targets": "cached", "cache_store": "disk"},
    {"cache": "prepared", "normalize": "device", "targets": "cached", "cache_store": "mapped"},
    {"cache": "prepared", "normalize": "device", "targets": "cached", "cache_store": "shared", "num_workers": 1},
    {"cache": "tensor", "normalize": "cached", "targets": "cached", "num_workers": 2, "transport": "ring"},
    {"cache": "tensor", "normalize": "cached", "cache_store": "shared", "num_workers": 1, "start_method": "spawn"},
    {"targets": "cached"},
    {"loader": "webdataset"},
    {"loader": "webdataset", "num_workers": 2, "transport": "ring", "targets": "fast", "transforms": "direct"},
    {"loader": "webdataset", "num_workers": 2, "start_method": "spawn"},
    {"transforms": "direct", "normalize": "device", "targets": "fast"},
    pytest.param({"loader": "spdl", "num_workers": 2, "in_order": False}, marks=needs_spdl),
    pytest.param(
        {"loader": "spdl", "transforms": "direct", "normalize": "device", "targets": "fast", "epoch_overlap": True},
        marks=needs_spdl,
    ),
    pytest.param({"loader": "dali"}, marks=needs_dali),
    pytest.param({"loader": "dali", "normalize": "device", "targets": "fast", "num_workers": 1}, marks=needs_dali),
]


@pytest.mark.parametrize("settings", WAYS, ids=lambda s: " ".join(f"{k}={v}" for k, v in s.items()))
def test_every_way_gives_the_same_pages(odd_pages, odd_shards, reference, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    knobs = knobs_of(odd_shards if settings.get("loader") == "webdataset" else odd_pages, **settings)
    pages, _ = given(knobs)
    assert set(pages) == set(NAMES)
    tolerance = tolerance_between(knobs_of(odd_pages), knobs, ORDINARY)
    for name, got in pages.items():
        want = reference[name]
        if name not in COLOURS_DIFFER:
            difference = np.abs(got.levels - want.levels)
            assert difference.max() <= tolerance.largest, name
            assert difference.mean() <= tolerance.mean, name
        assert np.array_equal(got.shrink_map, want.shrink_map), name
        assert np.abs(got.threshold_map - want.threshold_map).max() * 255 <= 1, name
        assert np.allclose(got.matrix, want.matrix, atol=1e-3), name


def test_torch_tensors_of_a_batch_can_be_written_into(odd_pages):
    """A model that normalizes in place must not be stopped, nor spoil the cache."""
    knobs = knobs_of(odd_pages, cache="prepared", normalize="device", targets="cached")
    workload = OcrWorkload(knobs)
    workload.fill_cache(lambda done, total: None)
    first = workload.dataset().__getitems__([0, 1]).images.clone()
    workload.dataset().__getitems__([0, 1]).images.zero_()
    assert torch.equal(workload.dataset().__getitems__([0, 1]).images, first)


@pytest.mark.parametrize("rows", [[3, 4, 5], [5, 3, 4], [2]])
def test_a_gathered_batch_is_what_its_pages_are(odd_pages, rows):
    knobs = knobs_of(odd_pages, cache="prepared", normalize="device", targets="cached")
    workload = OcrWorkload(knobs)
    workload.fill_cache(lambda done, total: None)
    batch = workload.dataset().__getitems__(rows)
    for place, number in enumerate(rows):
        sample = workload.dataset()[number]
        assert torch.equal(batch.images[place], sample.image)
        assert np.array_equal(batch.maps.planes[place, 1].numpy(), sample.targets.flags)
        assert np.array_equal(batch.matrices[place], sample.matrix)


def test_a_backend_that_is_not_installed_names_its_extra(odd_pages, monkeypatch):
    monkeypatch.setitem(choose.LOADERS, "dali", ("workbench.measure.loaders.no_such_module", "dali"))
    with pytest.raises(BadInput, match=r"pip install '\.\[dali\]'"):
        given(knobs_of(odd_pages, loader="dali"))
