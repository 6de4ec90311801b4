"""The files of labels that lie beside the images in each layout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

IMAGES = "images"
TRAIN, VAL = "train", "val"

#: Files of labels: where they lie in the folder, and their contents.
Files = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class PlacedPage:
    """A page whose image lies in the folder.

    Attributes:
        image: The image's place below `images/`; its folder is the part that the page belongs to, if there are parts.
        sha256: Hash of the image file, hexadecimal.
        entry: The page in UFO JSON: `img_w` and `img_h` in pixels, and `words`, whose `points` are four corners where
            the layout has no others.
    """

    image: PurePosixPath
    sha256: str
    entry: Mapping[str, Any]

    @property
    def words(self) -> Sequence[Mapping[str, Any]]:
        """The words in their order."""
        return list(self.entry["words"].values())


def ufo(pages: Sequence[PlacedPage]) -> Files:
    """One JSON file of all pages."""
    yield "annotations.json", _ufo_json(pages)


def ufo_split(pages: Sequence[PlacedPage]) -> Files:
    """One JSON file a part."""
    for part in (TRAIN, VAL):
        yield f"jsons/{part}.json", _ufo_json(_in_part(pages, part))


def icdar2015(pages: Sequence[PlacedPage]) -> Files:
    """A text file a page, in whole pixels, as the official reader wants them."""
    for page in pages:
        rows = [
            [*(round(value) for point in word["points"] for value in point), _quoted(word["transcription"])]
            for word in page.words
        ]
        yield f"gts/gt_{page.image.stem}.txt", _lines(",".join(map(str, row)) for row in rows)


def doctr(pages: Sequence[PlacedPage]) -> Files:
    """One JSON file, with the hash and the size of each image."""
    labels = {
        page.image.name: {
            "img_dimensions": [page.entry["img_h"], page.entry["img_w"]],
            "img_hash": page.sha256,
            "polygons": [word["points"] for word in page.words],
        }
        for page in pages
    }
    yield "labels.json", _json(labels)


def yolo(pages: Sequence[PlacedPage]) -> Files:
    """A text file a page with the box around each word, in shares of the page; and where the images are."""
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


def paddleocr(pages: Sequence[PlacedPage]) -> Files:
    """A label file a part, with paths from the folder on: it is the `data_dir` of a detector's settings."""
    for part in (TRAIN, VAL):
        rows = (
            f"{IMAGES}/{page.image}\t"
            + _json([{"transcription": word["transcription"], "points": word["points"]} for word in page.words]).strip()
            for page in _in_part(pages, part)
        )
        yield f"{part}.txt", _lines(rows)


def mmocr(pages: Sequence[PlacedPage]) -> Files:
    """A JSON file a part, in the form of MMOCR 1.x; the part to validate with is called "test" there."""
    about = {"dataset_type": "TextDetDataset", "task_name": "textdet", "category": [{"id": 0, "name": "text"}]}
    for part, name in ((TRAIN, "train"), (VAL, "test")):
        entries = [
            {
                "img_path": f"{IMAGES}/{page.image}",
                "height": page.entry["img_h"],
                "width": page.entry["img_w"],
                "instances": [_instance(word) for word in page.words],
            }
            for page in _in_part(pages, part)
        ]
        yield f"textdet_{name}.json", _json({"metainfo": about, "data_list": entries})


def _instance(word: Mapping[str, Any]) -> dict[str, Any]:
    points = word["points"]
    return {
        "polygon": [value for point in points for value in point],
        "bbox": [*(min(column) for column in zip(*points, strict=True)), *map(max, zip(*points, strict=True))],
        "bbox_label": 0,
        "ignore": word["illegibility"],
        "text": word["transcription"],
    }


def _in_part(pages: Iterable[PlacedPage], part: str) -> list[PlacedPage]:
    return [page for page in pages if page.image.parent.name == part]


def _ufo_json(pages: Sequence[PlacedPage]) -> str:
    return _json({"images": {page.image.name: page.entry for page in pages}})


def _quoted(text: str) -> str:
    """A text in quotes where it has some around it already, which the official reader would take away."""
    stripped = text.strip()
    if len(stripped) < 2 or not stripped.startswith('"') or not stripped.endswith('"'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
