"""From a page on disk to a sample: the word stays on its ink, in every cache, decoder and frame."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench import batch_memory
from workbench.errors import BadInput
from workbench.measure.timing.stages import knock_out
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import BatchedCache, BatchedPages, PageDataset
from workbench.workloads.ocr.pages.image_header import read_header
from workbench.workloads.ocr.pages.page import Page, Word
from workbench.workloads.ocr.sample import collate

WRITTEN_NS = 1_700_000_000_000_000_000
BOX = np.array([[60, 20], [140, 20], [140, 60], [60, 60]], np.float32)
SIDE = 64


def draw_page(folder: Path, *, exif_orientation: int = 1, words: tuple[Word, ...] = (Word(BOX),)) -> Page:
    """A gray page of 160x80 with a white box where its word is."""
    pixels = np.full((80, 160, 3), 60, np.uint8)
    pixels[20:60, 60:140] = 255
    stored = {1: pixels, 6: np.rot90(pixels, 1), 3: pixels[::-1, ::-1]}[exif_orientation]
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    path = folder / f"page-{exif_orientation}.jpg"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, quality=98, exif=exif)
    return Page(path, path.name, words, width=160, height=80, exif_orientation=exif_orientation)


def levels_inside(sample_image: torch.Tensor, polygon: np.ndarray) -> float:
    left, top = np.ceil(polygon.min(axis=0) + 2).astype(int)
    right, bottom = np.floor(polygon.max(axis=0) - 2).astype(int)
    return float(sample_image[:, top:bottom, left:right].float().mean())


def knobs(**settings: object) -> OcrKnobs:
    return OcrKnobs(**{"image_size": SIDE, "normalize": "device", **settings})


@pytest.mark.parametrize("image_decoder", ["pil", "opencv"])
@pytest.mark.parametrize("exif_orientation", [1, 3, 6])
def test_the_word_lies_on_its_ink(tmp_path, image_decoder, exif_orientation):
    page = draw_page(tmp_path, exif_orientation=exif_orientation)
    sample = PageDataset([page], knobs(image_decoder=image_decoder))[0]
    assert sample.image.shape == (3, SIDE, SIDE)
    assert levels_inside(sample.image, sample.polygons[0]) > 245
    assert float(sample.image.float().mean()) < 150


def test_the_matrix_takes_the_page_to_the_input(tmp_path):
    sample = PageDataset([draw_page(tmp_path)], knobs())[0]
    corners = np.concatenate([BOX, np.ones((4, 1))], axis=1) @ sample.matrix.T
    assert corners[:, :2] / corners[:, 2:] == pytest.approx(sample.polygons[0], abs=1e-3)


CACHES = [(cache, store) for cache in ("decoded", "prepared") for store in ("memory", "shared")]


@pytest.mark.parametrize(("cache", "store"), CACHES)
@pytest.mark.parametrize("normalize", ["albumentations", "device"])
def test_a_cache_changes_nothing(tmp_path, cache, store, normalize):
    pages = [draw_page(tmp_path), draw_page(tmp_path, exif_orientation=6)]
    plain = PageDataset(pages, knobs(normalize=normalize))
    cached = PageDataset(pages, knobs(normalize=normalize, cache=cache, cache_store=store))
    cached.fill_cache(threads=2)
    for number in range(2):
        want, got = plain[number], cached[number]
        assert torch.equal(got.image, want.image)
        assert np.array_equal(got.polygons[0], want.polygons[0])
        assert np.array_equal(got.matrix, want.matrix)
        assert np.array_equal(got.targets.shrink_map, want.targets.shrink_map)
    again = cached[0]
    assert torch.equal(again.image, plain[0].image), "using an entry must not change it"


@pytest.mark.parametrize("numbers", [[0, 1], [1, 2], [1], [2, 0], [1, 1]])
def test_batches_that_are_parts_of_a_cache_are_what_copies_are(tmp_path, numbers):
    pages = [draw_page(tmp_path, exif_orientation=turned) for turned in (1, 3, 6)]
    copied, lent = (
        BatchedCache(pages, knobs(cache="prepared", targets="cached", cache_store=store, num_workers=0))
        for store in ("shared", "mapped")
    )
    for dataset in (copied, lent):
        dataset.fill_cache(threads=1)
    want = copied.__getitems__(numbers)
    for _ in range(2):
        got = lent.__getitems__(numbers)
        assert torch.equal(got.images, want.images) and torch.equal(got.maps.planes, want.maps.planes)
        assert np.array_equal(got.matrices, want.matrices) and got.dropped_words == want.dropped_words
        got.images.zero_()  # whoever gets a batch may write into it
    assert lent.cache.readings == 2 * len(numbers)


def test_pages_that_follow_one_another_are_not_copied(tmp_path, monkeypatch):
    lent = BatchedCache(
        [draw_page(tmp_path, exif_orientation=turned) for turned in (1, 3, 6)],
        knobs(cache="prepared", targets="cached", cache_store="mapped", num_workers=0),
    )
    lent.fill_cache(threads=1)
    monkeypatch.setattr(batch_memory, "empty", lambda *_: pytest.fail("memory was made for a copy"))
    assert len(lent.__getitems__([0, 1, 2])) == 3
    with pytest.raises(pytest.fail.Exception, match="for a copy"):
        lent.__getitems__([2, 0])


def test_a_filled_cache_reads_no_file_any_more(tmp_path):
    page = draw_page(tmp_path)
    dataset = PageDataset([page], knobs(cache="decoded"))
    dataset.fill_cache(threads=1)
    page.path.unlink()
    assert dataset[0].image.shape == (3, SIDE, SIDE)


def test_degenerate_words_are_dropped_and_counted(tmp_path):
    line = np.array([[10, 10], [40, 10], [70, 10], [30, 10]], np.float32)
    outside = BOX + 1000
    page = draw_page(tmp_path, words=(Word(line), Word(BOX, "kept", ignore=True), Word(outside)))
    sample = PageDataset([page], knobs())[0]
    assert len(sample.polygons) == 1
    assert sample.ignore == (True,)
    assert sample.dropped_words == 2


def test_a_page_without_words_is_a_page(tmp_path):
    sample = PageDataset([draw_page(tmp_path, words=())], knobs())[0]
    assert sample.polygons == ()
    assert sample.targets.shrink_map.max() == 0


def test_a_broken_image_is_named(tmp_path):
    page = draw_page(tmp_path)
    page.path.write_bytes(page.path.read_bytes()[:200])
    with pytest.raises(BadInput, match=r"page-1\.jpg"):
        PageDataset([page], knobs())[0]


def test_a_data_set_goes_to_a_spawned_worker_without_its_chain(tmp_path):
    dataset = PageDataset([draw_page(tmp_path)], knobs())
    want = dataset[0]
    got = pickle.loads(pickle.dumps(dataset))[0]
    assert torch.equal(got.image, want.image)


@pytest.mark.parametrize(("targets", "is_imported"), [("fast", True), ("none", False)])
def test_what_its_pages_need_is_imported_before_workers_are_forked(targets, is_imported):
    code = (
        "import sys\n"
        "from workbench.workloads.ocr.knobs import OcrKnobs\n"
        "from workbench.workloads.ocr.pages.dataset import PageDataset\n"
        f"PageDataset([], OcrKnobs(targets='{targets}'))\n"
        "print('workbench.workloads.ocr.fast_targets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{is_imported}\n"


def test_samples_become_a_batch(tmp_path):
    pages = [draw_page(tmp_path), draw_page(tmp_path, exif_orientation=3)]
    dataset = PageDataset(pages, knobs(normalize="albumentations"))
    batch = collate([dataset[0], dataset[1]])
    assert len(batch) == 2
    assert batch.images.shape == (2, 3, SIDE, SIDE)
    assert batch.maps.shrink_map.shape == (2, SIDE, SIDE)
    assert batch.maps.shrink_map.dtype == torch.float32
    assert batch.matrices.shape == (2, 3, 3)


IN_PLACE = {"transforms": "direct", "targets": "fast", "num_workers": 0, "image_decoder": "turbojpeg"}


@pytest.mark.parametrize("scaled_decode", [False, True])
@pytest.mark.parametrize("image_size", [32, 64, 160])
def test_pages_made_in_their_batch_are_those_made_one_by_one(tmp_path, image_size, scaled_decode):
    """Decoded straight into the batch, turned there, resized, or padded: it was full of something else before."""
    pages = [draw_page(tmp_path, exif_orientation=orientation) for orientation in (1, 3, 6)]
    settings = knobs(**IN_PLACE, image_size=image_size, scaled_decode=scaled_decode)
    want = collate([PageDataset(pages, settings)[number] for number in range(3)])
    dataset = BatchedPages(pages, settings)
    with batch_memory.made_by(lambda shape, dtype: np.full(shape, 171, dtype)):
        got = dataset.__getitems__([0, 1, 2])
    assert torch.equal(got.images, want.images)
    assert torch.equal(got.maps.planes, want.maps.planes)
    assert np.array_equal(got.matrices, want.matrices)
    alone = dataset[1]
    assert torch.equal(alone.image, want.images[1])
    assert np.array_equal(alone.targets.flags, want.maps.planes[1, 1])
    assert len(alone.polygons) == 1


def test_a_stage_that_is_knocked_out_replays_what_no_later_batch_overwrites(tmp_path):
    page = draw_page(tmp_path)
    dataset = BatchedPages([page], knobs(**IN_PLACE, image_size=160))
    knock_out(["decode", "pad", "targets"])
    try:
        first = dataset.__getitems__([0])
        kept = first.images.clone(), first.maps.planes.clone()
        first.images.zero_()
        first.maps.planes.zero_()
        again = dataset.__getitems__([0])
    finally:
        knock_out([])
    assert torch.equal(again.images, kept[0])
    assert torch.equal(again.maps.planes, kept[1])


def test_without_targets_there_are_no_maps(tmp_path):
    dataset = PageDataset([draw_page(tmp_path)], knobs(targets="none"))
    assert collate([dataset[0]]).maps is None


def anew(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


CHANGES = {
    "written anew": (anew, "has changed since .*: it was written anew"),
    "longer": (longer, "has changed since .*: it has [0-9]+ bytes where there were"),
    "shorter": (shorter, "has changed since .*: it has [0-9]+ bytes where there were"),
    "deleted": (Path.unlink, "cannot be read any more .No such file"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("settings", [{}, {"cache": "decoded", "cache_store": "disk"}], ids=["read", "cached on disk"])
def test_an_image_that_is_another_than_the_survey_found_is_named(tmp_path, monkeypatch, change, said, settings):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    path = draw_page(tmp_path).path
    os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))
    header = read_header(path)
    page = Page(path, path.name, (Word(BOX),), 160, 80, num_bytes=header.num_bytes, written_ns=header.written_ns)
    dataset = PageDataset([page], OcrKnobs(image_size=SIDE, **settings))
    change(path)
    with pytest.raises(BadInput, match=rf"{path}: {said}.*Leave the data set alone"):
        dataset.fill_cache(threads=1)
        dataset[0]
