"""Every kind of image becomes RGB pixels, upright, in every decoder."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.workloads.ocr.chain.decode import (
    DECODERS,
    DENOMINATORS,
    DecodeError,
    choose_decoder,
    largest_denominator,
    orient,
)

DECODER_NAMES = [name for name in DECODERS if name != "nvjpeg"]  # which needs a CUDA device


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
    got = choose_decoder(decoder)(encoded(image))
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_red_is_the_first_channel(decoder):
    got = choose_decoder(decoder)(encoded(Image.new("RGB", (8, 8), (200, 10, 30)), "JPEG", quality=95))
    assert np.abs(got.reshape(-1, 3).astype(int) - [200, 10, 30]).max() <= 4


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_cmyk_becomes_rgb(decoder):
    image = Image.new("CMYK", (16, 16), (0, 200, 200, 20))
    got = choose_decoder(decoder)(encoded(image, "JPEG", quality=95))
    red, green, blue = got.reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 90


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_16_bits_are_cut_to_the_upper_8(decoder):
    levels = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    got = choose_decoder(decoder)(encoded(Image.fromarray(levels)))
    assert got.shape == (16, 16, 3)
    assert np.abs(got[:, :, 0].astype(int) - (levels >> 8).astype(int)).max() <= 1


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_exif_is_left_to_orient(decoder):
    exif = Image.Exif()
    exif[0x0112] = 6
    got = choose_decoder(decoder)(encoded(gradient(), "JPEG", exif=exif))
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
        choose_decoder(decoder)(data)


def test_pillow_refuses_a_truncated_image():
    data = encoded(gradient().resize((400, 240)), "JPEG")
    with pytest.raises(DecodeError, match="truncated"):
        choose_decoder("pil")(data[: len(data) // 2])


@pytest.mark.parametrize("decoder", DECODER_NAMES)
@pytest.mark.parametrize("denominator", DENOMINATORS)
@pytest.mark.parametrize("size", [(160, 96), (161, 95)])
def test_a_jpeg_is_made_smaller_while_it_is_decoded(decoder, denominator, size):
    image = gradient().resize(size, Image.Resampling.BILINEAR)
    got = choose_decoder(decoder)(encoded(image, "JPEG", quality=95), denominator)
    expected = (-(-size[1] // denominator), -(-size[0] // denominator), 3)
    assert got.shape == expected
    whole = np.array(image.resize(expected[1::-1], Image.Resampling.BOX)).astype(int)
    assert np.abs(got.astype(int) - whole).mean() < 5, "red, green and blue in their places"


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_other_images_keep_their_size(decoder):
    assert choose_decoder(decoder)(encoded(gradient()), 2).shape == (24, 40, 3)


def test_a_page_is_never_decoded_smaller_than_it_is_used():
    assert largest_denominator(1280, 720, 640) == 2
    assert largest_denominator(1279, 720, 640) == 1
    assert largest_denominator(720, 2600, 640) == 4
    assert largest_denominator(10000, 10000, 640) == 8
    assert largest_denominator(1284, 722, 640) == 2
    assert largest_denominator(1281, 721, 640) == 1, "the words would be off by a part of a pixel"
    assert largest_denominator(100, 50, 640) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_nvjpeg_decodes_as_pillow_does():
    data = encoded(gradient().resize((400, 240)), "JPEG", quality=95)
    difference = choose_decoder("nvjpeg")(data).astype(int) - choose_decoder("pil")(data)
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_an_avif_whose_pixels_are_damaged_is_an_error(decoder):
    data = encoded(gradient(), "AVIF")
    begin = data.index(b"mdat") + 4
    damaged = data[:begin] + bytes(255 - byte for byte in data[begin:])
    with pytest.raises(DecodeError):
        choose_decoder(decoder)(damaged)
