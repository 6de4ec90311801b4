"""Are the committed sample pages complete, and is what their README says true? (An older version drew them.)"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.synthetic.draw import VERSION, read_manifest


@pytest.fixture(scope="module")
def samples(checkout: Path) -> Path:
    return checkout / "data_samples"


def faults(folder: Path) -> list[str]:
    """In what a folder differs from its own manifest."""
    manifest = read_manifest(folder)
    if manifest is None:
        return ["no manifest"]
    images = sorted((folder / "images").glob("*.jpg"))
    entries = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))["images"]
    found = {
        "pages": (manifest.count, len(images)),
        "names": (list(entries), [path.name for path in images]),
        "words": (manifest.num_words, sum(len(entry["words"]) for entry in entries.values())),
        "bytes": (manifest.num_bytes, sum(path.stat().st_size for path in images)),
    }
    return [name for name, (said, there) in found.items() if said != there]


def test_they_are_complete(samples: Path) -> None:
    manifest = read_manifest(samples)
    assert manifest is not None
    assert manifest.count == 24
    assert manifest.version <= VERSION
    assert faults(samples) == []


def test_what_is_missing_is_found(samples: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(samples, tmp_path / "copy")
    (copy / "images" / "page-0003.jpg").unlink()
    assert faults(copy) == ["pages", "names", "bytes"]


def test_the_readme_says_what_there_is(samples: Path) -> None:
    readme = " ".join((samples / "README.md").read_text(encoding="utf-8").split())
    pages, counts = survey(samples)
    number = {2: "two", 3: "three", 10: "ten"}
    assert {page.exif_orientation for page in pages} == {1, 3, 6, 8}
    for count, words in (
        (sum(page.width < page.height for page in pages), "in portrait"),
        (counts.turned_by_exif, "stored turned"),
        (counts.not_rgb["L"], "gray"),
        (sum(len(word.polygon) > 4 for page in pages for word in page.words), "longer polygons"),
    ):
        assert f"{number[count]} {words}" in readme
    assert counts.num_ignored_words > 0
    assert counts.notes == []
    assert f"version {json.loads((samples / 'pages.json').read_text())['version']} of the drawing" in readme
