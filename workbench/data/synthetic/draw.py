"""Draws a data set of receipts and signs: photographs of 1280x720 and their words, from a seed.

Page `i` depends on the seed and on `i` alone, whatever the number of pages or of processes: same seed, same bytes.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import secrets
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.data.synthetic.camera import photograph
from workbench.data.synthetic.receipt import draw_receipt
from workbench.data.synthetic.sign import draw_sign
from workbench.errors import BadInput, Problem

MANIFEST = "pages.json"
ANNOTATIONS = "annotations.json"

#: Raised whenever the drawing changes, so that pages of an older one are not taken for these.
VERSION = 1

_LANDSCAPE = (1280, 720)
_EXIF_ORIENTATION = 0x0112
#: How often what is drawn, of a hundred pages.
_PORTRAIT, _TURNED, _GRAY, _SIGN = 0.15, 0.12, 0.08, 0.3


@dataclass(frozen=True)
class DrawnPage:
    """A page as it is written: its JPEG and its entry in the annotation file."""

    name: str
    jpeg: bytes
    entry: dict[str, Any]


def draw_page(number: int, *, seed: int) -> DrawnPage:
    """Draw one page."""
    rng = np.random.default_rng([seed, number])
    is_portrait, is_turned, is_gray, is_sign = rng.random(4) < (_PORTRAIT, _TURNED, _GRAY, _SIGN)
    width, height = _LANDSCAPE[::-1] if is_portrait else _LANDSCAPE
    sheets = [draw_sign(rng)] if is_sign else [draw_receipt(rng) for _ in range(1 if is_portrait else 2)]
    pixels, words = photograph(rng, sheets, width, height)
    orientation = int(rng.choice([3, 6, 8])) if is_turned else 1
    stored = np.rot90(pixels, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])
    image = Image.fromarray(np.ascontiguousarray(stored))
    buffer = io.BytesIO()
    exif = Image.Exif()
    if orientation != 1:
        exif[_EXIF_ORIENTATION] = orientation
    (image.convert("L") if is_gray else image).save(buffer, "JPEG", quality=int(rng.integers(74, 96)), exif=exif)
    entry = {
        "img_w": width,
        "img_h": height,
        "words": {
            f"{index:04d}": {
                "points": [[round(float(x), 2), round(float(y), 2)] for x, y in word.polygon],
                "transcription": word.text,
                "illegibility": word.ignore,
            }
            for index, word in enumerate(words)
        },
    }
    return DrawnPage(f"page-{number:04d}.jpg", buffer.getvalue(), entry)


def draw_pages(
    out: Path,
    *,
    count: int,
    seed: int = 0,
    on_page: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Path:
    """Draw a data set in the competition JSON format: `annotations.json` beside `images/`.

    The folder appears when it is complete. Where it holds exactly these pages already, nothing is drawn.

    Args:
        out: The folder to make.
        count: Number of pages.
        seed: Seed of the pages.
        on_page: Told the number of pages done and of all pages.
        workers: Processes that draw; by default one for each core.

    Returns:
        `out`.

    Raises:
        BadInput: For a count below 1, or a folder that holds something else or cannot be written.
    """
    if count < 1:
        raise BadInput("pages", [Problem(f"{count} is no number of pages", "count", "Take 1 or more")])
    manifest = {"count": count, "seed": seed, "version": VERSION}
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        if _manifest_of(out) == manifest:
            return out
        problem = Problem("the folder holds something else already", str(out), "Name a new folder, or empty this one")
        raise BadInput("pages", [problem])
    half_done = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    try:
        (half_done / "images").mkdir(parents=True)
        entries = _draw_into(half_done / "images", count, seed, on_page, workers or len(os.sched_getaffinity(0)))
        _write_json(half_done / ANNOTATIONS, {"images": entries})
        _write_json(half_done / MANIFEST, manifest)
        if out.is_dir():
            out.rmdir()
        half_done.rename(out)
    except OSError as error:
        raise BadInput("pages", [Problem(f"cannot be written ({error.strerror or error})", str(out))]) from None
    finally:
        shutil.rmtree(half_done, ignore_errors=True)
    return out


def _draw_into(
    folder: Path, count: int, seed: int, on_page: Callable[[int, int], None] | None, workers: int
) -> dict[str, Any]:
    entries = {}
    with ProcessPoolExecutor(min(workers, count), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, page in enumerate(pool.map(partial(draw_page, seed=seed), range(count), chunksize=4), start=1):
            (folder / page.name).write_bytes(page.jpeg)
            entries[page.name] = page.entry
            if on_page is not None:
                on_page(done, count)
    return entries


def _manifest_of(folder: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
