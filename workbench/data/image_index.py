"""Finds the image that an annotation names, though it may name it as another machine did."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path, PurePosixPath

from workbench.data.image_header import IMAGE_SUFFIXES

_FOLDERS = ("images", "imgs", "image", "img")
_PREFIXES = ("poly_gt_", "gt_", "res_")


class ImageIndex:
    """The images below a folder.

    Attributes:
        paths: All of them, sorted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            self._by_name[path.name].append(path)
            self._by_stem[path.stem].append(path)

    def find(self, name: str, beside: Path | None) -> list[Path]:
        """The images that a name can mean: one, none, or several with the same last part.

        Tried in this order: the path as it is, from the annotation's folder, from the data set's and its image folders,
        from the folder above the annotation's; then the last part of the path anywhere below; then, for a file of words
        named like its image, the name without suffix and prefix.

        Args:
            name: As the annotation has it, with either kind of slash.
            beside: The annotation's folder.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        starts = [beside, self._folder, *(self._folder / folder for folder in _FOLDERS), beside and beside.parent]
        if path.suffix.lower() in IMAGE_SUFFIXES:
            for start in starts:
                if start is not None and (start / path).is_file():
                    return [start / path]
            return self._by_name.get(path.name, [])
        for stem in _stems(path.name):
            found = self._by_stem.get(stem) or self._by_name.get(stem)
            if found:
                near = [image for image in found if beside is not None and image.parent == beside]
                return near or found
        return []


def _stems(name: str) -> list[str]:
    return [name, *(name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix))]
