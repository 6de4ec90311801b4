"""Which image an annotation means."""

from __future__ import annotations

import pytest

from workbench.files import files_below
from workbench.workloads.ocr.pages.image_index import ImageIndex


@pytest.fixture
def find(tmp_path):
    """Makes files and finds an image among them; relative to the data set all through."""

    def find(files: list[str], name: str, beside: str = "") -> list[str]:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        index = ImageIndex(tmp_path, files_below(tmp_path))
        return [path.relative_to(tmp_path).as_posix() for path in index.find(name, tmp_path / beside).images]

    return find


@pytest.mark.parametrize(
    ("files", "name", "beside", "found"),
    [
        pytest.param(["a.jpg"], "a.jpg", "", ["a.jpg"], id="in the folder"),
        pytest.param(["images/a.jpg"], "a.jpg", "", ["images/a.jpg"], id="in images"),
        pytest.param(["imgs/test/a.jpg"], "test/a.jpg", "", ["imgs/test/a.jpg"], id="from imgs"),
        pytest.param(["labels/x/a.jpg", "a.jpg"], "x/a.jpg", "labels", ["labels/x/a.jpg"], id="beside the annotation"),
        pytest.param(["train/x/a.jpg"], "x/a.jpg", "train/labels", ["train/x/a.jpg"], id="above the annotation"),
        pytest.param(["a/b/c.jpg"], "/home/me/data/c.jpg", "", ["a/b/c.jpg"], id="path of another machine"),
        pytest.param(["a/b/c.png"], "D:\\paddle\\b\\c.png", "", ["a/b/c.png"], id="path of Windows"),
        pytest.param(["images/x/a.jpg"], "x\\a.jpg", "", ["images/x/a.jpg"], id="Windows, from images"),
        pytest.param(["Screenshot - Copy (2).png"], "x/Screenshot - Copy (2).png", "", ["Screenshot - Copy (2).png"]),
        pytest.param(["a.jpg"], "b.jpg", "", [], id="missing"),
        pytest.param(["a.jpg"], "a.png", "", [], id="another suffix is another image"),
        pytest.param(["a.jpg"], "gt_a.jpg", "", [], id="a named image has no prefix"),
        pytest.param(["a.jpg"], "", "", [], id="no name"),
        pytest.param(["a.jpg"], "x" * 5000 + ".jpg", "", [], id="too long for a name"),
        pytest.param(["a.jpg"], "a\0.jpg", "", [], id="a zero in the name"),
        pytest.param(["imgs/img_1.jpg"], "gt_img_1", "gt", ["imgs/img_1.jpg"], id="gt_"),
        pytest.param(["img3.JPG"], "poly_gt_img3", "gt", ["img3.JPG"], id="poly_gt_, capitals"),
        pytest.param(["img_1.jpg"], "res_img_1", "", ["img_1.jpg"], id="res_"),
        pytest.param(["000.jpg"], "000", "", ["000.jpg"], id="named alike"),
        pytest.param(["page.v2.jpg"], "page.v2", "", ["page.v2.jpg"], id="dot in the name"),
        pytest.param(["img_1.jpg"], "img_1.jpg", "gt", ["img_1.jpg"], id="img_1.jpg.txt"),
        pytest.param(["gt_a.jpg", "a.jpg"], "gt_a", "", ["gt_a.jpg"], id="the name itself first"),
        pytest.param(["x/a.jpg", "y/a.jpg"], "z/a.jpg", "", ["x/a.jpg", "y/a.jpg"], id="one of two"),
        pytest.param(["x/a.jpg", "y/a.jpg"], "/home/me/y/a.jpg", "", ["y/a.jpg"], id="two, folder named alike"),
        pytest.param(["imgs/test/a.jpg", "imgs/train/a.jpg"], "a", "gt/test", ["imgs/test/a.jpg"], id="same split"),
        pytest.param(["x/a.jpg", "y/a.jpg"], "gt_a", "x", ["x/a.jpg"], id="beside its annotation"),
        pytest.param(["a.jpg", "a.png"], "gt_a", "", ["a.jpg", "a.png"], id="two kinds of one name"),
        pytest.param(["é #2 100%.jpg"], "%C3%A9%20%232%20100%25.jpg", "", ["é #2 100%.jpg"], id="as in a URL"),
        pytest.param(["a%20b.jpg", "a b.jpg"], "a%20b.jpg", "", ["a%20b.jpg"], id="really named so"),
        pytest.param(["a b.jpg"], "a%2520b.jpg", "", ["a b.jpg"], id="quoted twice"),
        pytest.param(["a b.jpg"], "a+b.jpg", "", ["a b.jpg"], id="a plus for a blank"),
        pytest.param(["a+b.jpg", "a b.jpg"], "x/a+b.jpg", "", ["a+b.jpg"], id="a plus that is one"),
        pytest.param(["x/a b.jpg"], "http://localhost:8080/data/x/a%20b.jpg?t=1", "", ["x/a b.jpg"], id="URL"),
        pytest.param(["x/a.jpg"], "s3://bucket/x/a.jpg", "", ["x/a.jpg"], id="bucket"),
        pytest.param(["x/a b.jpg"], "/data/local-files/?d=y%2Fx%2Fa%20b.jpg", "", ["x/a b.jpg"], id="local-files"),
        pytest.param(["a.JPG"], "imgs/a.jpg", "", ["a.JPG"], id="capitals"),
        pytest.param(["a.jpg", "a.JPG"], "A.jpg", "", ["a.JPG", "a.jpg"], id="capitals of two"),
        pytest.param(["Scan.jpg"], "gt_scan", "gt", ["Scan.jpg"], id="capitals of the stem"),
        pytest.param(["a.jpg.png"], "A.jpg", "", [], id="a suffix is no stem"),
        pytest.param(["r\u00e9.jpg"], "re\u0301.jpg", "", ["r\u00e9.jpg"], id="Unicode form of macOS"),
        pytest.param(["a.jpg"], "x\\a.xml", "", ["a.jpg"], id="the annotation's own name"),
        pytest.param(["page.jpg"], "page.v2", "", [], id="a dot is no suffix"),
        pytest.param(["1196.jpg.14.jpg"], "gt_1196.jpg.14", "", ["1196.jpg.14.jpg"], id="a suffix in the middle"),
        pytest.param(["a.jpg"], ' "a.jpg" ', "", ["a.jpg"], id="quotes"),
        pytest.param(["a.jpg"], "http://[a.jpg", "", [], id="no URL"),
        pytest.param(["9a8b7c6d-a.jpg", "b.jpg"], "a.jpg", "", [], id="a part before the name is not guessed away"),
        pytest.param(["a.heic"], "a.heic", "", ["a.heic"], id="a kind that nobody knows, but it is there"),
    ],
)
def test_images_are_found(find, files, name, beside, found):
    assert find(files, name, beside) == found


