"""SynthText's MATLAB file, read cell by cell."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from scipy.io import savemat

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.guess_format import guess_format
from workbench.workloads.ocr.annotations.reading import Note
from workbench.workloads.ocr.pages.page import AnnotatedPage

BOXES = np.moveaxis(np.array([[[10, -5], [50.5, 10], [50, 30], [9, 31]], [[1, 1], [4, 1], [4, 2], [1, 2]]]), 0, 2)
BOXES = np.moveaxis(BOXES, 0, 1)  # [2, 4, 2]: x and y, corners, words
NAMES, TEXTS = ["8/ballet_1.jpg", "9/été_2.jpg"], [np.array(["Lines:"]), np.array(["Kevin"])]


def cells(values):
    table = np.empty((1, len(values)), object)
    for number, value in enumerate(values):
        table[0, number] = value
    return table


def write_mat(path, *, names=NAMES, boxes=None, texts=None, **how):
    boxes = (BOXES, BOXES[:, :, 1].astype(np.float32)) if boxes is None else boxes
    texts = [np.array(["Lines:", "lost  "]), TEXTS[1]] if texts is None else texts
    tables = {"charBB": np.zeros((2, 4, 3)), "imnames": cells(names), "wordBB": cells(boxes), "txt": cells(texts)}
    savemat(path, tables, **how)
    return path


def items_of(path):
    return list(FORMATS["synthtext"].read([path]))


@pytest.mark.parametrize("do_compression", [False, True])
def test_words_of_many_images(tmp_path, read, do_compression):
    path = write_mat(tmp_path / "gt.mat", do_compression=do_compression)
    assert guess_format(path).format == "synthtext"
    pages, problems = read("synthtext", path)
    assert problems == []
    assert [page.image for page in pages] == NAMES
    assert [[word.text for word in page.words] for page in pages] == [["Lines:", "lost"], ["Kevin"]]
    assert pages[0].words[0].polygon.tolist() == [[10, -5], [50.5, 10], [50, 30], [9, 31]]
    assert pages[1].words[0].polygon.tolist() == [[1, 1], [4, 1], [4, 2], [1, 2]]  # 2 x 4 of a single word


@pytest.mark.parametrize(
    "text",
    [np.array(["Lines:\n lost"]), np.array(["Lines: ", "lost\t "]), cells([np.array(["Lines:"]), np.array(["lost"])])],
    ids=["line break", "blanks", "cells"],
)
def test_texts_are_split_at_whitespace(tmp_path, read, text):
    pages, _ = read("synthtext", write_mat(tmp_path / "gt.mat", texts=[text, TEXTS[1]]))
    assert [word.text for word in pages[0].words] == ["Lines:", "lost"]


def test_where_texts_and_boxes_differ_in_number_there_are_no_texts(tmp_path):
    items = items_of(write_mat(tmp_path / "gt.mat", texts=[np.array(["a b c"]), TEXTS[1]]))
    (note,) = [item for item in items if isinstance(item, Note)]
    assert "the first: '8/ballet_1.jpg', 3 for 2" in note.text
    pages = [item for item in items if isinstance(item, AnnotatedPage)]
    assert [[word.text for word in page.words] for page in pages] == [["", ""], ["Kevin"]]


def test_all_that_is_wrong_is_named(tmp_path):
    path = write_mat(
        tmp_path / "gt.mat", names=["", "b.jpg", "c.jpg"], boxes=[BOXES, np.ones((3, 4)), []], texts=[[]] * 3
    )
    items = items_of(path)
    assert [str(item) for item in items[:2]] == [
        f"{path}, image 0: there is no name in 'imnames'",
        f"{path}, image 1 ('b.jpg'): its 'wordBB' are no 2 x 4 numbers a word",
    ]
    assert items[2].words == []
    (problem,) = items_of(write_mat(path, names=NAMES[:1]))
    assert "different numbers of cells (imnames 1, wordBB 2, txt 2)" in problem.what
    savemat(path, {"imnames": np.zeros(3)})
    (problem,) = items_of(path)
    assert "no table of cells imnames or wordBB" in problem.what


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (
            b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n",
            r"MATLAB 7\.3 \(HDF5\).*save\(FILE, '-v7'\)",
        ),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\0" * 200, "no MATLAB file of version 5 to 7"),
        (b"MATLAB 5.0", "no MATLAB file"),
        (b"", "no MATLAB file"),
    ],
)
def test_other_versions_are_refused_by_name(write, head, what):
    path = write("gt.mat", head)
    (problem,) = items_of(path)
    assert guess_format(path).problem == problem
    assert re.search(what, str(problem))


@pytest.mark.parametrize("do_compression", [False, True])
def test_however_it_is_damaged_it_gives_pages_or_problems(tmp_path, do_compression):
    rng = random.Random(0)
    good = write_mat(tmp_path / "gt.mat", do_compression=do_compression).read_bytes()
    path = tmp_path / "bad.mat"
    for number in range(400):
        bad = bytearray(good)
        for _ in range(rng.choice([1, 1, 3])):
            bad[rng.randrange(len(bad))] = rng.choice([0, 1, 14, 15, 127, 255])
        path.write_bytes(bad[: rng.randrange(len(bad))] if number % 5 == 0 else bad)
        guess_format(path)
        items = items_of(path)
        assert items
        assert all(isinstance(item, AnnotatedPage | Problem | Note) for item in items)


def test_a_table_that_states_a_huge_size_is_read_as_far_as_it_goes(tmp_path):
    good = write_mat(tmp_path / "gt.mat").read_bytes()
    two, many = (np.array([1, count], "<i4").tobytes() for count in (2, 2**31 - 1))
    (tmp_path / "bad.mat").write_bytes(good.replace(two, many))
    *pages, problem = items_of(tmp_path / "bad.mat")
    assert len(pages) == 2
    assert "is damaged" in problem.what
