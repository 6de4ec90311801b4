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
        return [path.relative_to(tmp_path).as_posix() for path in index.find(name, tmp_path / beside)]

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
