"""Any data set in any layout: what our readers know of it they read back, and what had to be changed is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.layouts.layouts import LAYOUTS
from workbench.workloads.ocr.layouts.write import Written, write_layout
from workbench.workloads.ocr.pages.page import PageCounts
from workbench.workloads.ocr.pages.survey import survey

QUAD = [[10.25, 10], [50, 12.5], [50, 30], [10, 30]]
CURVED = [[60, 10], [75, 5.5], [90, 10], [90, 25], [75, 20], [60, 25]]
SIZE = (100, 60)
#: The layouts that are read here with all that was written, and by which files.
READ_BACK = {
    "ufo": ["annotations.json"],
    "ufo_split": ["jsons/train.json", "jsons/val.json"],
    "paddleocr": ["train.txt", "val.txt"],
    "mmocr": ["textdet_train.json", "textdet_test.json"],
}


def word(points, text="A", *, ignore=False):
    return {"points": points, "transcription": text, "illegibility": ignore}


@pytest.fixture
def data(tmp_path):
    """A data set of five pages: turned ones, one without words, texts and outlines of all sorts."""
    folder = tmp_path / "data"
    words = {
        "a/1.jpg": [word(QUAD, "a,b"), word(CURVED, '"quoted"'), word(QUAD, "", ignore=True)],
        "b/1.jpg": [word([[90, 50], [120, 50], [120, 70], [90, 70]], "long\nline")],
        "turned.jpg": [word([[5, 80], [20, 80], [20, 90], [5, 90]], "출입금지")],
        "gray 2.PNG": [word(QUAD[::-1], "###"), word([[-9, -9], [-2, -9], [-2, -2], [-9, -2]])],
        "empty.jpg": [],
    }
    for name in words:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if name == "turned.jpg":
            exif[0x0112] = 6
        rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
        pixels = np.stack([2 * rows, 2 * columns, 255 - rows], axis=-1).astype(np.uint8)
        image = Image.fromarray(pixels).convert("L" if "gray" in name else "RGB")
        image.save(path, exif=exif)
    content = {name: {"words": dict(enumerate(found))} for name, found in words.items()}
    (folder / "labels.json").write_text(json.dumps({"images": content}))
    return folder


def write(data: Path, layout: str, **how: object) -> tuple[Path, Written]:
    pages, counts = survey(data)
    out = data.parent / layout
    return out, write_layout(pages, counts, out, layout=layout, **how)


def by_text(pages):
    """The words of all pages by their page's size and text, in their order."""
    return sorted(
        ((page.width, page.height, word.text, word.ignore), word.polygon.tolist())
        for page in pages
        for word in page.words
    )


@pytest.mark.parametrize("layout", READ_BACK)
def test_all_words_are_read_back(data, layout):
    pages, _ = survey(data)
    out, written = write(data, layout)
    again = [page for file in READ_BACK[layout] for page in survey(out, annotations=Path(file))[0]]
    assert (written.num_pages, written.num_words) == (5, 7)
    assert len({page.path for page in again}) == 5
    expected = by_text(pages)
    if layout == "paddleocr":  # it knows don't-care by the text: an empty one gets it, and "###" is it already
        expected = sorted(
            ((*head[:2], "###", True) if head[3] or head[2] == "###" else head, points) for head, points in expected
        )
    found = by_text(again)
    assert [head for head, _ in found] == [head for head, _ in expected]
    for (_, points), (_, wanted) in zip(found, expected, strict=True):
        np.testing.assert_allclose(points, wanted, atol=0.01)


def test_icdar2015_has_quads_in_whole_pixels(data):
    out, written = write(data, "icdar2015")
    pages, counts = survey(out)
    assert counts.notes == []
    by_name = {page.name: page for page in pages}
    assert set(by_name) == {"a_1.jpg", "b_1.jpg", "turned.jpg", "gray_2.PNG", "empty.jpg"}
    assert [(word.text, word.ignore) for word in by_name["a_1.jpg"].words] == [
        ("a,b", False), ('"quoted"', False), ("###", True)
    ]  # fmt: skip
    np.testing.assert_allclose(by_name["a_1.jpg"].words[0].polygon, QUAD, atol=0.5)
    assert [word.text for word in by_name["b_1.jpg"].words] == ["long line"]
    np.testing.assert_allclose(by_name["gray_2.PNG"].words[0].polygon, np.roll(QUAD, 1, axis=0), atol=0.5)
    assert written.notes[1:] == [
        "1 word had other than four points: their smallest turned box stands in",
        "1 word ran counter-clockwise, which this layout must not: turned round, with the same first corner",
        "1 word had a text by which this layout knows don't-care: taken for that there",
        "1 word had line breaks in their texts: blanks stand in",
    ]


