"""Formats that are not read are named, and what converts them is Python that does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.annotations.unread_formats import unread_format
from workbench.workloads.ocr.pages.survey import survey

#: Files of two pages of 200x100; each has one box, from (20, 30) to (60, 50).
FILES = {
    "CSV": {"boxes.csv": "class,filename,xmin,ymin,xmax,ymax\ntext,a.jpg,20,30,60,50\ntext,b.JPG,20,30,60,50\n"},
    "CSV with x1": {"boxes.csv": "\ufeffimage_path,x1,y1,x2,y2\nimages/a.jpg,20,30,60,50\nimages/b.JPG,20,30,60,50\n"},
}


def python_in(message: str) -> str:
    """The Python at the end of a message."""
    return message[message.index("in Python:\n") + len("in Python:\n") :]


@pytest.mark.parametrize("name", FILES)
def test_what_converts_it_makes_annotations_that_are_read(tmp_path, write, name):
    for image in ("images/a.jpg", "images/b.JPG"):
        (tmp_path / image).parent.mkdir(exist_ok=True)
        Image.new("L", (200, 100)).save(tmp_path / image, "JPEG")
    for file, content in FILES[name].items():
        write(file, content)
    with pytest.raises(BadInput, match=f"like (a )?{name.split()[0]}") as caught:
        survey(tmp_path)
    code = python_in(str(caught.value))
    assert len(code.splitlines()) == 3
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    pages, _ = survey(tmp_path)
    assert [page.name for page in pages] == ["a.jpg", "b.JPG"]
    for page in pages:
        (word,) = page.words
        assert word.polygon.round(3).tolist() == [[20, 30], [60, 30], [60, 50], [20, 50]]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", "0 10 10 20 20\n", "YOLO, but in pixels where it has shares (0..1) of the image's sides"),
        ("a.txt", "0 10 10\n", None),
        ("gt_a.txt", "1;1;40;1;40;20;1;20;one\n", "ICDAR's lines, but with ';' between numbers where they have ','"),
        ("gt_a.txt", "1\t1\t40\t20\tone\n", "ICDAR's lines, but with '\\t' between numbers where they have ','"),
        ("gt_a.txt", "1，1，40，20，one\n", "ICDAR's lines, but with '，' between numbers where they have ','"),
        ("gt_a.txt", "1;1;40;20\n1|1|40|20\n", None),
        ("a.txt", "", None),
        ("a.csv", "ImageID,XMin,XMax,YMin,YMax\n", None),
        ("a.xml", "<html/>", None),
        ("a.json", {"gt_0": [{"text": "A"}]}, "LSVT's weak labels, which have no places"),
        ("a.json", {"height": 9, "content_ann": {}}, "DAVAR's annotations of one image, without a list that names it"),
        ("a.json", {"chars": [], "lines": []}, "ReCTS"),
        ("a.json", {"count": 3}, None),
        ("a.json", {"crop_1.png": "EXIT"}, "docTR's texts of cropped words, which have no places"),
        (
            "a.csv",
            "filename,file_size,region_shape_attributes\n",
            "a table of the VGG Image Annotator: export JSON instead",
        ),
        ("a.csv", "# CSV_HEADER = metadata_id,xy\n", "a table of the VGG Image Annotator: export JSON instead"),
        ("a.tsv", "ocr\tannotation_id\n", "a table of Label Studio: export JSON instead"),
        ("a.cach", "nothing", None),
        ("a.yaml", "form: []", None),
    ],
    ids=str,
)
def test_others_are_named_where_they_are_known(tmp_path, write, name, content, told):
    found = unread_format(write(name, content), tmp_path)
    assert (found.name if found else None) == told
    assert found is None or not found.conversion


def test_a_file_that_is_gone_is_nothing_known(tmp_path):
    assert unread_format(tmp_path / "a.csv", tmp_path) is None
