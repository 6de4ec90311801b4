"""Kinds of image files: every decoder makes the same pixels of what is taken, and what is not taken has a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from workbench.workloads.ocr.chain.decode import DECODERS
from workbench.workloads.ocr.pages.image_header import ImageProblem, read_header

BLOCKS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
PICTURE = Image.fromarray(np.kron(BLOCKS, np.ones((8, 8, 1), np.uint8)))
LEVELS = np.asarray(PICTURE)[:, :, 0]
OTHER = {"save_all": True}

TAKEN = {
    "progressive JPEG": (PICTURE, "JPEG", {"progressive": True}),
    "gray JPEG": (PICTURE.convert("L"), "JPEG", {}),
    "CMYK JPEG": (PICTURE.convert("CMYK"), "JPEG", {}),
    "MPO": (PICTURE, "MPO", OTHER),
    "GIF": (PICTURE, "GIF", {}),
    "animated GIF": (PICTURE, "GIF", OTHER),
    "multi-page TIFF": (PICTURE, "TIFF", OTHER),
    "TIFF, LZW": (PICTURE, "TIFF", {"compression": "tiff_lzw"}),
    "TIFF, fax": (PICTURE.convert("1"), "TIFF", {"compression": "group4"}),
    "CMYK TIFF": (PICTURE.convert("CMYK"), "TIFF", {}),
    "16-bit TIFF": (Image.fromarray(LEVELS.astype(np.uint16) * 257), "TIFF", {}),
    "16-bit PNG": (Image.fromarray(LEVELS.astype(np.uint16) * 257), "PNG", {}),
    "gray PNG with alpha": (PICTURE.convert("LA"), "PNG", {}),
    "animated PNG": (PICTURE, "PNG", OTHER),
    "animated WebP": (PICTURE, "WEBP", {"lossless": True, **OTHER}),
    "AVIF": (PICTURE, "AVIF", {}),
    "JPEG 2000": (PICTURE, "JPEG2000", {}),
    "1-bit BMP": (PICTURE.convert("1"), "BMP", {}),
}
SEVERAL = {"MPO", "animated GIF", "multi-page TIFF", "animated PNG", "animated WebP"}


def jpeg(path: Path, *, marker: int = 0xC0, bits: int = 8) -> Path:
    """A JPEG whose header says that it is of another kind."""
    PICTURE.save(path, "JPEG")
    data = bytearray(path.read_bytes())
    begin = data.index(b"\xff\xc0")
    data[begin + 1], data[begin + 4] = marker, bits
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", TAKEN)
def test_every_decoder_makes_the_same_pixels(tmp_path, kind):
    picture, file_format, settings = TAKEN[kind]
    more = {"append_images": [PICTURE.rotate(180)]} if kind in SEVERAL else {}  # Pillow writes into them
    picture.save(path := tmp_path / "a.jpg", file_format, **settings, **more)  # the suffix says nothing
    header = read_header(path)
    reference = DECODERS["pil"](path.read_bytes())
    assert (header.width, header.height) == (128, 96)
    assert reference.shape == (96, 128, 3)
    assert (header.num_pictures > 1) == (kind in SEVERAL)
    for name in ("opencv", "turbojpeg"):
        pixels = DECODERS[name](path.read_bytes())
        assert np.abs(pixels.astype(int) - reference).max() <= 1, name


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (lambda path: jpeg(path, marker=0xC1, bits=12), "is a JPEG of 12 bits a channel"),
        (lambda path: jpeg(path, marker=0xC3), "is a lossless JPEG"),
        (lambda path: PICTURE.convert("L").convert("F").save(path, "TIFF"), "has floating-point numbers"),
        (lambda path: Image.fromarray(LEVELS.astype(np.int32)).save(path, "TIFF"), "has 32 bits a pixel"),
        (lambda path: PICTURE.convert("LAB").save(path, "TIFF"), "has the colour space Lab"),
        (lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99), "is a HEIC, for which Pillow needs"),
        (lambda path: path.write_bytes(b"%PDF-1.4"), "is a PDF document"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08" + b"\0" * 9), "is packed by gzip"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "is a ZIP archive"),
        (lambda path: path.write_bytes(b"<svg/>"), "is an SVG drawing"),
        (lambda path: path.write_bytes(LFS_POINTER), "is a pointer of Git LFS"),
        (lambda path: path.write_bytes(b"\n <!DOCTYPE HTML><html>404</html>"), "is an HTML page"),
        (lambda path: PICTURE.save(path, "EPS"), "is a PostScript document"),
        (lambda path: PICTURE.save(path, "TGA"), "is no image, or one of a kind that cannot be read"),
    ],
)
def test_what_decoders_do_not_agree_on_is_refused_by_name(tmp_path, write, what):
    write(path := tmp_path / "a.jpg")
    with pytest.raises(ImageProblem, match=what) as raised:
        read_header(path)
    assert raised.value.remedy or "no image" in what


def test_a_jpeg_that_a_phone_calls_heic_is_taken(tmp_path):
    PICTURE.save(path := tmp_path / "IMG_1.HEIC", "JPEG")
    assert read_header(path).is_jpeg


@pytest.mark.parametrize(("num_bytes", "is_taken"), [(2_000_000, True), (65_000_000, False)])
def test_text_in_a_png(tmp_path, num_bytes, is_taken):
    info = PngImagePlugin.PngInfo()
    info.add_text("note", "x" * num_bytes, zip=True)
    PICTURE.save(path := tmp_path / "a.png", pnginfo=info)
    if is_taken:
        assert read_header(path).width == 128
        pixels = [decode(path.read_bytes()) for name, decode in DECODERS.items() if name != "nvjpeg"]
        assert all(np.array_equal(pixels[0], other) for other in pixels)
    else:
        with pytest.raises(ImageProblem, match=r"more than 64\.0 MB of text") as raised:
            read_header(path)
        assert raised.value.remedy == "Save it again without it: exiftool -all= FILE"


def test_a_large_colour_profile_is_no_matter(tmp_path):
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        PICTURE.save(path := tmp_path / f"{kind}.jpg", kind, icc_profile=b"\0" * 3_000_000)
        assert read_header(path).width == 128
        assert DECODERS["pil"](path.read_bytes()).shape == DECODERS["opencv"](path.read_bytes()).shape


def test_exif_that_is_broken_is_said_and_the_page_taken_as_upright(tmp_path, monkeypatch):
    PICTURE.save(path := tmp_path / "a.jpg")
    monkeypatch.setattr(Image.Image, "getexif", lambda image: 1 / 0)
    header = read_header(path)
    assert header.orientation == 1
    assert header.remarks == ("its EXIF cannot be read (division by zero): taken as upright",)
