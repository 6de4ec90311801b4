"""A data set is looked over: pages in the upright frame, counts, and all problems in one message."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.files import sample_pages_dir
from workbench.workloads.ocr.pages.notes import NO_ANNOTATIONS
from workbench.workloads.ocr.pages.survey import survey

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]


class DataSet:
    """A data set in the test's folder, with a file of UFO annotations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, object] = {}

    def image(self, name: str, image: Image.Image | bytes | None = None, **options: object) -> Path:
        """Put an image into the folder: a picture, bytes, or 120x80 gray."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            (image or Image.new("RGB", (120, 80), (128, 128, 128))).save(path, **options)
        return path

    def page(self, name: str, image: Image.Image | bytes | None = None, words: object = None, **entry: object) -> None:
        """Put an image with one word (or `words`) into the data set."""
        self.image(f"images/{name}", image)
        self.entry(name, words, **entry)

    def entry(self, name: str, words: object = None, **entry: object) -> None:
        """Annotate an image that may be there."""
        self.entries[name] = {"words": {"0001": {"points": QUAD}} if words is None else words, **entry}

    def write(self) -> Path:
        """Write the annotations."""
        path = self.folder / "annotations.json"
        path.write_text(json.dumps({"images": self.entries}))
        return path

    def survey(self, **options: object):
        self.write()
        return survey(self.folder, **options)

    def refuse(self, **options: object) -> BadInput:
        self.write()
        with pytest.raises(BadInput) as caught:
            survey(self.folder, **options)
        return caught.value


@pytest.fixture
def data_set(tmp_path) -> DataSet:
    return DataSet(tmp_path)


def truncated(data_set: DataSet, kind: str) -> bytes:
    path = data_set.image(f"whole{kind}", Image.effect_noise((120, 80), 90).convert("RGB"))
    data = path.read_bytes()
    path.unlink()
    return data[: len(data) // 2]


def test_pages_come_in_the_order_of_the_annotation(data_set):
    for name in ("b.jpg", "c.jpg", "a.jpg"):
        data_set.page(name)
    pages, counts = data_set.survey()
    assert [page.name for page in pages] == ["b.jpg", "c.jpg", "a.jpg"]
    assert pages[0].path == data_set.folder / "images/b.jpg"
    assert (pages[0].width, pages[0].height, pages[0].mode, pages[0].exif_orientation) == (120, 80, "RGB", 1)
    assert pages[0].words[0].polygon.tolist() == QUAD
    assert counts.model_dump(exclude_defaults=True) == {"num_pages": 3, "num_words": 3, "num_ignored_words": 0}


def test_the_counts_say_what_is_odd(data_set):
    exif = Image.Exif()
    exif[0x0112] = 6
    data_set.page("gray.jpg", Image.new("L", (120, 80)))
    data_set.page("cmyk.jpg", Image.new("CMYK", (120, 80)))
    data_set.page("deep.png", Image.fromarray(np.zeros((80, 120), np.uint16)))
    data_set.page("palette.png", Image.new("P", (120, 80)))
    data_set.page("alpha.png", Image.new("RGBA", (120, 80)))
    data_set.page("bits.png", Image.new("1", (120, 80)))
    data_set.page("tiny.png", Image.new("RGB", (1, 1)))
    data_set.page("huge.png", Image.new("1", (10_000, 10_000)), words={})
    data_set.image("images/turned.jpg", exif=exif)
    words = {
        "0": {"points": QUAD, "illegibility": True},
        "1": {"points": QUAD[:2]},
        "2": {"points": [[float("nan"), 1], *QUAD]},
        "3": {"points": [[-9, -9], *QUAD]},
        "4": {"points": None},
    }
    data_set.entry("turned.jpg", words)
    pages, counts = data_set.survey()
    assert counts.num_pages == len(pages) == 9
    assert counts.num_words == 9
    assert counts.num_ignored_words == 1
    assert counts.turned_by_exif == 1
    assert counts.not_rgb == {"L": 1, "CMYK": 1, "I;16": 1, "P": 1, "RGBA": 1, "1": 2}
    assert counts.without_words == 1
    assert counts.dropped_words == {"fewer than 3 points": 2, "points that are not finite": 1}
    assert [(page.width, page.height) for page in pages][-3:] == [(1, 1), (10_000, 10_000), (80, 120)]


def test_no_such_folder(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere: dataset: there is no such folder"):
        survey(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "val.json").write_text("{}")
    with pytest.raises(BadInput, match=r"is a file, not a folder\. Name the folder of the images as dataset"):
        survey(tmp_path / "val.json")


def test_an_empty_folder(tmp_path):
    with pytest.raises(BadInput, match="the folder is empty"):
        survey(tmp_path)


def test_a_folder_without_images(data_set):
    data_set.entry("a.jpg")
    told = str(data_set.refuse())
    assert "there are no images in this folder (.jpg, " in told
    assert "it holds 1 .json. Name a folder of page images; workbench pages --out DIR draws some" in told


def test_images_inside_of_tables_are_taken_out_as_it_says(tmp_path):
    data = io.BytesIO()
    Image.new("RGB", (120, 80)).save(data, "JPEG")
    table = pyarrow.table({"image": [{"bytes": data.getvalue(), "path": None}] * 2, "label": [0, 1]})
    pyarrow.parquet.write_table(table, tmp_path / "train 'a'.parquet")
    with pytest.raises(BadInput, match=r"it holds 1 \.parquet") as caught:
        survey(tmp_path)
    remedy = caught.value.problems[0].remedy
    exec(remedy.split("in Python:\n")[1], {})
    pages, _ = survey(tmp_path, annotation_format="none")
    assert [page.name for page in pages] == ["000000.jpg", "000001.jpg"]


def test_an_archive_is_unpacked_as_it_says(data_set, tmp_path):
    folder = tmp_path / "a set"
    folder.mkdir()
    data_set.page("a.jpg")
    data_set.write()
    shutil.make_archive(str(folder / "all"), "gztar", data_set.folder)
    with pytest.raises(BadInput, match=r"it holds 1 \.gz") as caught:
        survey(folder)
    subprocess.run(caught.value.problems[0].remedy.removeprefix("Unpack it first: "), shell=True, check=True)
    assert [page.name for page in survey(folder)[0]] == ["a.jpg"]


def test_images_without_annotations_are_pages_without_words(data_set):
    exif = Image.Exif()
    exif[0x0112] = 6
    data_set.image("train/cat/1.JPEG", exif=exif)
    data_set.image("train/dog/1.JPEG", Image.new("L", (120, 80)))
    data_set.image("b.png")
    pages, counts = survey(data_set.folder)
    assert [page.name for page in pages] == ["b.png", "train/cat/1.JPEG", "train/dog/1.JPEG"]
    assert [(page.width, page.height, page.words) for page in pages] == [(120, 80, ()), (80, 120, ()), (120, 80, ())]
    assert (counts.num_pages, counts.num_words, counts.without_words, counts.turned_by_exif) == (3, 0, 0, 1)
    assert not counts.has_annotations
    assert counts.notes == [NO_ANNOTATIONS]


def test_files_that_are_no_images_are_counted_in_one_line(data_set):
    data_set.image("a.jpg")
    for name in ("b.svg", "c.svg", "LICENSE", "README.md", "x/y.pdf"):
        data_set.image(name, b"")
    assert survey(data_set.folder)[1].notes == [
        NO_ANNOTATIONS,
        "5 files not named like images (2 .svg, 1 LICENSE, 1 .md, and 1 more): not used",
    ]


def test_all_images_that_cannot_be_used_come_in_one_message(data_set):
    for name in ("good.jpg", "x/short.jpg"):
        data_set.image(name)
    short = data_set.folder / "x/short.jpg"
    short.write_bytes(short.read_bytes()[:-20])
    paths = [short, data_set.image("empty.png", b""), data_set.image("text.webp", b"hello")]
    with pytest.raises(BadInput) as caught:
        survey(data_set.folder)
    assert {problem.where for problem in caught.value.problems} == set(map(str, paths))
    assert all("take it out of the folder" in problem.remedy for problem in caught.value.problems)


def test_with_format_none_images_are_measured_whatever_lies_beside_them(data_set):
    data_set.page("a.jpg")
    data_set.image("images/b.jpg")
    data_set.write()
    data_set.image("broken.json", b"{")
    pages, counts = survey(data_set.folder, annotation_format="none")
    assert [(page.name, page.words) for page in pages] == [("a.jpg", ()), ("b.jpg", ())]
    assert counts.notes == [NO_ANNOTATIONS, "2 files not named like images (2 .json): not used"]


def test_where_no_entry_has_a_word_the_images_can_be_had_alone(data_set):
    data_set.page("a.jpg", words={})
    assert "annotation_format=none" in str(data_set.refuse())
    assert len(data_set.survey(annotation_format="none")[0]) == 1


def test_all_problems_come_in_one_message(data_set):
    good = Image.new("RGB", (120, 80))
    data_set.page("good.jpg", good)
    data_set.page("short.jpg", truncated(data_set, ".jpg"))
    data_set.page("short.png", truncated(data_set, ".png"))
    data_set.page("text.jpg", b"hello")
    data_set.page("empty.jpg", b"")
    data_set.entry("missing.jpg")
    data_set.page("words.jpg", good, words=[1])
    data_set.page("word.jpg", good, words={"0007": "x"})
    data_set.image("images/x/twice.jpg")
    data_set.image("images/y/twice.jpg")
    data_set.entry("twice.jpg")
    error = data_set.refuse()
    file, images = data_set.folder / "annotations.json", data_set.folder / "images"
    problems = {problem.where: problem.what for problem in error.problems}
    assert problems == {
        f"{file}, entry 'words.jpg'": "its 'words' are no object",
        f"{file}, entry 'word.jpg', word '0007'": "is no object",
        f"{images}/short.jpg (in {file}, entry 'short.jpg')": "is cut short: the end of the image is missing",
        f"{images}/short.png (in {file}, entry 'short.png')": "is cut short: the end of the image is missing",
        f"{images}/text.jpg (in {file}, entry 'text.jpg')": "is no image, or one of a kind that cannot be read",
        f"{images}/empty.jpg (in {file}, entry 'empty.jpg')": "is empty (0 bytes)",
        f"{file}, entry 'missing.jpg'": "its image 'missing.jpg' is missing",
        f"{file}, entry 'twice.jpg'": (
            f"'twice.jpg' could be any of 2 images ({images}/x/twice.jpg, {images}/y/twice.jpg)"
        ),
    }
    assert all(problem.remedy for problem in error.problems if "image" in problem.what)


def test_an_image_of_a_kind_that_nobody_reads_is_named(data_set):
    data_set.page("a.jpg")
    (data_set.folder / "images/b.heic").write_bytes(b"\0\0\0\x18ftypheic")
    data_set.entry("b.heic")
    assert "b.heic" in str(data_set.refuse())


def test_no_words_at_all(data_set):
    data_set.page("a.jpg", words={})
    data_set.page("b.jpg", words={"0": {"points": [[1, 2]]}})
    (problem,) = data_set.refuse().problems
    assert problem.what == ("no entry (of 2) has a word that can be used (dropped: 1 with fewer than 3 points)")
    assert problem.where == str(data_set.folder / "annotations.json")


def test_no_entries_at_all(data_set):
    data_set.image("a.jpg")
    assert "there is no entry in the annotations" in str(data_set.refuse())


def test_a_limit_looks_at_the_first_pages_only(data_set):
    for name in ("a.jpg", "b.jpg"):
        data_set.page(name)
    data_set.page("c.jpg", b"hello")
    data_set.entry("missing.jpg")
    data_set.page("words.jpg", words=[1])
    pages, counts = data_set.survey(limit=2)
    assert [page.name for page in pages] == ["a.jpg", "b.jpg"]
    assert counts.num_pages == 2
    assert counts.notes == []
    assert [Path(problem.where.split(" (")[0]).name for problem in data_set.refuse(limit=3).problems] == ["c.jpg"]
    assert len(data_set.refuse(limit=99).problems) == 3


def test_a_limit_reads_the_first_files_only(tmp_path):
    for number in range(3):
        Image.new("L", (60, 40)).save(tmp_path / f"img_{number}.jpg")
        (tmp_path / f"gt_img_{number}.txt").write_text("10,10,50,10,50,30,10,30,A\n" + "hello\n" * number)
    pages, _ = survey(tmp_path, limit=1)
    assert [page.name for page in pages] == ["img_0.jpg"]
    with pytest.raises(BadInput, match=r"gt_img_1\.txt, line 2") as caught:
        survey(tmp_path)
    assert len(caught.value.problems) == 3


def test_images_without_annotations_are_left_out_and_noted(data_set):
    data_set.page("a.jpg")
    data_set.image("images/b.jpg")
    data_set.image("images/c.jpg", b"not even looked at")
    pages, counts = data_set.survey()
    assert len(pages) == 1
    assert counts.notes == ["2 images without annotations: not used"]


def test_names_are_unique(data_set):
    for name in ("x/a.jpg", "y/a.jpg", "b.jpg"):
        data_set.page(name)
    data_set.entry("x/../x/a.jpg")
    pages, counts = data_set.survey()
    assert [page.name for page in pages] == ["images/x/a.jpg", "images/y/a.jpg", "b.jpg", "images/x/../x/a.jpg"]
    assert counts.notes == ["1 entry for an image that had one before: a page of its own each"]


def test_one_file_twice_gets_a_number(tmp_path):
    Image.new("L", (60, 40)).save(tmp_path / "a.jpg")
    line = f"a.jpg\t{json.dumps([{'points': QUAD}])}\n"
    (tmp_path / "Label.txt").write_text(line * 3)
    pages, counts = survey(tmp_path)
    assert [page.name for page in pages] == ["a.jpg", "a.jpg (2)", "a.jpg (3)"]
    assert counts.notes == ["2 entries for an image that had one before: a page of its own each"]


def test_an_annotation_made_for_another_size_is_noted(data_set):
    data_set.page("a.jpg", img_w=640, img_h=480)
    data_set.page("b.jpg", img_w=120, img_h=80)
    _, counts = data_set.survey()
    assert counts.notes == [
        "1 page annotated for another image size (a.jpg: 640x480 for 120x80): points are taken as they are"
    ]


def test_warnings_about_images_are_noted(data_set):
    block = b"Exif\0\0" + b"MM\0*\0\0\0\x08" + b"\0\x02" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\x01\x1a"
    for number in range(5):
        data_set.image(f"images/{number}.jpg", exif=block)
        data_set.entry(f"{number}.jpg")
    _, counts = data_set.survey()
    (note,) = counts.notes
    assert "warnings about image files (0.jpg: Corrupt EXIF data" in note
    assert note.endswith("more)")


def test_annotations_may_lie_elsewhere(data_set, tmp_path_factory):
    data_set.image("images/a.jpg")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "val.json"
    elsewhere.write_text(json.dumps({"images": {"a.jpg": {"words": {"0": {"points": QUAD}}}}}))
    pages, _ = survey(data_set.folder, annotations=elsewhere)
    assert pages[0].path == data_set.folder / "images/a.jpg"


def test_a_format_that_the_file_is_not_of_is_named_by_its_reader(data_set):
    data_set.page("a.jpg")
    path = data_set.write()
    with pytest.raises(BadInput, match="there is no list 'images' or no list 'annotations'"):
        survey(data_set.folder, annotations=path, annotation_format="coco")


def test_the_embedded_pages_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages, counts = survey(Path("data_samples"))
    assert counts.num_pages == len(pages) > 0
    assert all(page.path.is_relative_to(sample_pages_dir()) for page in pages)


def test_a_folder_of_that_name_here_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_samples").mkdir()
    with pytest.raises(BadInput, match="the folder is empty"):
        survey(Path("data_samples"))
