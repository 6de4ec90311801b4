"""The survey of a large data set is kept: the next one reads no file, and gives the same, until anything changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.files import SURVEYS, cache_dir
from workbench.workloads.ocr.pages import kept_survey
from workbench.workloads.ocr.pages import survey as module
from workbench.workloads.ocr.pages.survey import survey

QUAD = [[10, 10], [50, 10], [50, 30.5], [10, 30]]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pages: turned, gray, without words, of an odd name, and one beside the data set."""
    found = tmp_path / "data"
    (found / "images").mkdir(parents=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (120, 80)).save(found / "images" / "turned.jpg", exif=turned)
    Image.new("L", (120, 80)).save(found / "images" / "gray.png")
    Image.new("RGB", (120, 80)).save(found / "images" / "empty.jpg")
    Image.new("RGB", (120, 80)).save(found / "images" / "ünïcode \x1b.jpg")
    Image.new("RGB", (120, 80)).save(tmp_path / "beside.jpg")
    words = {"1": {"points": QUAD, "transcription": "café"}, "2": {"points": QUAD, "illegibility": True}}
    two = {"words": words}
    names = ("turned.jpg", "gray.png", "ünïcode \x1b.jpg", "../beside.jpg")
    images = {**dict.fromkeys(names, two), "empty.jpg": {"words": {}}}
    (found / "train.json").write_text(json.dumps({"images": images}))
    return found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many headers each survey reads that reads any."""
    counted: list[int] = []

    def read_headers(paths: list[Path], **how: object) -> object:
        counted.append(len(paths))
        return kept_read(paths, **how)

    kept_read = module.read_headers
    monkeypatch.setattr(module, "read_headers", read_headers)
    return counted


def test_the_next_survey_reads_no_image_and_gives_the_same(folder: Path, reads: list[int]) -> None:
    first = survey(folder)
    assert survey(folder) == first
    assert reads == [5]
    pages, counts = survey(folder)
    assert counts.num_words == 8 and counts.turned_by_exif == 1 and counts.not_rgb == {"L": 1}
    assert pages[0].words[0].text == "café" and pages[0].words[1].ignore
    np.testing.assert_array_equal(pages[0].outlines.points, first[0][0].outlines.points)
    assert [type(page.is_jpeg) for page in pages] == [bool] * 5


def _again(path: Path) -> None:
    Image.new("RGB", (60, 90)).save(path)


def _touched(path: Path) -> None:
    written = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "an image is another one": lambda folder: _again(folder / "images" / "turned.jpg"),
    "an image beside the data set is another one": lambda folder: _again(folder.parent / "beside.jpg"),
    "an image comes": lambda folder: _again(folder / "images" / "new.jpg"),
    "annotations are written anew": lambda folder: (folder / "train.json").write_text(
        (folder / "train.json").read_text().replace("café", "cafe")
    ),
    "classes are named beside it": lambda folder: (folder.parent / "classes.txt").write_text("word"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(folder: Path, reads: list[int], change: str) -> None:
    survey(folder)
    CHANGES[change](folder)
    changed = survey(folder)
    assert len(reads) == 2
    assert survey(folder) == changed
    assert len(reads) == 2


def test_a_file_of_the_same_size_and_time_is_told_apart_all_the_same(folder: Path) -> None:
    survey(folder)
    _touched(folder / "images" / "gray.png")
    with pytest.raises(BadInput, match=r"gray\.png"):
        survey(folder)


def test_other_code_reads_anew(folder: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    survey(folder)
    monkeypatch.setattr(kept_survey, "_CODE", ("pages",))
    survey(folder)
    assert len(reads) == 2


def test_each_question_has_its_own(folder: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    every = survey(folder)[0]
    assert survey(folder, limit=2)[0] == every[:2]
    assert survey(folder, annotation_format="none")[1].has_annotations is False
    monkeypatch.chdir(folder.parent)
    assert next(page.path for page in survey(Path("data"))[0]) == Path("data/images/turned.jpg")
    assert len(reads) == 4
    assert [len(survey(folder, **how)[0]) for how in ({}, {"limit": 2}, {"annotation_format": "none"})] == [5, 2, 4]
    assert len(reads) == 4


def test_what_is_wrong_is_never_kept(folder: Path) -> None:
    (folder / "images" / "gray.png").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(BadInput, match="is empty"):
            survey(folder)
    assert not (cache_dir() / SURVEYS).exists()


def test_a_damaged_file_is_of_no_use(folder: Path, reads: list[int]) -> None:
    first = survey(folder)
    (path,) = (cache_dir() / SURVEYS).iterdir()
    whole = path.read_bytes()
    places = range(0, len(whole), len(whole) // 40)
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert survey(folder) == first
    for length in (0, 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert survey(folder) == first
    assert len(reads) > 30


def test_a_cache_that_cannot_be_written_only_costs_time(folder: Path, reads: list[int]) -> None:
    cache_dir().write_text("a file")
    assert survey(folder) == survey(folder)
    assert reads == [5, 5]


def test_few_files_are_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 7)
    told: list[tuple[int, int]] = []
    survey(folder, on_page=lambda done, total: told.append((done, total)))
    assert not (cache_dir() / SURVEYS).exists()
    assert told == []


@pytest.mark.parametrize("kind", ["auto", "none"])
def test_it_tells_how_far_it_is(folder: Path, kind: str) -> None:
    (folder.parent / "beside.jpg").rename(folder / "images" / "beside.jpg")
    told: list[tuple[int, int]] = []
    survey(folder, annotation_format=kind, on_page=lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [5] * len(told)
    assert told[-1] == (5, 5)
    assert sorted(told) == told