def test_yolo_and_doctr_have_points_inside_the_page(data):
    _, written = write(data, "yolo")
    assert written.notes[0] == "parted with seed 0: 4 to train with, 1 to validate with"
    assert written.notes[2:] == [
        "1 word reached outside the page: cut off at its edge",
        "1 word had no area inside the page: left out",
        "1 word of don't-care, which this layout doesn't know: written like any other",
    ]
    rows = [
        row.split() for path in (data.parent / "yolo/labels").rglob("*.txt") for row in path.read_text().splitlines()
    ]
    assert len(rows) == written.num_words == 6
    boxes = np.array(rows, float)[:, 1:]
    assert (boxes[:, :2] - boxes[:, 2:] / 2).min() > -1e-6
    assert (boxes[:, :2] + boxes[:, 2:] / 2).max() < 1 + 1e-6

    out, written = write(data, "doctr")
    labels = json.loads((out / "labels.json").read_text())
    assert sorted(labels) == ["a_1.jpg", "b_1.jpg", "gray_2.PNG", "turned.jpg"]
    assert {len(points) for page in labels.values() for points in page["polygons"]} == {4}
    assert written.notes[0] == "1 page without words: left out, this layout has none"


def test_images_are_copied_unless_they_are_turned(data):
    out, written = write(data, "icdar2015")
    assert (out / "images/a_1.jpg").read_bytes() == (data / "a/1.jpg").read_bytes()
    assert written.notes[0] == "1 page turned by EXIF, written upright as JPEG of quality 95 (turned.jpg)"
    with Image.open(out / "images/turned.jpg") as image, Image.open(data / "turned.jpg") as stored:
        assert (image.size, dict(image.getexif())) == (SIZE[::-1], {})
        turned = np.asarray(stored.transpose(Image.Transpose.ROTATE_270), int)
        assert np.abs(np.asarray(image, int) - turned).mean() < 2
    kept, _ = write(data, "ufo")
    assert (kept / "images/turned.jpg").read_bytes() == (data / "turned.jpg").read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_of_a_folder_is_never_left(data, monkeypatch, layout):
    (data / "late.jpg").write_bytes((data / "a/1.jpg").read_bytes())
    pages, counts = survey(data)
    (data / "turned.jpg").unlink()
    with pytest.raises(BadInput, match=r"turned\.jpg: cannot be read"):
        write_layout(pages, counts, data.parent / layout, layout=layout)
    assert [path.name for path in data.parent.iterdir()] == ["data"]


def test_a_folder_that_holds_something_is_refused(data):
    out, _ = write(data, "mmocr")
    before = sorted(out.rglob("*"))
    with pytest.raises(BadInput, match=r"something else already.*Name a new folder"):
        write(data, "mmocr")
    assert sorted(out.rglob("*")) == before


def test_what_cannot_be_written_is_refused(data):
    pages, counts = survey(data, annotation_format="none")
    with pytest.raises(BadInput, match=r"no words to write.*--to webdataset"):
        write_layout(pages, counts, data.parent / "out", layout="ufo")
    pages, counts = survey(data, limit=1)
    with pytest.raises(BadInput, match="1 page cannot be parted in two"):
        write_layout(pages, counts, data.parent / "out", layout="yolo")
    with pytest.raises(BadInput, match="Did you mean 'paddleocr'"):
        write_layout(pages, counts, data.parent / "out", layout="paddle")
    with pytest.raises(BadInput, match="no page has a word"):
        write_layout([], PageCounts(num_pages=0, num_words=0, num_ignored_words=0), data.parent / "out", layout="doctr")
