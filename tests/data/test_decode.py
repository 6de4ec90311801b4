"""Every kind of image becomes RGB pixels, upright, in both decoders."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from workbench.data.decode import DECODERS, DecodeError, orient

DECODER_NAMES = list(DECODERS)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(mode: str = "RGB") -> Image.Image:
    x, y = np.meshgrid(np.arange(40), np.arange(24))
    pixels = np.stack([x * 6, y * 10, (x + y) * 4], axis=2).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("decoder", DECODER_NAMES)
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "LA"])
def test_colour_modes_become_rgb(decoder, mode):
    image = gradient(mode)
    expected = np.array(image.convert("RGB")).astype(int)
    got = DECODERS[decoder](encoded(image))
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_red_is_the_first_channel(decoder):
    got = DECODERS[decoder](encoded(Image.new("RGB", (8, 8), (200, 10, 30)), "JPEG", quality=95))
    assert np.abs(got.reshape(-1, 3).astype(int) - [200, 10, 30]).max() <= 4


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_cmyk_becomes_rgb(decoder):
    image = Image.new("CMYK", (16, 16), (0, 200, 200, 20))
    got = DECODERS[decoder](encoded(image, "JPEG", quality=95))
    red, green, blue = got.reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 90


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_16_bits_are_cut_to_the_upper_8(decoder):
    levels = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    got = DECODERS[decoder](encoded(Image.fromarray(levels)))
    assert got.shape == (16, 16, 3)
    assert np.abs(got[:, :, 0].astype(int) - (levels >> 8).astype(int)).max() <= 1


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_exif_is_left_to_orient(decoder):
    exif = Image.Exif()
    exif[0x0112] = 6
    got = DECODERS[decoder](encoded(gradient(), "JPEG", exif=exif))
    assert got.shape == (24, 40, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orient_agrees_with_pillow(orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.open(io.BytesIO(encoded(gradient(), exif=exif)))
    expected = np.array(ImageOps.exif_transpose(image))
    got = orient(np.array(gradient()), orientation)
    assert np.array_equal(got, expected)
    assert got.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("decoder", DECODER_NAMES)
@pytest.mark.parametrize("data", [b"", b"not an image at all"])
def test_what_is_no_image_is_refused(decoder, data):
    with pytest.raises(DecodeError):
        DECODERS[decoder](data)


def test_pillow_refuses_a_truncated_image():
    data = encoded(gradient().resize((400, 240)), "JPEG")
    with pytest.raises(DecodeError, match="truncated"):
        DECODERS["pil"](data[: len(data) // 2])
