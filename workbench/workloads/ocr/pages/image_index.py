"""Finds the image that an annotation names, though it may name it as another machine did."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath

from workbench.workloads.ocr.pages.image_kinds import IMAGE_SUFFIXES
from workbench.workloads.ocr.pages.image_names import folded, nearest, spellings

_FOLDERS = ("images", "imgs", "image", "img")
#: Some tools write the annotation's own name where the image's should stand.
_OF_ANNOTATIONS = (".xml", ".json", ".txt")
_PREFIXES = ("poly_gt_", "gt_", "res_")


@dataclass(frozen=True)
class Match:
    """The images that a name can mean.

    Attributes:
        images: One, none, or several with the same last part.
        is_respelled: Whether the name had to be read otherwise than it stands there: as a part of a URL, without regard
            to capitals or to the Unicode form, with another suffix than an image's.
    """

    images: tuple[Path, ...] = ()
    is_respelled: bool = False


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
        self._by_folded_name: dict[str, list[Path]] = defaultdict(list)
        self._by_folded_stem: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            self._by_name[path.name].append(path)
            self._by_stem[path.stem].append(path)
            self._by_folded_name[folded(path.name)].append(path)
            self._by_folded_stem[folded(path.stem)].append(path)

    def holds(self, name: str) -> bool:
        """Whether an image has this name, in any folder and with or without its suffix."""
        last = PurePosixPath(name.replace("\\", "/")).name
        return last in self._by_name or last in self._by_stem

    def find(self, name: str, beside: Path) -> Match:
        """The images that a name can mean.

        Tried in this order: the path from the annotation's folder, from the data set's and its image folders, from the
        folder above the annotation's; then its last part anywhere in the data set. A name without an image's suffix is
        that of an annotation file: the image is named like it, without ``gt_`` and the like. Of several, those whose
        folders are named like the annotated ones are nearer. Where that finds nothing, the same with the name read as a
        part of a URL (``%20``); then without regard to capitals and Unicode forms; then without its suffix.

        Args:
            name: As the annotation has it, with either kind of slash.
            beside: The annotation's folder.
        """
        for number, spelling in enumerate(spellings(name)):
            if images := self._as_spelled(spelling, beside):
                return Match(images, is_respelled=number > 0 and spelling != name.replace("\\", "/").strip())
        return Match(next(filter(None, map(self._as_folded, _last_resorts(name))), ()), is_respelled=True)

    def nearest(self, name: str) -> str | None:
        """The name of an image that was probably meant by one that is not there."""
        return nearest(PurePosixPath(name.replace("\\", "/")).name, self._by_name)

    def _as_spelled(self, name: str, beside: Path) -> tuple[Path, ...]:
        path = PurePosixPath(name)
        for start in (beside, *self._starts, beside.parent):
            # Not Path.is_file(): it raises for a name that is too long for a file.
            if "\0" not in name and os.path.isfile(start / path):  # noqa: PTH113
                return (start / path,)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _nearest(self._by_name.get(path.name, []), path.parent.parts)
        for stem in _stems(path.name):
            if found := self._by_stem.get(stem):
                return _nearest(found, beside.parts)
        return ()

    def _as_folded(self, path: PurePosixPath) -> tuple[Path, ...]:
        is_image = path.suffix.lower() in IMAGE_SUFFIXES
        known = self._by_folded_name if is_image else self._by_folded_stem
        found = next(filter(None, (known.get(folded(stem)) for stem in _stems(path.name))), [])
        return _nearest(found, path.parent.parts)


def _last_resorts(name: str) -> Iterator[PurePosixPath]:
    """What is compared without regard to capitals; at last without the suffix of an annotation's file."""
    paths = [PurePosixPath(spelling) for spelling in spellings(name)]
    yield from paths
    yield from (path.with_suffix("") for path in paths if path.suffix.lower() in _OF_ANNOTATIONS)


def _stems(name: str) -> Iterator[str]:
    yield name
    for prefix in _PREFIXES:
        if name.startswith(prefix) and PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES:
            yield name.removeprefix(prefix)


def _nearest(images: list[Path], folders: tuple[str, ...]) -> tuple[Path, ...]:
    """Those of some images that share most of the last folders with a path."""

    def shared(image: Path) -> int:
        pairs = zip(reversed(image.parent.parts), reversed(folders), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    most = max(map(shared, images), default=0)
    return tuple(image for image in images if shared(image) == most)
