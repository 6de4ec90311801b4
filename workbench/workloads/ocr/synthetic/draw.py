"""Draws a data set of receipts and signs: photographs of 1280x720 with their words, from a seed.

Page `i` depends on the seed and on `i` alone, whatever the number of pages or of processes. On one machine the same
seed gives the same bytes; another processor, or another version of numpy, OpenCV or Pillow, may round differently.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import TypeAdapter

from workbench.errors import BadInput, Problem, WorkbenchError, unknown_name
from workbench.workloads.ocr.layouts.folder import new_folder, write_file
from workbench.workloads.ocr.layouts.labels import IMAGES, PlacedPage
from workbench.workloads.ocr.layouts.layouts import LAYOUTS
from workbench.workloads.ocr.pages.words import Word
from workbench.workloads.ocr.synthetic.scene import compose, photograph, to_picture

MANIFEST = "pages.json"

#: Raised whenever the drawing changes, so that pages of an older one are not taken for these.
VERSION = 3

_LANDSCAPE = (1280, 720)
#: How much of all pages is stored in portrait, turned by EXIF, or gray.
_PORTRAIT_SHARE, _TURNED_SHARE, _GRAY_SHARE = 0.12, 0.12, 0.08
_EXIF_ORIENTATION = 0x0112
#: Quarter turns, counter-clockwise, from the upright picture to the one that is stored under an EXIF orientation.
_QUARTER_TURNS = {1: 0, 3: 2, 6: 1, 8: 3}
_LOWEST_QUALITY, _BEST_QUALITY = 70, 95
#: Fewer pages are drawn sooner than the processes to draw them are started.
_WORTH_A_POOL = 48


@dataclass(frozen=True)
class DrawnPage:
    """A page as it is written: its name, its JPEG, and its entry in the annotation file."""

    name: str
    jpeg: bytes
    entry: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What a folder of drawn pages holds: `pages.json`.

    Attributes:
        count: Number of pages.
        seed: Their seed.
        version: `VERSION` of the drawing.
        num_words: Words of all pages.
        num_bytes: Size of all images.
        layout: How they lie there, a key of `LAYOUTS`.
        labels: The files of labels, from the folder on.
    """

    count: int
    seed: int
    version: int
    num_words: int
    num_bytes: int
    layout: str = "ufo"
    labels: Sequence[str] = ("annotations.json",)


def draw_page(number: int, *, seed: int, upright: bool = False) -> DrawnPage:
    """Draw one page; it depends on its number and on the seed.

    Args:
        number: Its number.
        seed: Seed of the pages.
        upright: Store it the right way up, where it would be stored turned under an EXIF orientation.
    """
    rng = np.random.default_rng([seed, number])
    is_portrait, is_turned, is_gray = rng.random(3) < (_PORTRAIT_SHARE, _TURNED_SHARE, _GRAY_SHARE)
    width, height = _LANDSCAPE[::-1] if is_portrait else _LANDSCAPE
    orientation = int(rng.choice([turn for turn in _QUARTER_TURNS if turn != 1])) if is_turned else 1
    # Low qualities are the rarer ones.
    quality = _LOWEST_QUALITY + int((_BEST_QUALITY + 1 - _LOWEST_QUALITY) * rng.random(2).max())
    scene = compose(rng, width, height)
    jpeg = _encode(photograph(scene), orientation=1 if upright else orientation, gray=bool(is_gray), quality=quality)
    words = [
        replace(printed.word, polygon=to_picture(printed.word.polygon, matrix))
        for sheet, matrix in scene.sheets
        for printed in sheet.words
    ]
    return DrawnPage(f"page-{number:04d}.jpg", jpeg, _annotate(words, width, height))


