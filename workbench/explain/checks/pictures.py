"""Pictures of what both models were given, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.explain.checks.runs import read_samples
from workbench.explain.checks.samples import LEVELS, differences, whole_pairs
from workbench.records import Record
from workbench.workload import Arrays

#: An array with fewer rows or columns is not taken for an image.
_LEAST_SIDE_PX = 8


@dataclass(frozen=True)
class SamplePair:
    """A sample of two trials, to be looked at.

    Attributes:
        name: The sample.
        baseline: uint8 [H, W, 3], RGB: what the baseline's model was given.
        variant: uint8 [H, W, 3], RGB: what the variant's was.
        difference: float32 [H, W]: largest difference of the channels, in 8-bit levels.
    """

    name: str
    baseline: npt.NDArray[np.uint8]
    variant: npt.NDArray[np.uint8]
    difference: npt.NDArray[np.float32]


def sample_pictures(runs: Path, baseline: Record, variant: Record, count: int = 2) -> list[SamplePair]:
    """Pictures of samples that both trials have kept whole; those that differ most come first.

    Args:
        runs: Folder of their run folders.
        baseline: The record of the baseline's trial.
        variant: Likewise.
        count: As many at most.

    Returns:
        None where nothing was kept, or nothing that looks like an image.
    """
    own, other = (read_samples(runs / record.run_id) for record in (variant, baseline))
    if own is None or other is None:
        return []
    pairs = list(_named_images(own, other)) or list(_whole_images(own, other))
    return sorted(pairs, key=lambda pair: -float(pair.difference.max()))[:count]


def _named_images(own: Arrays, other: Arrays) -> Iterator[SamplePair]:
    """Of arrays that a workload has made for this: `images` [K, H, W, 3], levels 0..255, with `names`."""
    parts = ("images", "names")
    if not all(part in arrays for arrays in (own, other) for part in parts):
        return
    mine, theirs = (dict(zip(arrays["names"].tolist(), arrays["images"], strict=True)) for arrays in (own, other))
    for name in theirs:
        if name in mine and mine[name].shape == theirs[name].shape:
            yield _picture(str(name), mine[name], theirs[name], (0.0, LEVELS))


def _whole_images(own: Arrays, other: Arrays) -> Iterator[SamplePair]:
    """Of the first array in a batch that looks like images."""
    for pair in whole_pairs(own, other):
        if pair.own.shape != pair.other.shape or not looks_like_images(pair.other):
            continue
        for row, number in enumerate(pair.numbers):
            mine, theirs = (_channels_last(values[row]) for values in (pair.own, pair.other))
            yield _picture(str(number), mine, theirs, pair.range)
        return


def looks_like_images(values: npt.NDArray[Any]) -> bool:
    """Whether an array [K, ...] holds an image for each sample: [H, W], [C, H, W] or [H, W, C] with 1 or 3 channels."""
    if values.dtype.kind not in "uif" or values.ndim not in (3, 4):
        return False
    shape = values.shape[1:]
    sides = [shape] if len(shape) == 2 else []
    if len(shape) == 3:
        sides += [shape[1:]] if shape[0] in (1, 3) else []
        sides += [shape[:2]] if shape[2] in (1, 3) else []
    return any(min(pair) >= _LEAST_SIDE_PX for pair in sides)


def _channels_last(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[H, W, 3] of an image [H, W], [C, H, W] or [H, W, C]."""
    if image.ndim == 2:
        image = image[..., np.newaxis]
    elif image.shape[2] not in (1, 3):
        image = image.transpose(1, 2, 0)
    return np.broadcast_to(image, (*image.shape[:2], 3))


def _picture(name: str, own: npt.NDArray[Any], other: npt.NDArray[Any], levels: tuple[float, float]) -> SamplePair:
    low, high = levels
    scale = LEVELS / (high - low) if high > low else 0.0

    def pixels(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        finite = np.nan_to_num(image.astype(np.float32), nan=low, posinf=high, neginf=low)
        return np.clip(np.round((finite - low) * scale), 0, LEVELS).astype(np.uint8)

    difference = differences(own, other, levels).max(axis=2)
    return SamplePair(name, pixels(other), pixels(own), difference)
