"""A small data set with every kind of image that a decoder may trip over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image


def _picture(width: int, height: int, seed: int) -> Image.Image:
    """A smooth picture with a bright box, so that decoders differ little."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    pixels = np.stack([x * 180, y * 160, (1 - x) * 140 + 10 * seed], axis=2)
    pixels[height // 4 : height // 2, width // 4 : 3 * width // 4] = (240, 200, 60)
    return Image.fromarray(pixels.astype(np.uint8))


def write_odd_pages(folder: Path) -> Path:
    """Write the data set, in the competition JSON format; page `i` is the `i`-th of `NAMES`."""
    (folder / "images").mkdir(parents=True)
    entries = {}
    for number, (name, (mode, size, orientation)) in enumerate(_KINDS.items()):
        picture = _picture(*size, number)
        if mode == "I;16":
            picture = Image.fromarray((np.asarray(picture.convert("L")).astype(np.uint16) << 8) + 128)
        else:
            picture = picture.convert(mode)
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(folder / "images" / name, exif=exif, **({"quality": 96} if name.endswith(".jpg") else {}))
        width, height = size if orientation < 5 else size[::-1]
        left, right, top, bottom = width / 4, 3 * width / 4, height / 4, height / 2
        box = [[left, top], [right, top], [right, bottom], [left, bottom]]
        entries[name] = {
            "img_w": width,
            "img_h": height,
            "words": {"1": {"points": box, "transcription": "box", "illegibility": False}} if width > 1 else {},
        }
    (folder / "annotations.json").write_text(json.dumps({"images": entries}), encoding="utf-8")
    return folder


_KINDS: dict[str, tuple[str, tuple[int, int], int]] = {
    "plain.jpg": ("RGB", (320, 180), 1),
    "large.jpg": ("RGB", (1280, 720), 1),
    "portrait.jpg": ("RGB", (180, 320), 1),
    "turned-3.jpg": ("RGB", (320, 180), 3),
    "turned-6.jpg": ("RGB", (320, 180), 6),
    "turned-8.jpg": ("RGB", (641, 361), 8),
    "mirrored-5.jpg": ("RGB", (320, 180), 5),
    "gray.jpg": ("L", (320, 180), 1),
    "gray-turned.jpg": ("L", (320, 180), 6),
    "cmyk.jpg": ("CMYK", (320, 180), 1),
    "alpha.png": ("RGBA", (320, 180), 1),
    "palette.png": ("P", (320, 180), 1),
    "bits.png": ("1", (320, 180), 1),
    "deep.png": ("I;16", (320, 180), 1),
    "picture.webp": ("RGB", (320, 180), 1),
    "bitmap.bmp": ("RGB", (320, 180), 1),
    "dot.png": ("RGB", (1, 1), 1),
}
NAMES = tuple(_KINDS)
