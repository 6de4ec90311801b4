"""Are the committed sample pages the ones that the code draws?"""

from __future__ import annotations

import importlib.metadata
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.workloads.ocr.synthetic.draw import DrawnPage, Manifest, draw_page, holds_pages, read_manifest

#: What decides the bytes of a page.
DRAWING = ("pillow", "numpy", "opencv-python-headless")


@pytest.fixture(scope="module")
def samples(checkout: Path) -> Path:
    return checkout / "data_samples"


@pytest.fixture(scope="module")
def manifest(samples: Path) -> Manifest:
    manifest = read_manifest(samples)
    assert manifest is not None
    return manifest


@pytest.fixture(scope="module")
def redrawn(manifest: Manifest) -> list[DrawnPage]:
    return [draw_page(number, seed=manifest.seed) for number in range(manifest.count)]


def unpinned(checkout: Path) -> list[str]:
    """The drawing libraries that are installed in another version than the one the pages were drawn with."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (checkout / "constraints.txt").read_text(), re.MULTILINE))
    return [name for name in DRAWING if importlib.metadata.version(name) != pins[name]]


def test_they_are_complete(samples: Path, manifest: Manifest) -> None:
    assert manifest.count == 24
    assert holds_pages(samples, count=24, seed=manifest.seed)


def test_they_are_what_the_code_draws(
    checkout: Path, samples: Path, redrawn: list[DrawnPage], capsys: pytest.CaptureFixture[str]
) -> None:
    entries = json.loads((samples / "annotations.json").read_text(encoding="utf-8"))["images"]
    assert [page.name for page in redrawn] == list(entries)
    others = unpinned(checkout)
    if not others:
        for page in redrawn:
            assert (samples / "images" / page.name).read_bytes() == page.jpeg, page.name
            assert entries[page.name] == page.entry
        return
    with capsys.disabled():
        print(f"\nOther versions than the pinned ones of {', '.join(others)}: pages compared by content, not by bytes.")
    for page in redrawn:
        assert_alike(Image.open(samples / "images" / page.name), Image.open(io.BytesIO(page.jpeg)))
        assert_same_words(entries[page.name], page.entry)


def assert_alike(committed: Image.Image, drawn: Image.Image) -> None:
    assert committed.mode == drawn.mode
    assert committed.size == drawn.size
    difference = np.abs(np.asarray(committed, np.int16) - np.asarray(drawn, np.int16))
    # Noise that the same seed no longer gives differs by its own size; another page by tens of levels.
    assert difference.mean() < 12


def assert_same_words(committed: dict[str, object], drawn: dict[str, object]) -> None:
    def texts(entry: dict[str, object]) -> list[str]:
        words = entry["words"]
        assert isinstance(words, dict)
        return [word["transcription"] for word in words.values()]

    assert texts(committed) == texts(drawn)


def test_the_comparison_by_content_finds_another_page(redrawn: list[DrawnPage]) -> None:
    pages = [page for page in redrawn if page.entry["img_w"] > page.entry["img_h"]]
    images = [Image.open(io.BytesIO(page.jpeg)) for page in pages]
    plain = [image for image in images if image.mode == "RGB" and image.size == (1280, 720)]
    assert_alike(plain[0], plain[0])

    with pytest.raises(AssertionError):
        assert_alike(plain[0], plain[1])
    with pytest.raises(AssertionError):
        assert_same_words(pages[0].entry, pages[1].entry)


def test_the_readme_says_what_there_is(samples: Path, manifest: Manifest, redrawn: list[DrawnPage]) -> None:
    readme = (samples / "README.md").read_text(encoding="utf-8")
    images = [Image.open(io.BytesIO(page.jpeg)) for page in redrawn]
    number = {2: "two", 3: "three", 10: "ten"}
    portrait = sum(page.entry["img_w"] < page.entry["img_h"] for page in redrawn)
    turned = [image.getexif().get(0x0112, 1) for image in images]
    gray = sum(image.mode == "L" for image in images)
    polygons = sum(len(word["points"]) > 4 for page in redrawn for word in page.entry["words"].values())

    assert f"--count {manifest.count} --seed {manifest.seed}" in readme
    assert set(turned) == {1, 3, 6, 8}
    for count, words in (
        (portrait, "in portrait"),
        (len(turned) - turned.count(1), "stored turned"),
        (gray, "gray"),
        (polygons, "longer polygons"),
    ):
        assert f"{number[count]} {words}" in " ".join(readme.split())
    assert any(word["illegibility"] for page in redrawn for word in page.entry["words"].values())
