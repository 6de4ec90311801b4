"""Real annotations, as their repositories have them."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr.pages.survey import survey

ICDAR = "mmocr-0.x/tests/data/toy_dataset"
DET = "mmocr-1.x/tests/data/det_toy_dataset"
WIRES = "paddleocr-wires/train_data"
TOTAL_TEXT = "total-text"


def words_by_page(pages):
    """The words of each page as comparable values, in one order for all formats."""
    return {
        page.name: sorted((tuple(word.polygon.ravel().tolist()), word.ignore) for word in page.words) for page in pages
    }


@pytest.fixture(scope="module")
def icdar(real_pages):
    """The ten photos as the text files have them."""
    pages, _ = survey(real_pages / ICDAR, annotations=real_pages / ICDAR / "annotations")
    return words_by_page(pages)


def test_there_are_82_words_of_which_61_are_dont_care(icdar):
    words = [word for page in icdar.values() for word in page]
    assert len(icdar) == 10
    assert len(words) == 82
    assert sum(ignore for _, ignore in words) == 61


@pytest.mark.parametrize(
    ("folder", "annotations"),
    [
        (ICDAR, "labelme"),
        (ICDAR, "instances_test.json"),
        (ICDAR, "instances_test.txt"),
        (ICDAR, "annotations/test"),
        (DET, None),
        (DET, "textdet_test.json"),
    ],
)
def test_the_same_boxes_and_flags_in_every_format(real_pages, icdar, folder, annotations):
    named = real_pages / folder / annotations if annotations else None
    pages, counts = survey(real_pages / folder, annotations=named)
    assert words_by_page(pages) == icdar
    assert (counts.num_pages, counts.num_words, counts.num_ignored_words) == (10, 82, 61)
    assert (counts.dropped_words, counts.notes, counts.without_words) == ({}, [], 0)
    assert {(page.width, page.height, page.exif_orientation, page.mode) for page in pages} == {(1280, 720, 1, "RGB")}


def test_texts_of_a_photo(real_pages):
    pages, _ = survey(real_pages / ICDAR, annotations=real_pages / ICDAR / "annotations")
    (page,) = [page for page in pages if page.name == "img_2.jpg"]
    assert {"EXIT", "I2R"} <= {word.text for word in page.words}


@pytest.mark.parametrize(("folder", "annotations"), [(WIRES, "Label.txt"), (f"{WIRES}/det", "val.txt")])
def test_wires(real_pages, folder, annotations):
    pages, counts = survey(real_pages / folder, annotations=real_pages / folder / annotations)
    assert counts.num_pages == 13
    assert counts.num_ignored_words == 0
    assert counts.dropped_words == {}
    assert len({page.name for page in pages}) == 13
    by_name = {page.name: page for page in pages}
    wire = by_name["wire_96515.jpg"].words  # holds both of its boxes twice
    assert len({tuple(word.polygon.ravel().tolist()) for word in wire}) * 2 == len(wire)
    (x, y) = by_name["wire_48.jpg"].words[0].polygon.T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0  # counter-clockwise


def test_both_label_files_of_the_wires_agree(real_pages):
    label, _ = survey(real_pages / WIRES, annotations=real_pages / WIRES / "Label.txt")
    val, _ = survey(real_pages / WIRES, annotations=real_pages / WIRES / "det/val.txt")
    assert words_by_page(label) == words_by_page(val)


def test_total_text_mat_in_both_layouts(real_pages, tmp_path):
    example = real_pages / TOTAL_TEXT / "Annotation_tools/T3/Example"
    groundtruth = real_pages / TOTAL_TEXT / "Evaluation_Protocol/Examples/Groundtruth"
    (official,), _ = survey(example, annotations=groundtruth / "poly_gt_img3.mat")
    (drawn,), _ = survey(example, annotations=example / "out/gt_img3.mat")
    assert official.path == drawn.path == example / "img/img3.jpg"
    assert {word.text for word in drawn.words} == {"naughty", "kel"}
    assert {len(word.polygon) for word in drawn.words} == {10}
    # Two people drew the same two words: their boxes are nearly the same.
    for text in ("naughty", "kel"):
        (one,) = [word.polygon for word in drawn.words if word.text == text]
        nearest = min(
            np.abs(np.r_[one.min(0), one.max(0)] - np.r_[other.polygon.min(0), other.polygon.max(0)]).max()
            for other in official.words
        )
        assert nearest < 20


def test_total_text_dont_care(real_pages, read):
    groundtruth = real_pages / TOTAL_TEXT / "Evaluation_Protocol/Examples/Groundtruth"
    (page,), problems = read("totaltext", groundtruth / "poly_gt_img4.mat")
    assert problems == []
    assert any(word.ignore for word in page.words)
    assert all(word.ignore == (word.text == "#") for word in page.words)


def test_photos_without_their_annotations_are_read_alone(real_pages, icdar, tmp_path):
    for image in (real_pages / ICDAR).rglob("img_*.jpg"):
        (tmp_path / image.name).write_bytes(image.read_bytes())
    pages, counts = survey(tmp_path)
    assert {page.name for page in pages} == set(icdar)
    assert (counts.num_pages, counts.num_words, counts.has_annotations) == (10, 0, False)
    again, _ = survey(real_pages / ICDAR, annotation_format="none")
    assert {page.name for page in again} >= set(icdar)


def test_photos_turned_by_exif_are_upright(real_pages):
    pages, counts = survey(real_pages / "exif-orientation")
    assert counts.turned_by_exif == 3
    assert [page.width > page.height for page in pages] == [page.name.startswith("Landscape") for page in pages]
