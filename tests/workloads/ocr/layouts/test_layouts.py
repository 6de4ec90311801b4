"""Drawn pages: every layout keeps its written rules, and what our readers know they read back."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.layouts.labels import TRAIN, VAL
from workbench.workloads.ocr.layouts.layouts import LAYOUTS
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.synthetic import draw
from workbench.workloads.ocr.synthetic.draw import DrawnPage, draw_page, draw_pages, holds_pages

#: Among these are all EXIF turns, a page in portrait, a gray one, and words that are don't-care.
COUNT, SEED = 12, 32
PARTS = {TRAIN: 10, VAL: 2}

Drawn = dict[str, DrawnPage]
Lay = Callable[[str], Path]


@pytest.fixture(scope="module")
def drawn() -> dict[bool, Drawn]:
    """The pages by name: stored upright, and some of them turned."""
    return {
        upright: {
            page.name: page for page in (draw_page(number, seed=SEED, upright=upright) for number in range(COUNT))
        }
        for upright in (True, False)
    }


@pytest.fixture
def lay(tmp_path: Path, drawn: dict[bool, Drawn], monkeypatch: pytest.MonkeyPatch) -> Lay:
    """Lays the pages into a folder, without drawing them again."""
    numbered = {upright: list(pages.values()) for upright, pages in drawn.items()}
    monkeypatch.setattr(draw, "draw_page", lambda number, *, seed, upright: numbered[upright][number])
    return lambda layout: draw_pages(tmp_path / layout, count=COUNT, seed=SEED, layout=layout)


def opened(page: DrawnPage) -> Image.Image:
    return Image.open(io.BytesIO(page.jpeg))


def words_of(page: DrawnPage) -> list[dict[str, Any]]:
    return list(page.entry["words"].values())


def text_files(folder: Path) -> dict[str, str]:
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jpg" and path.name != "pages.json"
    ]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}


def images(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "images").rglob("*.jpg")}


def parted(folder: Path) -> dict[str, list[str]]:
    """The names of the images by part."""
    return {part: sorted(path.name for path in (folder / "images" / part).iterdir()) for part in (TRAIN, VAL)}


def assert_read_back(pages: list[Page], drawn: Drawn, *, within_px: float) -> None:
    assert {page.name for page in pages} == set(drawn)
    for page in pages:
        words = words_of(drawn[page.name])
        assert [word.text for word in page.words] == [word["transcription"] for word in words]
        assert [word.ignore for word in page.words] == [word["illegibility"] for word in words]
        for word, written in zip(page.words, words, strict=True):
            np.testing.assert_allclose(word.polygon, written["points"], rtol=0, atol=within_px)


def test_upright_pages_differ_in_their_turn_alone(drawn: dict[bool, Drawn]) -> None:
    turns = Counter(opened(page).getexif().get(0x0112, 1) for page in drawn[False].values())
    assert set(turns) == {1, 3, 6, 8}
    same = 0
    for page in drawn[True].values():
        turned = drawn[False][page.name]
        assert not opened(page).getexif()
        assert opened(page).size == (page.entry["img_w"], page.entry["img_h"])
        assert page.entry == turned.entry
        same += page.jpeg == turned.jpeg
    assert same == turns[1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_page_is_there_once(lay: Lay, drawn: dict[bool, Drawn], layout: str) -> None:
    folder = lay(layout)
    pages = drawn[layout != "ufo"]
    assert images(folder) == {page.name: page.jpeg for page in pages.values()}
    assert len(list((folder / "images").rglob("*.jpg"))) == COUNT
    if LAYOUTS[layout].is_split:
        assert {part: len(names) for part, names in parted(folder).items()} == PARTS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_in_their_layout_are_left_as_they_are(lay: Lay, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    folder = lay(layout)
    before = text_files(folder), images(folder)
    monkeypatch.setattr(draw, "draw_page", None)
    assert lay(layout) == folder
    assert (text_files(folder), images(folder)) == before

    for other in LAYOUTS.keys() - {layout}:
        with pytest.raises(BadInput, match=r"holds something else already.*empty this one"):
            draw_pages(folder, count=COUNT, seed=SEED, layout=other)
    (folder / next(reversed(before[0]))).unlink()
    assert not holds_pages(folder, count=COUNT, seed=SEED, layout=layout)


def test_ufo_is_read_back_whatever_the_turn(lay: Lay, drawn: dict[bool, Drawn]) -> None:
    folder = lay("ufo")
    assert set(text_files(folder)) == {"annotations.json"}
    pages, counts = survey(folder)
    assert_read_back(pages, drawn[False], within_px=1e-3)
    assert counts.turned_by_exif > 2


def test_icdar2015_is_read_back(lay: Lay, drawn: dict[bool, Drawn]) -> None:
    folder = lay("icdar2015")
    assert set(text_files(folder)) == {f"gts/gt_{Path(name).stem}.txt" for name in drawn[True]}
    for text in text_files(folder).values():
        for line in text.splitlines():
            assert all(str(int(value)) == value for value in line.split(",", 8)[:8])
    pages, counts = survey(folder)
    assert_read_back(pages, drawn[True], within_px=0.5)
    assert counts.num_ignored_words > 0
    assert counts.notes == []


def test_the_parts_of_ufo_are_read_back(lay: Lay, drawn: dict[bool, Drawn]) -> None:
    folder = lay("ufo_split")
    assert set(text_files(folder)) == {"jsons/train.json", "jsons/val.json"}
    for part, names in parted(folder).items():
        pages, _ = survey(folder, annotations=Path("jsons") / f"{part}.json")
        assert [page.path for page in pages] == [folder / "images" / part / name for name in names]
        assert_read_back(pages, {name: drawn[True][name] for name in names}, within_px=1e-3)


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("paddleocr", {TRAIN: "train.txt", VAL: "val.txt"}),
        ("mmocr", {TRAIN: "textdet_train.json", VAL: "textdet_test.json"}),
    ],
)
def test_parts_of_other_programs_are_read_back(
    lay: Lay, drawn: dict[bool, Drawn], layout: str, files: dict[str, str]
) -> None:
    folder = lay(layout)
    assert set(text_files(folder)) == set(files.values())
    for part, names in parted(folder).items():
        pages, counts = survey(folder, annotations=Path(files[part]))
        assert sorted(page.path for page in pages) == [folder / "images" / part / name for name in names]
        assert_read_back(pages, {name: drawn[True][name] for name in names}, within_px=1e-3)
        assert all("without annotations" in note for note in counts.notes)  # the images of the other part


def test_mmocr_has_what_its_configs_ask_for(lay: Lay) -> None:
    content = json.loads(text_files(lay("mmocr"))["textdet_train.json"])
    assert content["metainfo"]["category"] == [{"id": 0, "name": "text"}]
    for entry in content["data_list"]:
        assert {"img_path", "height", "width", "instances"} == set(entry)
        for word in entry["instances"]:
            points = np.array(word["polygon"]).reshape(-1, 2)
            assert word["bbox"] == [*points.min(axis=0), *points.max(axis=0)]
            assert word["bbox_label"] == 0


def test_doctr_hashes_and_measures_every_file(lay: Lay, drawn: dict[bool, Drawn]) -> None:
    folder = lay("doctr")
    (name, text), *others = text_files(folder).items()
    assert (name, others) == ("labels.json", [])
    labels = json.loads(text)
    assert set(labels) == set(images(folder))
    for name, label in labels.items():
        data = images(folder)[name]
        width, height = Image.open(io.BytesIO(data)).size
        assert label["img_dimensions"] == [height, width]
        assert label["img_hash"] == hashlib.sha256(data).hexdigest()
        polygons = np.array(label["polygons"])
        assert polygons.shape == (len(words_of(drawn[True][name])), 4, 2)
        assert (polygons >= 0).all()
        assert (polygons <= [width, height]).all()


def test_yolo_has_a_box_around_every_word(lay: Lay, drawn: dict[bool, Drawn]) -> None:
    folder = lay("yolo")
    settings = yaml.safe_load((folder / "data.yaml").read_text())
    assert settings == {"train": "images/train", "val": "images/val", "nc": 1, "names": ["word"]}
    files = text_files(folder)
    assert len(files) == COUNT + 1
    for part, names in parted(folder).items():
        for name in names:
            rows = np.array(
                [line.split() for line in files[f"labels/{part}/{Path(name).stem}.txt"].splitlines()], float
            )
            entry, words = drawn[True][name].entry, words_of(drawn[True][name])
            assert rows.shape == (len(words), 5)
            assert (rows[:, 0] == 0).all()
            low, high = rows[:, 1:3] - rows[:, 3:] / 2, rows[:, 1:3] + rows[:, 3:] / 2
            assert (low >= 0).all()
            assert (high <= 1).all()
            points, size = np.array([word["points"] for word in words]), [entry["img_w"], entry["img_h"]]
            np.testing.assert_allclose(low * size, points.min(axis=1), atol=0.01)
            np.testing.assert_allclose(high * size, points.max(axis=1), atol=0.01)


def test_the_parts_are_the_seeds(lay: Lay) -> None:
    yolo = LAYOUTS["yolo"]
    assert yolo.parts(100, seed=1) == yolo.parts(100, seed=1) != yolo.parts(100, seed=2)
    assert Counter(yolo.parts(404, seed=0)) == {TRAIN: 323, VAL: 81}
    assert [Counter(yolo.parts(count, seed=0))[VAL] for count in (2, 3, 7, 8, 10)] == [1, 1, 1, 2, 2]
    assert parted(lay("yolo")) == parted(lay("ufo_split"))
    assert set(LAYOUTS["doctr"].parts(100, seed=1)) == {""}


def test_what_cannot_be_laid_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"1 page cannot be parted in two. Take 2 or more"):
        draw_pages(tmp_path / "pages", count=1, layout="yolo")
    with pytest.raises(BadInput, match=r"there is no layout named 'yolov8'. Did you mean 'yolo'"):
        draw_pages(tmp_path / "pages", count=1, layout="yolov8")
    assert list(tmp_path.iterdir()) == []
