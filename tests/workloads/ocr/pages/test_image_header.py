"""What an image file says of itself, read without decoding it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.workloads.ocr.pages.image_header import ImageHeader, ImageProblem, read_header

ORIENTATION = 0x0112


def exif(orientation: object) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block


def image(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)).convert(mode)


def saved(path: Path, picture: Image.Image | None = None, **options: object) -> Path:
    (picture or image()).save(path, **options)
    return path


def encoded(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (picture or image()).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def no_decoding(monkeypatch):
    """Fails where Pillow is made to decode pixels."""

    def refuse(self: object, *_: object) -> None:
        raise AssertionError("the pixels were decoded")

    for kind in ("PngImagePlugin.PngImageFile", "ImageFile.ImageFile", "TiffImagePlugin.TiffImageFile"):
        monkeypatch.setattr(f"PIL.{kind}.load", refuse)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_size_and_mode_without_decoding(tmp_path, no_decoding, suffix):
    path = saved(tmp_path / f"a{suffix}")
    assert read_header(path) == ImageHeader(60, 40, 1, "RGB", path.stat().st_size, is_jpeg=suffix == ".jpg")


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", ".jpg"), ("CMYK", ".jpg"), ("L", ".png"), ("P", ".png"), ("1", ".png"), ("RGBA", ".png"), ("LA", ".png")],
)
def test_colour_modes(tmp_path, no_decoding, mode, suffix):
    assert read_header(saved(tmp_path / f"a{suffix}", image(mode))).mode == mode


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_gray(tmp_path, suffix):
    picture = Image.fromarray(np.zeros((40, 60), np.uint16))
    assert read_header(saved(tmp_path / f"a{suffix}", picture)).mode == "I;16"


def test_16_bit_colour_says_so_though_pillow_gives_8(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x12\x34" * 3 * 4) * 2)
    head = struct.pack(">IIBBBBB", 4, 2, 16, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    with Image.open(path) as picture:
        assert picture.mode == "RGB"
    assert read_header(path).mode == "RGB;16"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_turns(tmp_path, orientation, suffix):
    header = read_header(saved(tmp_path / f"a{suffix}", exif=exif(orientation)))
    assert (header.width, header.height, header.orientation) == (60, 40, orientation)
    assert header.upright_size == ((40, 60) if orientation >= 5 else (60, 40))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist_are_none(tmp_path, value):
    assert read_header(saved(tmp_path / "a.jpg", exif=exif(value))).orientation == 1


def test_exif_behind_the_pixels_of_a_png_is_found_without_decoding(tmp_path, no_decoding):
    data = encoded("PNG", exif=exif(6))
    begin = data.index(b"eXIf") - 4
    end = begin + 12 + struct.unpack(">I", data[begin : begin + 4])[0]
    last = data.index(b"IEND") - 4
    path = tmp_path / "a.png"
    path.write_bytes(data[:begin] + data[end:last] + data[begin:end] + data[last:])
    assert read_header(path).orientation == 6


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tiff_is_upright_when_it_is_decoded(tmp_path, orientation):
    path = saved(tmp_path / "a.tif", exif=exif(orientation))
    header = read_header(path)
    assert header.orientation == 1
    with Image.open(path) as picture:
        assert (header.width, header.height) == picture.convert("RGB").size


@pytest.mark.parametrize("size", [(1, 1), (10_000, 10_000)])
def test_the_smallest_and_the_largest_pages(tmp_path, size):
    path = saved(tmp_path / "a.png", Image.new("1", size))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(path).upright_size == size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, -1])
def test_files_that_are_cut_short_are_refused(tmp_path, kind, kept):
    data = encoded(kind)
    path = tmp_path / "a.img"
    path.write_bytes(data[:-1] if kept == -1 else data[: int(len(data) * kept)])
    with pytest.raises(ImageProblem):
        read_header(path)


def test_the_end_of_a_thumbnail_is_not_that_of_the_image(tmp_path):
    thumbnail = encoded("JPEG", image(size=(16, 16)))
    block = exif(6)
    data = encoded("JPEG", exif=block.tobytes() + thumbnail)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert read_header(path).orientation == 6
    path.write_bytes(data[:-40])
    assert b"\xff\xd9" in path.read_bytes()
    with pytest.raises(ImageProblem, match="is cut short: the end of the image is missing"):
        read_header(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("num_bytes", [1, 3_000_000])
def test_bytes_behind_the_end_do_no_harm(tmp_path, kind, num_bytes):
    path = tmp_path / "a.img"
    path.write_bytes(encoded(kind) + b"\x00" * num_bytes)
    assert read_header(path).width == 60


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello, this is no image", "is no image"),
        (b"<html>404</html>", "is an HTML page"),
        (b"\xff\xd8\xff", ""),
        (b"\x89PNG\r\n\x1a\n", ""),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 200, ""),
        (b"RIFF\x00\x00\x00\x00WEBP", ""),
        (b"II*\x00\xff\xff\xff\x7f", ""),
        (b"BM" + b"\xff" * 60, ""),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageProblem) as caught:
        read_header(path)
    assert message in str(caught.value)


def test_a_folder_or_a_missing_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "a.jpg"):
        with pytest.raises(ImageProblem, match="cannot be read as an image"):
            read_header(path)


def test_real_photos_turned_by_exif(real_pages):
    folder = real_pages / "exif-orientation"
    headers = {path.stem: read_header(path) for path in folder.glob("*.jpg")}
    assert {name: header.orientation for name, header in headers.items()} == {
        "Landscape_1": 1,
        "Landscape_3": 3,
        "Landscape_6": 6,
        "Portrait_8": 8,
    }
    assert {name: header.upright_size for name, header in headers.items()} == {
        "Landscape_1": (1800, 1200),
        "Landscape_3": (1800, 1200),
        "Landscape_6": (1800, 1200),
        "Portrait_8": (1200, 1800),
    }
