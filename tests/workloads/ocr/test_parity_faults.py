"""A wrong variant is not taken for a right one, whatever its strategy may differ in: every planted fault is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from record_factory import make_record

from workbench.explain.checks.runs import compare_runs
from workbench.records import Checks
from workbench.records.run_folder import SAMPLES
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.words import Word
from workbench.workloads.ocr.workload import OcrWorkload

pytestmark = pytest.mark.real

NUM_PAGES, BATCH = 8, 4
EPOCH = [list(range(begin, begin + BATCH)) for begin in range(0, NUM_PAGES, BATCH)]


def knobs_of(**settings) -> OcrKnobs:
    return OcrKnobs.parse_own(
        {"num_pages": NUM_PAGES, "device": "none", "checked_samples": 2, "targets": "fast", **settings}
    )


def leave(folder: Path, knobs: OcrKnobs, *, pages=lambda pages: pages, orders=EPOCH, content=None, batch=lambda b: b):
    """What a trial with a fault leaves.

    Args:
        folder: Its run folder.
        knobs: Its knobs.
        pages: Changes the pages behind the data set's back, as a stale cache or a wrong reader would.
        orders: The pages that each batch is said to hold.
        content: What is really in them, where that is something else.
        batch: Changes a batch.
    """
    workload = OcrWorkload(knobs)
    workload.check()
    dataset, collate = workload.dataset(), workload.collate()
    dataset.pages = pages(dataset.pages)
    workload.fill_cache(lambda done, total: None)
    for number, samples in enumerate(orders):
        real = samples if content is None else content[number]
        made = batch(collate([dataset[page] for page in real]))
        workload.record(SimpleNamespace(data=made, number=number, samples=samples))
    folder.mkdir()
    np.savez(folder / SAMPLES, **workload.recorded())


@pytest.fixture(scope="module")
def baseline(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "baseline"
    leave(folder, knobs_of())
    return folder


#: Sets of knobs of which each allows more than the one before.
WAYS = [
    {},
    {"normalize": "device", "transforms": "direct"},
    {"image_decoder": "turbojpeg", "cache": "prepared", "normalize": "device"},
    {"image_decoder": "turbojpeg", "scaled_decode": True},
]


def compared(tmp_path: Path, baseline: Path, settings: dict, **fault) -> Checks:
    knobs = knobs_of(**settings)
    (tmp_path / "baseline").symlink_to(baseline)
    leave(tmp_path / "variant", knobs, **fault)
    plain, changed = (
        make_record(name=name).model_copy(update={"knobs": own, "quality": {}})
        for name, own in (("baseline", knobs_of()), ("variant", knobs))
    )
    return compare_runs(tmp_path, plain, changed)


def named(checks: Checks, name: str):
    return next(check for check in checks.checks if name in check.name)


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_a_right_variant_passes(tmp_path, baseline, settings):
    checks = compared(tmp_path, baseline, settings)
    assert checks.status in ("same", "within_tolerance")
    assert named(checks, "every page once").status == "same"
    assert checks.num_samples == NUM_PAGES
    words = int(named(checks, "words").measured.split()[0])
    assert words > 20


def _channels_swapped(batch):
    batch.images = batch.images.flip(1)
    return batch


def _mean_and_std_swapped(batch):
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    levels = batch.images.float() / 255 if batch.images.dtype == torch.uint8 else batch.images * std + mean
    batch.images = (levels - std) / mean
    return batch


def _moved(pages: list[Page], by: float) -> list[Page]:
    """The words moved by so many pixels of the model's input."""
    return [
        replace(
            page,
            words=tuple(
                Word(word.polygon + np.float32(by * max(page.width, page.height) / 640), word.text, word.ignore)
                for word in page.words
            ),
        )
        for page in pages
    ]


def _words_of_the_next(pages: list[Page]) -> list[Page]:
    return [replace(page, words=after.words) for page, after in zip(pages, [*pages[1:], pages[0]], strict=True)]


def _one_stale(pages: list[Page]) -> list[Page]:
    """The last page as another one's image: what a cache of an older data set would hold."""
    same_size = next(p for p in pages[:-1] if (p.width, p.height) == (pages[-1].width, pages[-1].height))
    return [*pages[:-1], replace(same_size, words=pages[-1].words)]


