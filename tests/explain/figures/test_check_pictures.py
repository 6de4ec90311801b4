"""Pictures of what both models receive are inside the page, described, and small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.explain.figures.check_pictures import check_pictures

EVIL = "<script>alert(1)</script>"
PIXELS = np.zeros((64, 64, 3), np.uint8)


@dataclass(frozen=True)
class Pictures:
    name: str
    baseline: np.ndarray
    variant: np.ndarray
    difference: np.ndarray


def test_pictures_are_inside_the_page_and_names_are_escaped():
    sample = Pictures(f"{EVIL}.jpg", PIXELS, PIXELS + 9, np.full((64, 64), 9, np.float32))
    shown = check_pictures([sample], baseline="baseline", variant=EVIL, item="image")
    assert shown.count("data:image/jpeg;base64,") == 3
    assert "alt='Image &#x27;" in shown
    assert EVIL not in shown
    assert "largest difference 9.00 levels" in shown
    assert len(shown) < 400_000


def test_equal_pictures_say_so_and_none_say_why():
    same = Pictures("a.jpg", PIXELS, PIXELS, np.zeros((64, 64), np.float32))
    assert "equal in every pixel" in check_pictures([same], baseline="baseline", variant="a")
    assert "No samples were kept" in check_pictures([], baseline="baseline", variant="a")


def test_pictures_stay_small_whatever_is_on_them():
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    samples = [Pictures("a.jpg", noise, noise, noise[..., 0].astype(np.float32))] * 2
    assert len(check_pictures(samples, baseline="baseline", variant="a")) < 400_000
