"""A pointer or a server's page in the place of a file is named, in whatever place; files themselves are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.pages.not_fetched import not_fetched
from workbench.workloads.ocr.pages.survey import survey

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
ANNEX = b"/annex/objects/MD5E-s12345--4d7a.jpg\n"
PAGE = b"\xef\xbb\xbf\n<!doctype html>\n<html><title>404</title></html>"
DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@pytest.mark.parametrize(
    ("head", "what"), [(LFS, "Git LFS"), (ANNEX, "git-annex"), (PAGE, "HTML page"), (DENIED, "message of a server")]
)
def test_what_stands_in_for_a_file_is_named_with_the_way_out(head: bytes, what: str) -> None:
    found = not_fetched(head)
    assert found is not None
    assert what in found[0] and found[1]


@pytest.mark.parametrize(
    "head",
    [b"", b"{}", b"version 2", b"1,2,3,4,5,6,7,8,<html>", b"<?xml version='1.0'?><annotation/>", b"\xff\xd8\xff\xe0"],
)
def test_a_file_is_itself(head: bytes) -> None:
    assert not_fetched(head) is None


@pytest.mark.parametrize("stand_in", [LFS, PAGE])
@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "gt_page.txt", "page.xml", "gt.mat"])
def test_annotations_that_were_never_fetched_are_named(tmp_path: Path, name: str, stand_in: bytes) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "page.jpg")
    (tmp_path / name).write_bytes(stand_in)
    with pytest.raises(BadInput) as raised:
        survey(tmp_path)
    problem = raised.value.problems[0]
    assert (problem.what, problem.remedy) == not_fetched(stand_in)
    assert str(tmp_path / name) in problem.where
