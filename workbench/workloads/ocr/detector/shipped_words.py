"""What the shipped detector finds on an image, kept on disk: the same pages come back in every trial.

To import the detector and to run it on a few pages takes longer than most trials' counted steps. What it finds on an
image depends on nothing but the image's values, its weights, its code and the libraries that run it: all of that is in
the name of the file that holds the words.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import torch

from workbench.files import FOUND_WORDS, cache_dir
from workbench.workloads.ocr import targets
from workbench.workloads.ocr.detector.postprocess import find_words
from workbench.workloads.ocr.detector.weights_file import SHIPPED_NECK, shipped_detector, weights_path
from workbench.workloads.ocr.pages.words import Polygon

if TYPE_CHECKING:
    from workbench.workloads.ocr.detector.model import Detector

#: Letters of a name: enough that no two images share it.
_LETTERS = 32

#: Libraries that have a say in what is found.
_LIBRARIES = ("torch", "timm", "numpy", "pyclipper")


class ShippedWords:
    """Finds words with the shipped detector, on the CPU; loads it only for an image that it has not seen before.

    Args:
        folder: Where words are kept; None: in the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._root = folder or cache_dir() / FOUND_WORDS

    def on(self, images: Sequence[torch.Tensor]) -> list[list[Polygon]]:
        """The outlines of the words on each image, float32 [K, 2], x y in pixels.

        Args:
            images: float32 [1, 3, S, S] each, normalized.
        """
        paths = [self._folder / f"{_digest(image)[:_LETTERS]}.npz" for image in images]
        found = [_read(path) for path in paths]
        if None in found:
            with _one_at_a_time(self._folder):  # variants of a comparison come with the same pages at the same time
                found = [self._found(image, path) for image, path in zip(images, paths, strict=True)]
        return [words for words in found if words is not None]

    def _found(self, image: torch.Tensor, path: Path) -> list[Polygon]:
        kept = _read(path)
        if kept is not None:
            return kept
        with torch.inference_mode():
            probability = self._detector(image.contiguous()).shrink[0].numpy()
        words = [word.polygon.astype(np.float32) for word in find_words(probability)]
        with suppress(OSError):  # a disk that is full only costs time the next time
            _write(path, words)
        return words

    @cached_property
    def _detector(self) -> Detector:
        return shipped_detector()

    @cached_property
    def _folder(self) -> Path:
        """The folder of everything but the image that decides what is found."""
        digest = hashlib.sha256()
        for path in (*sorted(Path(__file__).parent.rglob("*.py")), Path(targets.__file__)):
            digest.update(path.read_bytes())
        digest.update(weights_path("shipped", SHIPPED_NECK).read_bytes())
        for name in _LIBRARIES:
            digest.update(f"{name} {version(name)}".encode())
        digest.update(f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}".encode())
        return self._root / digest.hexdigest()[:_LETTERS]


def _digest(image: torch.Tensor) -> str:
    """Of an image's values."""
    digest = hashlib.sha256(f"{tuple(image.shape)} {image.dtype}".encode())
    digest.update(image.contiguous().numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Among processes; where the folder cannot be written to, everybody at once."""
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((folder / "lock").open("w")), fcntl.LOCK_EX)
        yield


def _read(path: Path) -> list[Polygon] | None:
    """The words of a file; None where it isn't there, or is of no use."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            points, lengths = kept["points"], kept["lengths"]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error):
        return None
    return np.split(points, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _write(path: Path, words: list[Polygon]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            points=np.concatenate([np.empty((0, 2), np.float32), *words]),
            lengths=np.array([len(word) for word in words], np.int64),
        )
    partial.replace(path)
