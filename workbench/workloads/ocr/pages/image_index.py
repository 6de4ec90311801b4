"""Finds the image that an annotation names, though it may name it as another machine did."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path, PurePosixPath

from workbench.workloads.ocr.pages.image_header import IMAGE_SUFFIXES

_FOLDERS = ("images", "imgs", "image", "img")
_PREFIXES = ("poly_gt_", "gt_", "res_")


class ImageIndex:
    """The images of a data set.

    Args:
        folder: The data set.
        files: Its files, sorted.

    Attributes:
        paths: Those that are named like images, sorted.
        others: The other files.
    """

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self._starts = [folder, *(folder / name for name in _FOLDERS)]
        self.paths: list[Path] = []
        self.others: list[Path] = []
        for path in files:
            (self.paths if path.suffix.lower() in IMAGE_SUFFIXES else self.others).append(path)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            self._by_name[path.name].append(path)
            self._by_stem[path.stem].append(path)

    def holds(self, name: str) -> bool:
        """Whether an image has this name, in any folder and with or without its suffix."""
        last = PurePosixPath(name.replace("\\", "/")).name
        return last in self._by_name or last in self._by_stem

    def find(self, name: str, beside: Path) -> list[Path]:
        """The images that a name can mean: one, none, or several with the same last part.

        Tried in this order: the path from the annotation's folder, from the data set's and its image folders, from the
        folder above the annotation's; then its last part anywhere in the data set. A name without an image's suffix is
        that of an annotation file: the image is named like it, without ``gt_`` and the like. Of several, those whose
        folders are named like the annotated ones are nearer.

        Args:
            name: As the annotation has it, with either kind of slash.
            beside: The annotation's folder.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        for start in (beside, *self._starts, beside.parent):
            # Not Path.is_file(): it raises for a name that is too long for a file.
            if os.path.isfile(start / path):  # noqa: PTH113
                return [start / path]
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _nearest(self._by_name.get(path.name, []), path.parent.parts)
        for stem in (path.name, *(path.name.removeprefix(prefix) for prefix in _PREFIXES)):
            if found := self._by_stem.get(stem):
                return _nearest(found, beside.parts)
        return []


def _nearest(images: list[Path], folders: tuple[str, ...]) -> list[Path]:
    """Those of some images that share most of the last folders with a path."""

    def shared(image: Path) -> int:
        pairs = zip(reversed(image.parent.parts), reversed(folders), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    most = max(map(shared, images), default=0)
    return [image for image in images if shared(image) == most]
