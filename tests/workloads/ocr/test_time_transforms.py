"""The study adds up in place, does not alone, and its rows are the chain's."""

from __future__ import annotations

import itertools

import pytest

from workbench.files import sample_pages_dir
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.time_transforms import ROUNDS, WIDTHS, WORD_COUNTS, study_transforms

pytestmark = pytest.mark.real

CHAIN = ["LongestMaxSize", "PadIfNeeded", "Normalize", "ToTensorV2"]


@pytest.fixture(scope="module")
def study():
    told = []
    pages = survey(sample_pages_dir(), limit=3)[0]
    made = study_transforms(pages, OcrKnobs(), on_round=lambda done, total: told.append((done, total)))
    assert told == [(number + 1, ROUNDS) for number in range(ROUNDS)]
    return made


def test_every_transform_has_a_row_in_both_columns(study):
    assert [row.name for row in study.in_place if row.name != "keypoints"] == CHAIN
    assert [row.name for row in study.isolated] == CHAIN
    for row in (*study.in_place, *study.isolated, study.chain, *study.beside):
        assert 0 <= row.min_s <= row.mean_s <= row.max_s
    assert sum(row.share for row in study.in_place) == pytest.approx(1.0)


def test_words_and_widths_are_all_there(study):
    assert tuple(study.by_words) == WORD_COUNTS
    assert tuple(study.by_width) == WIDTHS
    assert [row.name for row in study.beside] == ["polygons", "targets"]


def test_with_a_clock_that_counts_every_part_has_its_second():
    """Each reading of this clock is a second later."""
    ticks = itertools.count(0, 1_000_000_000)
    study = study_transforms(survey(sample_pages_dir(), limit=1)[0], OcrKnobs(), clock=lambda: next(ticks))
    rows = {row.name: row for row in study.in_place}
    assert rows["Normalize"].mean_s == 1.0
    assert rows["keypoints"].mean_s == 7.0
    assert study.chain.mean_s == 1.0, "nobody looks at the clock within"
    assert study.closure_in_place == pytest.approx(11.0)


def test_of_images_alone_no_maps_are_timed():
    ticks = itertools.count(0, 1_000_000_000)
    pages, _ = survey(sample_pages_dir(), annotation_format="none", limit=1)
    study = study_transforms(pages, OcrKnobs(targets="none"), clock=lambda: next(ticks))
    assert [row.name for row in study.beside] == ["polygons"]
