"""A wrong variant is told from a right one, whatever its strategy may differ in: every planted fault is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from record_factory import make_record
from workbench.measure.devices.nothing import NoDevice
from workbench.workloads.ocr.checks.pages import compare_pages

from workbench.records import Parity
from workbench.records.run_folder import PAGES
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page, Word
from workbench.workloads.ocr.workload import OcrWorkload

NUM_PAGES, BATCH = 8, 4
EPOCH = [list(range(begin, begin + BATCH)) for begin in range(0, NUM_PAGES, BATCH)]


def knobs_of(**settings) -> OcrKnobs:
    return OcrKnobs.parse_own({"num_pages": NUM_PAGES, "device": "none", "checked_samples": 2, "targets": "fast", **settings})


def witnessed(folder: Path, knobs: OcrKnobs, *, pages=lambda pages: pages, orders=EPOCH, content=None, batch=lambda b: b):
    """What a trial with a fault leaves.

    Args:
        folder: Its run folder.
        knobs: Its knobs.
        pages: Changes the pages behind the data set's back, as a stale cache or a wrong reader would.
        orders: The pages of each batch, as they are told.
        content: What is really in them, where that is something else.
        batch: Changes a batch.
    """
    workload = OcrWorkload(knobs)
    workload.open()
    workload.build(NoDevice())
    workload.dataset.pages = pages(workload.dataset.pages)
    workload.fill_cache(lambda done, total: None)
    for number, told in enumerate(orders):
        real = told if content is None else content[number]
        made = batch(workload.collate([workload.dataset[page] for page in real]))
        workload.look(made, told)
    folder.mkdir()
    np.savez(folder / PAGES, **workload.parity_sample(knobs.checked_samples))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "baseline"
    witnessed(folder, knobs_of())
    return folder


#: Sets of knobs of which each allows more than the one before.
WAYS = [
    {},
    {"normalize": "device", "transforms": "direct"},
    {"image_decoder": "turbojpeg", "cache": "prepared", "normalize": "device"},
    {"image_decoder": "turbojpeg", "scaled_decode": True},
]


def compared(tmp_path: Path, baseline: Path, settings: dict, **fault) -> Parity:
    knobs = knobs_of(**settings)
    witnessed(tmp_path / "variant", knobs, **fault)
    plain, changed = (make_record().model_copy(update={"knobs": one, "quality": None}) for one in (knobs_of(), knobs))
    return compare_pages(baseline, tmp_path / "variant", plain, changed)


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_a_right_variant_passes(tmp_path, baseline, settings):
    parity = compared(tmp_path, baseline, settings)
    assert parity.status in ("same", "within_tolerance")
    assert parity.coverage.status == "same"
    assert parity.coverage.num_pages == NUM_PAGES
    assert parity.detections.matched_words > 20


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
    parity = compared(tmp_path, baseline, settings, **FAULTS[fault])
    assert parity.status == "different"


def test_the_page_that_is_wrong_is_named(tmp_path, baseline):
    parity = compared(tmp_path, baseline, {}, **FAULTS["pages exchanged"])
    assert len(parity.coverage.exchanged) == 2
    assert parity.coverage.exchanged[0] in " ".join(parity.notes)
    (tmp_path / "again").mkdir()
    dropped = compared(tmp_path / "again", baseline, {}, **FAULTS["a page dropped"])
    assert len(dropped.coverage.missing) == 1
    assert dropped.coverage.missing[0] in dropped.notes[0]


def test_another_data_set_is_no_variant_and_its_pages_are_named(tmp_path, baseline):
    parity = compared(tmp_path, baseline, {"num_pages": NUM_PAGES + 8}, orders=[*EPOCH, list(range(8, 16))])
    assert parity.status == "different"
    assert "besides" in parity.notes[0]
    assert "and 3 more" in parity.notes[0]


def test_without_whole_pages_a_fault_still_counts_and_their_absence_proves_nothing(tmp_path, baseline):
    wrong = compared(tmp_path, baseline, {"checked_samples": 0}, **FAULTS["pages exchanged"])
    assert wrong.status == "different"
    (tmp_path / "again").mkdir()
    assert compared(tmp_path / "again", baseline, {"checked_samples": 0}).status is None


def test_a_shorter_run_is_held_against_the_pages_that_both_have_seen(tmp_path, baseline):
    parity = compared(tmp_path, baseline, {"checked_samples": 1}, orders=[[0, 1]])
    assert parity.status == "same"
    assert parity.pages.num_pages == 1
    assert parity.detections.unmatched_words == 0


def test_an_epoch_and_a_half_is_no_fault(tmp_path, baseline):
    parity = compared(tmp_path, baseline, {}, orders=[*EPOCH, EPOCH[0]])
    assert parity.coverage.status == "same"