def draw_pages(
    out: Path,
    *,
    count: int,
    seed: int = 0,
    layout: str = "ufo",
    on_page: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Path:
    """Draw a data set; by default in the competition (UFO) JSON format: `annotations.json` beside `images/`.

    The folder appears when it is complete. Where it holds exactly these pages already, nothing is drawn.

    Args:
        out: The folder to make.
        count: Number of pages.
        seed: Seed of the pages.
        layout: How they lie in the folder, a key of `LAYOUTS`.
        on_page: Told the number of pages done, and of all pages.
        workers: Processes that draw; by default one for each core.

    Returns:
        `out`.

    Raises:
        BadInput: For a count below 1 (below 2 in a layout with parts), a negative seed, an unknown layout, or a folder
            that holds something else or cannot be written.
        WorkbenchError: Where a process that draws was killed or could not be started.
    """
    _check(out, count, seed, layout)
    if holds_pages(out, count=count, seed=seed, layout=layout):
        return out
    kind = LAYOUTS[layout]
    draw = partial(draw_page, seed=seed, upright=kind.is_upright)
    try:
        with new_folder(out) as half_done, _drawing(draw, count, workers or len(os.sched_getaffinity(0))) as pages:
            placed: list[PlacedPage] = []
            num_bytes = 0
            for page, part in zip(pages, kind.parts(count, seed=seed), strict=True):
                image = PurePosixPath(part, page.name)
                write_file(half_done / IMAGES / image, page.jpeg)
                placed.append(PlacedPage(image, hashlib.sha256(page.jpeg).hexdigest(), page.entry))
                num_bytes += len(page.jpeg)
                if on_page is not None:
                    on_page(len(placed), count)
            labels = dict(kind.labels(placed))
            for name, text in labels.items():
                write_file(half_done / name, text.encode())
            num_words = sum(len(page.words) for page in placed)
            manifest = Manifest(count, seed, VERSION, num_words, num_bytes, layout, tuple(labels))
            write_file(half_done / MANIFEST, (json.dumps(asdict(manifest), separators=(",", ":")) + "\n").encode())
    except BrokenProcessPool:
        why = "was killed, or could not be started (from a script without 'if __name__ == \"__main__\"', for one)"
        raise WorkbenchError(f"{out}: a process that draws {why}. Take workers=1") from None
    return out


def holds_pages(folder: Path, *, count: int, seed: int, layout: str = "ufo") -> bool:
    """Whether a folder holds exactly these pages in this layout, drawn by this version."""
    manifest = read_manifest(folder)
    asked = (count, seed, VERSION, layout)
    if manifest is None or (manifest.count, manifest.seed, manifest.version, manifest.layout) != asked:
        return False
    sizes = [path.stat().st_size for path in (folder / IMAGES).rglob("*.jpg")]
    are_whole = (len(sizes), sum(sizes)) == (count, manifest.num_bytes)
    return are_whole and all((folder / name).is_file() for name in manifest.labels)


def read_manifest(folder: Path) -> Manifest | None:
    """What a folder of drawn pages says of itself; None where it is none."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return TypeAdapter(Manifest).validate_python(content)
    except (OSError, ValueError, RecursionError):
        return None


def _check(out: Path, count: int, seed: int, layout: str) -> None:
    problems = []
    if layout not in LAYOUTS:
        problems.append(unknown_name("layout", layout, LAYOUTS))
    if count < 1:
        problems.append(Problem(f"{count} is no number of pages", "count", "Take 1 or more"))
    elif count == 1 and layout in LAYOUTS and LAYOUTS[layout].is_split:
        problems.append(Problem("1 page cannot be parted in two", "count", "Take 2 or more"))
    if seed < 0:
        problems.append(Problem(f"{seed} is no seed", "seed", "Take 0 or more"))
    if out.exists() and not out.is_dir():
        problems.append(Problem("is a file", str(out), "Name a folder"))
    elif out.is_dir() and any(out.iterdir()) and not holds_pages(out, count=count, seed=seed, layout=layout):
        remedy = "Name a new folder, or empty this one"
        problems.append(Problem("the folder holds something else already", str(out), remedy))
    if problems:
        raise BadInput("pages", problems)


@contextmanager
def _drawing(draw: Callable[[int], DrawnPage], count: int, workers: int) -> Iterator[Iterator[DrawnPage]]:
    """The pages in their order, drawn here or by several processes; who leaves early stops these."""
    if workers == 1 or count < _WORTH_A_POOL:
        yield map(draw, range(count))
        return
    # Spawned: forking copies locks that other threads hold (a notebook's kernel has several).
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, count), mp_context=context, initializer=_begin_to_draw)
    try:
        yield pool.map(draw, range(count), chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_to_draw() -> None:
    """One thread for each process, and Ctrl-C is for the parent to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _encode(upright: npt.NDArray[np.uint8], *, orientation: int, gray: bool, quality: int) -> bytes:
    """The JPEG of a picture.

    Args:
        upright: uint8 [H, W, 3], RGB, the right way up.
        orientation: EXIF orientation under which it is stored: a key of `_QUARTER_TURNS`.
        gray: One channel in place of three.
        quality: JPEG quality, 1..95.
    """
    image = Image.fromarray(np.ascontiguousarray(np.rot90(upright, _QUARTER_TURNS[orientation])))
    exif = Image.Exif()
    if orientation != 1:
        exif[_EXIF_ORIENTATION] = orientation
    buffer = io.BytesIO()
    (image.convert("L") if gray else image).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def _annotate(words: Iterable[Word], width: int, height: int) -> dict[str, Any]:
    """A page's entry: points in the upright frame, and it says so; the frame's size is `img_w` x `img_h`."""
    entries = {
        f"{number:04d}": {
            "points": [[round(float(x), 2), round(float(y), 2)] for x, y in word.polygon],
            "transcription": word.text,
            "illegibility": word.ignore,
        }
        for number, word in enumerate(words, start=1)
    }
    return {"img_w": width, "img_h": height, "frame": "upright", "words": entries}
