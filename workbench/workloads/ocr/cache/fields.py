"""What is kept of a page, by the knobs `cache` and `targets`, and how it is made."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping

import numpy as np

from workbench.versions import package_of
from workbench.workloads.ocr.cache.page_cache import Array, Field
from workbench.workloads.ocr.chain.decode import largest_denominator
from workbench.workloads.ocr.chain.page_maker import PageMaker, unreadable
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.targets import PackedTargets

#: Raised whenever what is kept changes in a way that nothing else in the key tells.
_VERSION = 1

#: The knobs, and the modules by their packages' versions, that decide what a kept page looks like.
_KNOBS = ("image_size", "image_decoder", "scaled_decode", "cache", "transforms", "normalize", "targets")
_MODULES = ("albumentations", "numba", "numpy", "cv2", "PIL", "pyclipper", "shapely", "simplejpeg", "torchvision")


class CachedFields:
    """The fields of a cache for some pages: which there are, and what goes into them.

    Attributes:
        fields: `data` uint8 [n], the file's bytes (`cache=encoded`); `image` uint8 [H, W, 3], upright (`decoded`),
            uint8 [S, S, 3] (`prepared`), or float32 [3, S, S], normalized (`tensor`); with the latter two `points`
            float32 [N, 2], `matrix` float64 [3, 3] and `dropped` int64 []; and `targets` uint8 [2, S, S]
            (`targets=cached`): threshold levels and flags. Empty where nothing is kept.
    """

    NAMES = ("data", "image", "points", "targets")

    def __init__(self, pages: list[Page], knobs: OcrKnobs) -> None:
        self._pages = pages
        self._knobs = knobs
        self.fields = self._fields()

    def key(self) -> str:
        """Names the content: the bytes and words of all pages, the knobs and versions that make a difference.

        Raises:
            BadInput: Where an image cannot be read any more.
        """
        digest = hashlib.blake2b(digest_size=16)
        made_by = [str(package_of(module)) for module in _MODULES]
        knobs = {name: getattr(self._knobs, name) for name in _KNOBS}
        digest.update(json.dumps([_VERSION, knobs, made_by]).encode())
        if self._knobs.cache_store == "disk":  # nobody else looks for an old one, and reading all pages takes time
            for page in self._pages:
                try:
                    digest.update(hashlib.blake2b(page.read_bytes()).digest())
                except OSError as error:
                    raise unreadable(page, error) from None
                digest.update(json.dumps([page.width, page.height, page.exif_orientation]).encode())
                for word in page.words:
                    digest.update(word.polygon.tobytes() + bytes([word.ignore, len(word.polygon) % 256]))
        return digest.hexdigest()

    def make(self, number: int, makers: threading.local) -> Mapping[str, Array]:
        """A page's arrays by field.

        Args:
            number: The page.
            makers: Where this thread keeps its page maker.

        Raises:
            BadInput: Where the image cannot be read.
        """
        if not hasattr(makers, "maker"):
            makers.maker = PageMaker(self._knobs)
        maker: PageMaker = makers.maker
        page = self._pages[number]
        data = maker.read(page)
        kind = self._knobs.cache
        made: dict[str, Array] = {}
        if kind == "encoded":
            made["data"] = np.frombuffer(data, np.uint8)
        if kind in ("none", "encoded") and self._knobs.targets != "cached":
            return made
        image, points = maker.decode(page, data)
        if kind == "decoded":
            made["image"] = image
        if kind == "decoded" and self._knobs.targets != "cached":
            return made
        prepared = maker.chain.prepare(image, points)
        placed = maker.placed(page, prepared.points)
        if kind in ("prepared", "tensor"):
            made["image"] = prepared.image
            made["points"] = prepared.points
            made["matrix"] = placed.matrix
            made["dropped"] = np.array(placed.dropped_words, np.int64)
        if kind == "tensor":
            made["image"] = np.ascontiguousarray(maker.chain.finish(prepared.image).numpy())
        if self._knobs.targets == "cached":
            targets = maker.targets(placed)
            assert isinstance(targets, PackedTargets)
            made["targets"] = np.stack([targets.levels, targets.flags])
        return made

    @staticmethod
    def targets(kept: Mapping[str, Array]) -> PackedTargets | None:
        """The targets among a page's arrays, if they are."""
        return PackedTargets(*kept["targets"]) if "targets" in kept else None

    def _fields(self) -> list[Field]:
        pages, side, kind = self._pages, self._knobs.image_size, self._knobs.cache
        fields = []
        if kind == "encoded":
            fields.append(Field("data", np.uint8, tuple((page.num_bytes,) for page in pages)))
        if kind == "decoded":
            fields.append(Field("image", np.uint8, tuple((*self._decoded_size(page), 3) for page in pages)))
        if kind == "prepared":
            fields.append(Field("image", np.uint8, ((side, side, 3),) * len(pages)))
        if kind == "tensor":
            fields.append(Field("image", np.float32, ((3, side, side),) * len(pages)))
        if kind in ("prepared", "tensor"):
            counts = [4 + sum(len(word.polygon) for word in page.words) for page in pages]
            fields.append(Field("points", np.float32, tuple((count, 2) for count in counts)))
            fields.append(Field("matrix", np.float64, ((3, 3),) * len(pages)))
            fields.append(Field("dropped", np.int64, ((),) * len(pages)))
        if self._knobs.targets == "cached":
            fields.append(Field("targets", np.uint8, ((2, side, side),) * len(pages)))
        return fields

    def _decoded_size(self, page: Page) -> tuple[int, int]:
        divisor = 1
        if self._knobs.scaled_decode and page.is_jpeg:
            divisor = largest_denominator(page.width, page.height, self._knobs.image_size)
        return -(-page.height // divisor), -(-page.width // divisor)
