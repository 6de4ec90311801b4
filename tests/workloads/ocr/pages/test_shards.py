"""A data set in shards is the data set; what is wrong with shards is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from odd_pages import write_odd_pages

from workbench.errors import BadInput
from workbench.workloads.ocr.pages.notes import NO_ANNOTATIONS
from workbench.workloads.ocr.pages.shards import MANIFEST, list_shards, read_shards, write_shards
from workbench.workloads.ocr.pages.survey import survey


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return survey(write_odd_pages(tmp_path_factory.mktemp("odd") / "pages"))


@pytest.fixture
def shards(pages, tmp_path):
    write_shards(*pages, tmp_path / "shards", num_shards=3)
    return tmp_path / "shards"


def test_the_pages_come_back_with_their_bytes_words_and_headers(pages, shards):
    found, counts = read_shards(shards)
    assert counts == pages[1]
    for got, want in zip(found, pages[0], strict=True):
        assert got.read_bytes() == want.read_bytes()
        for name in ("name", "width", "height", "exif_orientation", "mode", "is_jpeg", "num_bytes"):
            assert getattr(got, name) == getattr(want, name)
        assert [word.text for word in got.words] == [word.text for word in want.words]
        assert all(np.array_equal(a.polygon, b.polygon) for a, b in zip(got.words, want.words, strict=True))


def test_the_survey_recognises_shards(pages, shards):
    assert [page.name for page in survey(shards)[0]] == [page.name for page in pages[0]]
    some, counts = survey(shards, limit=4)
    assert len(some) == counts.num_pages == 4


def test_images_alone_become_shards_and_shards_images_alone(pages, shards, tmp_path):
    alone = survey(shards, annotation_format="none")
    assert [page.name for page in alone[0]] == [page.name for page in pages[0]]
    assert not any(page.words for page in alone[0])
    write_shards(*alone, tmp_path / "alone", num_shards=3)
    for limit in (None, 4):
        found, counts = survey(tmp_path / "alone", limit=limit)
        assert not any(page.words for page in found)
        assert (counts.has_annotations, counts.num_words, counts.without_words) == (False, 0, 0)
        assert counts.notes[0] == NO_ANNOTATIONS


def test_shards_hold_even_shares(shards):
    assert [shard.num_pages for shard in list_shards(shards)[0]] == [6, 5, 6]


def test_webdataset_reads_them(shards):
    import webdataset as wds

    urls = [str(shard.path) for shard in list_shards(shards)[0]]
    entries = list(wds.WebDataset(urls, shardshuffle=False))
    assert [entry["__key__"] for entry in entries] == [f"{number:06d}" for number in range(17)]
    assert json.loads(entries[0]["json"])["name"] == "plain.jpg"


def test_a_folder_with_something_in_it_is_left_alone(pages, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(BadInput, match="something else"):
        write_shards(*pages, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_more_shards_than_pages_are_refused(pages, tmp_path):
    with pytest.raises(BadInput, match="17 pages can't fill 18 shards"):
        write_shards(*pages, tmp_path / "shards", num_shards=18)
    assert not list(tmp_path.iterdir())


def test_a_missing_shard_is_named(shards):
    (shards / "pages-00001.tar").unlink()
    with pytest.raises(BadInput, match=r"pages-00001\.tar"):
        read_shards(shards)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no tar" * 1000])
def test_damaged_shards_are_named_all_of_them(shards, damage):
    for name in ("pages-00000.tar", "pages-00002.tar"):
        (shards / name).write_bytes(damage((shards / name).read_bytes()))
    with pytest.raises(BadInput) as caught:
        read_shards(shards)
    told = str(caught.value)
    assert "pages-00000.tar" in told
    assert "pages-00002.tar" in told


@pytest.mark.parametrize(
    ("said", "wrong", "told"),
    [
        (b'"name": "plain.jpg"', b'"name":  1         ', "name: "),
        (b'"exif_orientation": 1', b'"exif_orientation": 9', "exif_orientation: "),
        (b'"ignore": false', b'"ignore": 77777', r"words\.0\.ignore: "),
        (b'"width": ', b'"width":-', "width: "),
        (b'"points": [', b'"points":{}', "Invalid JSON"),
    ],
)
def test_what_is_no_page_is_named(shards, said, wrong, told):
    data = (shards / "pages-00000.tar").read_bytes()
    assert said in data
    assert len(said) == len(wrong)
    (shards / "pages-00000.tar").write_bytes(data.replace(said, wrong, 1))
    with pytest.raises(BadInput, match=rf"pages-00000\.tar: cannot be read \(.*{told}"):
        read_shards(shards)


def test_a_broken_manifest_is_named(shards):
    whole = (shards / MANIFEST).read_text()
    for text in ("{", whole.replace('"pages": ', '"pages": 1e999, "was": ')):
        (shards / MANIFEST).write_text(text)
        with pytest.raises(BadInput, match=r"shards\.json"):
            list_shards(shards)
