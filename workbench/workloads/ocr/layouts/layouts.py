"""How pages lie in a folder that is written: our own layout, and those that public training programs read.

| layout | images | labels |
|---|---|---|
| `ufo` | `images/` | `annotations.json` |
| `ufo_split` | `images/{train,val}/` | `jsons/{train,val}.json`, each like `annotations.json` |
| `icdar2015` | `images/` | `gts/gt_STEM.txt`: `x1,y1,...,x4,y4,TEXT` a word, in whole pixels; `###` is don't-care |
| `doctr` | `images/` | `labels.json`: the polygons of each file, without texts |
| `yolo` | `images/{train,val}/` | `labels/{train,val}/STEM.txt`: `0 cx cy w h` a word, in shares; `data.yaml` |
| `paddleocr` | `images/{train,val}/` | `{train,val}.txt`: a path, a tab and the words as JSON; `###` is don't-care |
| `mmocr` | `images/{train,val}/` | `textdet_{train,test}.json`, as MMOCR 1.x has them |

All points are those of the upright picture. Programs differ in whether they follow the EXIF turn of an image, so in all
layouts but `ufo` the images are stored upright. docTR and YOLO know no don't-care: there such a word is like any other.
docTR trains with one folder and validates with another: two seeds give two. It stops at a page without words, and at
points outside the page, for which YOLO leaves out the whole page. ICDAR2015's evaluation stops at a word whose corners
run counter-clockwise.

Sources: mindee.github.io/doctr (`DetectionDataset`); docs.ultralytics.com/datasets/detect; rrc.cvc.uab.es, challenge 4;
PaddleOCR, `ppocr/data/simple_dataset.py`; mmocr.readthedocs.io, "Dataset Preparer".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.workloads.ocr.layouts import labels
from workbench.workloads.ocr.layouts.labels import TRAIN, VAL, Files, PlacedPage

#: Of this number of pages, one is for validation.
_ONE_IN = 5


@dataclass(frozen=True)
class Layout:
    """A way for pages to lie in a folder.

    Attributes:
        labels: Makes the files of labels of all pages.
        is_split: Whether the pages are parted into those to train with and those to validate with.
        is_upright: Whether images are stored the right way up, where others may have an EXIF turn.
        has_quads: Whether every word has four corners.
        is_clockwise: Whether its points must run clockwise.
        is_inside: Whether points may not lie outside the page.
        needs_words: Whether a page must have words.
        is_by_lines: Whether a text must be on one line.
        has_dont_care: Whether it knows don't-care words.
        marks: The texts by which it knows them; none where it has a flag.
    """

    labels: Callable[[Sequence[PlacedPage]], Files]
    is_split: bool = False
    is_upright: bool = True
    has_quads: bool = False
    is_clockwise: bool = False
    is_inside: bool = False
    needs_words: bool = False
    is_by_lines: bool = False
    has_dont_care: bool = True
    marks: tuple[str, ...] = ()

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


#: The layouts by the name that `workbench pages --to` knows them by.
#: A new layout is one function that makes its labels, and one line here.
LAYOUTS: Mapping[str, Layout] = {
    "ufo": Layout(labels.ufo, is_upright=False),
    "ufo_split": Layout(labels.ufo_split, is_split=True),
    "icdar2015": Layout(labels.icdar2015, has_quads=True, is_clockwise=True, is_by_lines=True, marks=("###",)),
    "doctr": Layout(labels.doctr, has_quads=True, is_inside=True, needs_words=True, has_dont_care=False),
    "yolo": Layout(labels.yolo, is_split=True, is_inside=True, has_dont_care=False),
    "paddleocr": Layout(labels.paddleocr, is_split=True, marks=("###", "*")),
    "mmocr": Layout(labels.mmocr, is_split=True),
}