FAULTS = {
    "BGR for RGB": {"batch": _channels_swapped},
    "mean and std swapped": {"batch": _mean_and_std_swapped},
    "words half a pixel off": {"pages": lambda pages: _moved(pages, 0.5)},
    "words of the next page": {"pages": _words_of_the_next},
    "a stale page": {"pages": _one_stale},
    "a page twice in place of another": {"content": [[0, 1, 2, 3], [4, 4, 6, 7]]},
    "pages exchanged": {"content": [[0, 1, 2, 3], [4, 5, 7, 6]]},
    "a page dropped": {"orders": [[0, 1, 2, 3], [4, 5, 7]] * 2},
    "a page twice": {"orders": [[0, 1, 2, 3], [4, 5, 6, 7, 7, 7]]},
}


@pytest.mark.parametrize("settings", WAYS, ids=str)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_caught(tmp_path, baseline, settings, fault):
    checks = compared(tmp_path, baseline, settings, **FAULTS[fault])
    assert checks.status == "different"


def test_the_page_that_is_wrong_is_named(tmp_path, baseline):
    exchanged = named(compared(tmp_path, baseline, {}, **FAULTS["pages exchanged"]), "every page once")
    assert len(exchanged.samples) == 2
    assert "2 hold the image of another page" in exchanged.measured
    (tmp_path / "again").mkdir()
    dropped = named(compared(tmp_path / "again", baseline, {}, **FAULTS["a page dropped"]), "every page once")
    assert len(dropped.samples) == 1
    assert "1 came less often than the others" in dropped.measured


def test_another_data_set_is_not_a_variant_and_its_pages_are_named(tmp_path, baseline):
    checks = compared(tmp_path, baseline, {"num_pages": NUM_PAGES + 8}, orders=[*EPOCH, list(range(8, 16))])
    assert checks.status == "different"
    assert "besides" in checks.checks[0].reason
    assert "and 3 more" in checks.checks[0].reason


def test_without_whole_pages_a_fault_still_counts_and_their_absence_proves_nothing(tmp_path, baseline):
    wrong = compared(tmp_path, baseline, {"checked_samples": 0}, **FAULTS["pages exchanged"])
    assert wrong.status == "different"
    (tmp_path / "again").mkdir()
    assert compared(tmp_path / "again", baseline, {"checked_samples": 0}).status == "not_comparable"


def test_a_shorter_run_is_compared_on_the_pages_that_both_have_seen(tmp_path, baseline):
    checks = compared(tmp_path, baseline, {"checked_samples": 1}, orders=[[0, 1]])
    assert checks.status == "same"
    assert checks.num_samples == 2
    assert "on 1 page" in named(checks, "pixels").measured
    assert ", 0 on one only" in named(checks, "words").measured


def test_an_epoch_and_a_half_is_not_a_fault(tmp_path, baseline):
    checks = compared(tmp_path, baseline, {}, orders=[*EPOCH, EPOCH[0]])
    assert named(checks, "every page once").status == "same"


ALONE = {"annotation_format": "none"}


@pytest.fixture(scope="module")
def baseline_alone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "baseline"
    leave(folder, knobs_of(**ALONE))
    return folder


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_a_right_variant_of_images_alone_passes(tmp_path, baseline_alone, settings):
    checks = compared(tmp_path, baseline_alone, {**ALONE, **settings})
    assert checks.status in ("same", "within_tolerance")
    assert [check.name for check in checks.checks if "target" in check.name] == []
    assert int(named(checks, "words").measured.split()[0]) > 20


@pytest.mark.parametrize("settings", WAYS, ids=str)
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "words" not in fault])
def test_every_fault_of_images_alone_is_caught(tmp_path, baseline_alone, settings, fault):
    assert compared(tmp_path, baseline_alone, {**ALONE, **settings}, **FAULTS[fault]).status == "different"


def test_kept_pages_take_little_room(tmp_path):
    """As a plain run leaves them: four whole pages, with maps, in whole levels where normalization was undone."""
    leave(tmp_path / "plain", knobs_of(checked_samples=4, targets="compute"))
    with np.load(tmp_path / "plain" / SAMPLES) as kept:
        assert len(kept["names"]) == 4
        assert kept["images"].dtype == kept["shrink_map"].dtype == np.uint8
        assert kept["threshold_map"].dtype == np.float16
        np.savez_compressed(tmp_path / "small.npz", **kept)
    assert (tmp_path / "small.npz").stat().st_size < 2_000_000
