"""How drawn pages lie in their folder: our own layout, and those that public training programs read.

| layout | images | labels |
|---|---|---|
| `ufo` | `images/` | `annotations.json` |
| `ufo_split` | `images/{train,val}/` | `jsons/{train,val}.json`, each like `annotations.json` |
| `icdar2015` | `images/` | `gts/gt_STEM.txt`: `x1,y1,...,x4,y4,TEXT` a word, in whole pixels; `###` is don't-care |
| `doctr` | `images/` | `labels.json`: the polygons of each file, without texts |
| `yolo` | `images/{train,val}/` | `labels/{train,val}/STEM.txt`: `0 cx cy w h` a word, in shares; `data.yaml` |

All points are those of the upright picture. Programs differ in whether they follow the EXIF turn of an image, so in all
layouts but `ufo` the images are stored upright. docTR and YOLO know no don't-care: there such a word is like any other.
docTR trains with one folder and validates with another: two seeds give two.

Sources: mindee.github.io/doctr (`DetectionDataset`); docs.ultralytics.com/datasets/detect; rrc.cvc.uab.es, challenge 4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

IMAGES = "images"
TRAIN, VAL = "train", "val"
#: Of this number of pages, one is for validation.
_ONE_IN = 5

#: Files of labels: where they lie in the folder, and their contents.
_Files = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class PlacedPage:
    """A page whose image lies in the folder.

    Attributes:
        image: The image's place below `images/`; its folder is the part that the page belongs to, if there are parts.
        sha256: Hash of the image file, hexadecimal.
        entry: The page in UFO JSON: `img_w` and `img_h` in pixels, and `words`, whose `points` are four corners.
    """

    image: PurePosixPath
    sha256: str
    entry: Mapping[str, Any]

    @property
    def words(self) -> Sequence[Mapping[str, Any]]:
        """The words in their order."""
        return list(self.entry["words"].values())


@dataclass(frozen=True)
class Layout:
    """A way for pages to lie in a folder.

    Attributes:
        labels: Makes the files of labels of all pages.
        is_split: Whether the pages are parted into those to train with and those to validate with.
        is_upright: Whether images are stored the right way up, where others may have an EXIF turn.
    """

    labels: Callable[[Sequence[PlacedPage]], _Files]
    is_split: bool = False
    is_upright: bool = True

    def parts(self, count: int, *, seed: int) -> list[str]:
        """The part of each page: `TRAIN` or `VAL`, about four to one and at least one of either; "" without parts.

        Args:
            count: Number of pages; 2 or more where there are parts.
            seed: The same seed parts the same number of pages alike.
        """
        if not self.is_split:
            return [""] * count
        chosen = set(np.random.default_rng(seed).permutation(count)[: max(1, round(count / _ONE_IN))].tolist())
        return [VAL if number in chosen else TRAIN for number in range(count)]


def _ufo(pages: Sequence[PlacedPage]) -> _Files:
    yield "annotations.json", _ufo_json(pages)


def _ufo_split(pages: Sequence[PlacedPage]) -> _Files:
    for part in (TRAIN, VAL):
        yield f"jsons/{part}.json", _ufo_json([page for page in pages if page.image.parent.name == part])


def _ufo_json(pages: Sequence[PlacedPage]) -> str:
    return _json({"images": {page.image.name: page.entry for page in pages}})


def _icdar2015(pages: Sequence[PlacedPage]) -> _Files:
    for page in pages:
        rows = [
            [*(round(value) for point in word["points"] for value in point), word["transcription"]]
            for word in page.words
        ]
        yield f"gts/gt_{page.image.stem}.txt", _lines(",".join(map(str, row)) for row in rows)


def _doctr(pages: Sequence[PlacedPage]) -> _Files:
    labels = {
        page.image.name: {
            "img_dimensions": [page.entry["img_h"], page.entry["img_w"]],
            "img_hash": page.sha256,
            "polygons": [word["points"] for word in page.words],
        }
        for page in pages
    }
    yield "labels.json", _json(labels)


def _yolo(pages: Sequence[PlacedPage]) -> _Files:
    for page in pages:
        size = np.array([page.entry["img_w"], page.entry["img_h"]])
        boxes = []
        for word in page.words:
            low, high = np.min(word["points"], axis=0) / size, np.max(word["points"], axis=0) / size
            boxes.append([*(low + high) / 2, *(high - low)])
        rows = (" ".join(["0", *(f"{value:.6f}" for value in box)]) for box in boxes)
        yield f"labels/{page.image.with_suffix('.txt')}", _lines(rows)
    # Without a path, the folders are looked for beside this file, wherever it is moved to.
    yield "data.yaml", f"train: {IMAGES}/{TRAIN}\nval: {IMAGES}/{VAL}\nnc: 1\nnames: [word]\n"


def _lines(rows: Iterator[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


#: The layouts by the name that `workbench pages --to` knows them by.
#: A new layout is one function that makes its labels, and one line here.
LAYOUTS: Mapping[str, Layout] = {
    "ufo": Layout(_ufo, is_upright=False),
    "ufo_split": Layout(_ufo_split, is_split=True),
    "icdar2015": Layout(_icdar2015),
    "doctr": Layout(_doctr),
    "yolo": Layout(_yolo, is_split=True),
}