def test_only_what_is_named_like_an_image_counts(tmp_path):
    for name in ("a.jpg", "b.PNG", "c.tiff", "d.webp", "e.txt", "f.json", "g"):
        (tmp_path / name).touch()
    index = ImageIndex(tmp_path, files_below(tmp_path))
    assert [path.name for path in index.paths] == ["a.jpg", "b.PNG", "c.tiff", "d.webp"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("..\\..\\data\\upload\\1\\9a8b7c6d-page_1.jpg", "page_1.jpg"),
        ("9a8b7c6d-page_1.png", "page_1.jpg"),
        ("page_1.png", "page_1.jpg"),
        ("pgae_1.jpg", "page_1.jpg"),
        ("pag%65_12.jpg", "page_1.jpg"),
        ("nothing like it", None),
        ("", None),
    ],
)
def test_the_name_that_was_probably_meant(tmp_path, name, near):
    for file in ("page_1.jpg", "_1.jpg", "x.jpg"):
        (tmp_path / file).touch()
    assert ImageIndex(tmp_path, files_below(tmp_path)).nearest(name) == near


def test_another_spelling_is_said(tmp_path):
    (tmp_path / "a b.jpg").touch()
    index = ImageIndex(tmp_path, files_below(tmp_path))
    assert not index.find("x\\a b.jpg", tmp_path).is_respelled
    assert index.find("x/a%20b.jpg", tmp_path).is_respelled
    assert index.find("A b.jpg", tmp_path).is_respelled
