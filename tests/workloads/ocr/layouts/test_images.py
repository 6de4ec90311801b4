"""Image files as they are written, and their names."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.workloads.ocr.layouts.images import Names, store
from workbench.workloads.ocr.pages.page import Page


@pytest.fixture
def saved(tmp_path):
    """Saves a picture of 40x20 and gives its page."""

    def saved(name: str, kind: str, **how: object) -> Page:
        pixels = np.arange(40 * 20 * 3, dtype=np.uint8).reshape(20, 40, 3)
        Image.fromarray(pixels).save(tmp_path / name, kind, **how)
        return Page(tmp_path / name, name, width=40, height=20, is_jpeg=kind == "JPEG")

    return saved


@pytest.mark.parametrize(
    ("name", "kind", "suffix"),
    [
        ("a.jpg", "JPEG", ".jpg"),
        ("a.JPEG", "JPEG", ".JPEG"),
        ("a.png", "JPEG", ".jpg"),
        ("a.jpg", "PNG", ".png"),
        ("a.tif", "TIFF", ".tif"),
        ("a", "WEBP", ".webp"),
        ("a.bmp", "BMP", ".bmp"),
    ],
)
def test_a_file_is_copied_under_a_suffix_that_is_true(saved, name, kind, suffix):
    page = saved(name, kind)
    image = store(page, upright=True)
    assert (image.data, image.suffix, image.change) == (page.path.read_bytes(), suffix, "")


def test_a_kind_that_programs_do_not_read_becomes_png(saved):
    page = saved("a.jpg", "GIF")
    image = store(page, upright=False)
    assert (image.suffix, image.change) == (".png", "GIF, written as PNG")
    with Image.open(page.path) as stored, Image.open(io.BytesIO(image.data)) as written:
        assert written.format == "PNG"
        np.testing.assert_array_equal(np.asarray(written), np.asarray(stored.convert("RGB")))


def test_a_file_of_several_pictures_is_named(saved):
    page = saved("a.tif", "TIFF", save_all=True, append_images=[Image.new("RGB", (40, 20))])
    image = store(page, upright=True)
    assert image.data == page.path.read_bytes()
    assert "several pictures in one file" in image.change


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_png_is_written_upright_without_loss(tmp_path, orientation):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    image = store(Page(tmp_path / "a.png", "a.png", exif_orientation=orientation), upright=True)
    assert image.change == "turned by EXIF, written upright as PNG"
    with Image.open(io.BytesIO(image.data)) as written:
        assert not written.getexif()
        turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
        wanted = Image.fromarray(pixels).transpose(Image.Transpose(turns[orientation]))
        np.testing.assert_array_equal(np.asarray(written), np.asarray(wanted))


def test_stems_are_different_on_any_file_system():
    names = Names()
    pages = ["a/1.jpg", "a_1.png", "A_1.jpg", "b.jpg", "b.jpg (2)", "b_2.jpg", "c d\t.jpg", "e\\f.tar", "g", "gt_g.png"]
    stems = [names.stem(Page(Path(), name)) for name in pages]
    assert stems == ["a_1", "a_1_2", "A_1_3", "b", "b_2", "b_2_2", "c_d_", "e_f.tar", "g", "gt_g_2"]
