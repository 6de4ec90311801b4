"""Samples are called what the record calls them."""

from __future__ import annotations

from record_factory import make_record

from workbench.explain.words.items import counted, item_of, per_item, plural


def test_a_record_names_its_item_and_one_that_does_not_has_samples():
    assert item_of(make_record().model_copy(update={"item": "image"})) == "image"
    assert item_of(make_record().model_copy(update={"item": ""})) == "sample"


def test_counts_are_in_the_singular_and_in_the_plural():
    assert (counted(1, "page"), counted(0, "page"), counted(404, "page")) == ("1 page", "0 pages", "404 pages")
    assert plural("clip") == "clips"


def test_a_stage_is_done_for_a_batch_or_for_an_item():
    assert (per_item("batch", "image"), per_item("sample", "image")) == ("batch", "image")
