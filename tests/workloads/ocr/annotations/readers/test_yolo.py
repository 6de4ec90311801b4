"""YOLO's text files."""

from __future__ import annotations

import pytest
from PIL import Image

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.readers.yolo import recognizes
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.survey import survey

BOX = "0 0.2 0.4 0.2 0.2"
CORNERS = [[0.1, 0.3], [0.3, 0.3], [0.3, 0.5], [0.1, 0.5]]


@pytest.mark.parametrize(
    ("line", "points"),
    [
        (BOX, CORNERS),
        (f"  {BOX}\t\r", CORNERS),
        ("0.0 2e-1 .4 0.2 0.2", CORNERS),
        (f"{BOX} 0.87", CORNERS),
        ("0 0.1 0.3 0.3 0.3 0.3 0.5", CORNERS[:3]),
        ("0 0.1 0.3 0.3 0.3 0.3 0.5 0.1 0.5", CORNERS),
        ("0 0.1 0.3 0.3 0.3 0.3 0.5 0.1 0.5 0.87", CORNERS),
        ("0 -0.1 0.3 0.3 0.3 1.1 0.5", [[-0.1, 0.3], [0.3, 0.3], [1.1, 0.5]]),
    ],
    ids=["box", "blanks", "numbers", "confidence", "polygon", "turned", "polygon, confidence", "beyond the edge"],
)
def test_lines(write, read, line, points):
    ((page,), problems) = read("yolo", write("labels/a.txt", line))
    assert (page.image, page.unit, problems) == ("a", "share", [])
    assert page.words[0].polygon.tolist() == [pytest.approx(point) for point in points]
    assert [name for name, known in FORMATS.items() if known.is_line(line)] == ["yolo"]


@pytest.mark.parametrize(
    "line",
    ["0 10 10 20 20", "0 0 0 1 1", "a 0.1 0.1 0.1 0.1", "0 0.1 0.1 0.1", "0,0.1,0.1,0.1,0.1", "0 0.1 0.1 0.1 nan"],
)
def test_not_recognized(line):
    assert not recognizes(line)


def test_pixels_and_other_lines_are_named(write, read):
    path = write("a.txt", f"{BOX}\n0 10.5 10 20 20\nhello\n")
    (page,), problems = read("yolo", path)
    assert len(page.words) == 1
    assert [problem.where for problem in problems] == [f"{path}, line 2", f"{path}, line 3"]
    assert "as of pixels" in problems[0].what


def test_a_box_without_a_side_is_counted(read_page):
    assert read_page("yolo", "a.txt", "0 0.5 0.5 0 0").dropped == {"fewer than 3 points": 1}


def test_several_classes_and_confidences_are_said(write):
    write("classes.txt", "word\nlogo\n")
    files = [write("labels/a.txt", f"{BOX}\n1{BOX[1:]} 0.5\n"), write("labels/b.txt", f"7{BOX[1:]}")]
    notes = [item.text for item in FORMATS["yolo"].read(files) if isinstance(item, Note)]
    assert notes == [
        "YOLO: all 3 classes are taken for words (0 'word', 1 'logo', 7)",
        "YOLO: 1 line has an odd number after the class, as detections with a confidence have: the last is left out",
    ]
    assert not any(isinstance(item, Note) for item in FORMATS["yolo"].read(files[1:]))


def test_a_folder_as_tools_write_it(write, tmp_path):
    for name in ("images/train/a.jpg", "images/val/a.jpg", "images/train/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (200, 100)).save(tmp_path / name)
    write("labels/train/a.txt", BOX)
    write("labels/train/b.txt", "")
    write("labels/train/classes.txt", "word\n")
    write("data.yaml", "names: [word]")
    write("notes.json", {"categories": []})
    pages, counts = survey(tmp_path)
    assert [page.path.parent.name for page in pages] == ["train", "train"]
    assert pages[0].words[0].polygon.round(3).tolist() == [[20, 30], [60, 30], [60, 50], [20, 50]]
    assert counts.without_words == 1
