"""Words of the shipped detector are found once for an image, and anew for any other one."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.workloads.ocr.detector import shipped_words
from workbench.workloads.ocr.detector.shipped_words import ShippedWords


class Detector:
    """Finds a word wherever the image is bright; counts how often it is made and asked."""

    def __init__(self) -> None:
        self.made = self.asked = 0

    def make(self) -> Detector:
        self.made += 1
        return self

    def __call__(self, image: torch.Tensor) -> SimpleNamespace:
        self.asked += 1
        return SimpleNamespace(shrink=(image[:, 0] > 0.5).float())


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    detector = Detector()
    monkeypatch.setattr(shipped_words, "shipped_detector", detector.make)
    return detector


def page(*corners: tuple[int, int]) -> torch.Tensor:
    """A dark page with bright words."""
    image = torch.zeros(1, 3, 128, 128)
    for x, y in corners:
        image[:, :, y : y + 16, x : x + 40] = 1.0
    return image


def on(folder: Path, image: torch.Tensor) -> list[np.ndarray]:
    """The words on one image."""
    (words,) = ShippedWords(folder).on([image])
    return words


def test_an_image_is_looked_at_once_whoever_asks(detector, tmp_path):
    image = page((10, 10), (60, 80))
    first = on(tmp_path, image)
    again = on(tmp_path, image.clone())

    assert len(first) == len(again) == 2 and (detector.made, detector.asked) == (1, 1)
    for one, other in zip(first, again, strict=True):
        assert one.dtype == other.dtype == np.float32 and np.array_equal(one, other)


def test_a_page_without_words_is_kept_too(detector, tmp_path):
    assert [on(tmp_path, page()) for _ in range(2)] == [[], []]
    assert detector.asked == 1


def test_any_other_image_is_looked_at(detector, tmp_path):
    image, moved, nearly = page((10, 10)), page((11, 10)), page((10, 10))
    nearly[0, 2, 127, 127] += 1e-7
    found = [words[0] for words in ShippedWords(tmp_path).on([image, moved, nearly])]

    assert detector.asked == 3
    assert not np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


@pytest.mark.parametrize("changed", ["weights_path", "_LIBRARIES", "targets"])
def test_other_weights_libraries_or_code_find_anew(detector, tmp_path, monkeypatch, changed):
    on(tmp_path, page((10, 10)))
    other = tmp_path / "other"
    other.write_text("other")
    values = {"weights_path": lambda *_: other, "_LIBRARIES": ("torch",), "targets": SimpleNamespace(__file__=other)}
    monkeypatch.setattr(shipped_words, changed, values[changed])
    on(tmp_path, page((10, 10)))

    assert detector.asked == 2


@pytest.mark.parametrize("torn", [b"", b"PK\x03\x04 half of it"])
def test_a_file_that_is_torn_is_made_anew(detector, tmp_path, torn):
    first = on(tmp_path, page((10, 10)))
    (kept,) = tmp_path.rglob("*.npz")
    kept.write_bytes(torn)

    assert [on(tmp_path, page((10, 10)))[0].tolist() for _ in range(2)] == [first[0].tolist()] * 2
    assert detector.asked == 2


def test_without_room_words_are_found_all_the_same(detector, tmp_path):
    (tmp_path / "a file").touch()
    assert len(on(tmp_path / "a file", page((10, 10)))) == 1


def test_whoever_comes_with_the_same_pages_at_the_same_time_waits_for_the_first(detector, tmp_path):
    pages = [page((10, 10)), page((60, 80))]
    together = [threading.Thread(target=lambda: ShippedWords(tmp_path).on(pages)) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert (detector.made, detector.asked) == (1, 2)
