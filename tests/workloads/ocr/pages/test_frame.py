"""The frame of annotated points, and points turned upright with their pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from workbench.workloads.ocr.pages.frame import decide_frame, turn_upright
from workbench.workloads.ocr.pages.image_header import ImageHeader
from workbench.workloads.ocr.pages.page import AnnotatedPage
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.pages.words import Word

#: How the upright image comes to lie in the file.
STORED_FROM_UPRIGHT = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
DOTS = {(255, 0, 0): (100, 10), (0, 255, 0): (20, 30), (0, 0, 255): (60, 70)}


def centres(image: Image.Image) -> np.ndarray:
    """Where the middles of the dots are, float [3, 2]."""
    pixels = np.asarray(image)
    return np.array([np.argwhere((pixels == colour).all(axis=2)).mean(axis=0)[::-1] + 0.5 for colour in DOTS])


@pytest.mark.parametrize("orientation", STORED_FROM_UPRIGHT)
def test_points_go_with_the_pixels(orientation):
    upright = Image.new("RGB", (120, 80))
    for colour, (left, top) in DOTS.items():
        upright.paste(colour, (left, top, left + 5, top + 5))
    turn = STORED_FROM_UPRIGHT[orientation]
    stored = upright.transpose(turn) if turn is not None else upright.copy()
    stored.getexif()[0x0112] = orientation
    assert ImageOps.exif_transpose(stored).tobytes() == upright.tobytes()

    header = ImageHeader(*stored.size, orientation, "RGB")
    turned = turn_upright(centres(stored).astype(np.float32), header)
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned, centres(upright))


def page(right: float, bottom: float, **more: object) -> AnnotatedPage:
    corners = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
    return AnnotatedPage("a.jpg", [Word(corners)], "a", **more)


#: Stored 120 wide and 80 high, upright 80 wide and 120 high.
TURNED = ImageHeader(120, 80, 6, "RGB")
HALF_TURNED = ImageHeader(120, 80, 3, "RGB")


@pytest.mark.parametrize(
    ("annotated", "header", "frame"),
    [
        pytest.param(page(118, 78), TURNED, "stored", id="fits as stored"),
        pytest.param(page(78, 118), TURNED, "upright", id="fits upright only"),
        pytest.param(page(60, 60), TURNED, "stored", id="fits both"),
        pytest.param(page(200, 200), TURNED, "stored", id="fits neither"),
        pytest.param(page(123, 83), TURNED, "stored", id="3 px over"),
        pytest.param(page(83, 123), TURNED, "upright", id="3 px over, upright"),
        pytest.param(page(60, 83.5), TURNED, "upright", id="more than 3 px over as stored"),
        pytest.param(page(60, 60, width=80, height=120), TURNED, "upright", id="given size is upright"),
        pytest.param(page(60, 118, width=120, height=80), TURNED, "stored", id="given size is as stored"),
        pytest.param(page(60, 118, width=640, height=480), TURNED, "upright", id="given size is of another image"),
        pytest.param(page(60, 118, width=80), TURNED, "upright", id="half a size says nothing"),
        pytest.param(page(60, 60, frame="upright"), TURNED, "upright", id="the format says upright"),
        pytest.param(page(60, 60, width=120, height=80, frame="upright"), TURNED, "upright", id="format before size"),
        pytest.param(page(60, 60), HALF_TURNED, "stored", id="a half turn is undecidable"),
        pytest.param(page(60, 60, width=120, height=80), HALF_TURNED, "stored", id="a half turn, size given"),
        pytest.param(AnnotatedPage("a.jpg", [], "a"), TURNED, "stored", id="no words"),
        pytest.param(page(0.5, 0.5, unit="share"), TURNED, "upright", id="shares"),
        pytest.param(page(0.5, 0.5, unit="share", width=120, height=80), TURNED, "stored", id="shares, size as stored"),
    ],
)
def test_the_frame_is_decided(annotated, header, frame):
    assert decide_frame(annotated, header) == frame


def test_one_word_that_does_not_fit_decides_for_the_page():
    annotated = page(60, 60)
    annotated.packed.append(page(60, 118).words[0])
    assert decide_frame(annotated, TURNED) == "upright"


def test_points_left_of_the_image_fit_within_3_px():
    corners = np.array([[-3, -3], [60, 0], [60, 60]], np.float32)
    assert decide_frame(AnnotatedPage("a.jpg", [Word(corners)], "a"), TURNED) == "stored"


MARK = (100, 90, 118, 96)
UPRIGHT = (120, 100)


def box(image: Image.Image) -> list[int]:
    """Left, top, right and bottom of the white mark in an image."""
    rows, columns = np.nonzero(np.asarray(image.convert("L")) > 128)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


def corners(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


#: Half turns and mirrors keep the size, so points in the upright frame cannot be told from stored ones by it.
QUARTER_TURNS = (5, 6, 7, 8)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize(
    ("annotator", "orientation"),
    [
        *(
            (annotator, turn)
            for annotator in ("stored", "stored, size given", "LabelMe")
            for turn in STORED_FROM_UPRIGHT
        ),
        *((annotator, turn) for annotator in ("upright", "upright, size given") for turn in (1, *QUARTER_TURNS)),
    ],
)
def test_the_polygon_lies_on_the_mark_of_the_upright_image(tmp_path, annotator, orientation, suffix):
    drawn = Image.new("RGB", UPRIGHT)
    drawn.paste((255, 255, 255), MARK)
    turn = STORED_FROM_UPRIGHT[orientation]
    stored = drawn.transpose(turn) if turn is not None else drawn
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    stored.save(tmp_path / f"a.{suffix}", exif=exif, **options)

    seen = stored if annotator.startswith("stored") else drawn
    points = corners(*box(seen))
    if annotator == "LabelMe":
        content = {"shapes": [{"label": "A", "points": points}], "imagePath": f"a.{suffix}"}
    else:
        entry = {"words": {"0": {"points": points}}}
        if "size given" in annotator:
            entry |= {"img_w": seen.width, "img_h": seen.height}
        content = {"images": {f"a.{suffix}": entry}}
    (tmp_path / "a.json").write_text(json.dumps(content))

    (page,), counts = survey(tmp_path)
    with Image.open(tmp_path / f"a.{suffix}") as image:
        upright = ImageOps.exif_transpose(image)
    assert (page.width, page.height) == upright.size == UPRIGHT
    assert page.exif_orientation == orientation
    assert counts.turned_by_exif == (orientation != 1)
    (word,) = page.words
    assert [*word.polygon.min(axis=0), *word.polygon.max(axis=0)] == box(upright)
