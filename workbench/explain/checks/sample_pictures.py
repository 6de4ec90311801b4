"""Samples that two trials have kept, as pictures side by side, whatever workload kept them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.records.run_folder import SAMPLES

Arrays = Mapping[str, npt.NDArray[Any]]

#: A workload that keeps pictures by itself calls them so: levels 0..255, [K, H, W, 3] RGB, and their names, str [K].
_IMAGES, _NAMES = "images", "names"

#: What is kept of the samples of any other workload (`measure.trial.sample_recorder`): every array of its batches.
_WHOLE, _NUMBERS = "whole/", "numbers"

_LEVELS = 255.0


@dataclass(frozen=True)
class SamplePair:
    """A sample as the models of two trials received it.

    Attributes:
        name: Its name.
        baseline: uint8 [H, W, 3], RGB.
        variant: Likewise.
        difference: float32 [H, W], in 8-bit levels: of the three channels the largest.
    """

    name: str
    baseline: npt.NDArray[np.uint8]
    variant: npt.NDArray[np.uint8]
    difference: npt.NDArray[np.float32]


def sample_pairs(baseline: Path, variant: Path, count: int = 2) -> list[SamplePair]:
    """Samples that both trials have kept and that can be shown; those that differ most come first.

    Args:
        baseline: Run folder.
        variant: Likewise.
        count: As many at most.
    """
    own, theirs = _pictures(_read(variant)), _pictures(_read(baseline))
    shared = [name for name in own if name in theirs and own[name].shape == theirs[name].shape]
    if not shared:
        return []
    # Values of no known range are shown as they lie between the least and the largest of both trials.
    values = np.stack([picture for name in shared for picture in (theirs[name], own[name])])
    low, high = (0.0, _LEVELS) if _are_levels(values) else (float(np.nanmin(values)), float(np.nanmax(values)))
    scale = _LEVELS / (high - low) if high > low else 1.0
    pairs = []
    for name in shared:
        mine, other = (own[name] - low) * scale, (theirs[name] - low) * scale
        difference = np.nan_to_num(np.abs(mine - other), nan=_LEVELS).max(axis=2)
        pairs.append(SamplePair(name, _pixels(other), _pixels(mine), difference.astype(np.float32)))
    return sorted(pairs, key=lambda pair: -float(pair.difference.max()))[:count]


def _read(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a run folder that can be pictures, with the names of the samples."""
    path = folder / SAMPLES
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as file:
        wanted = [name for name in file.files if name in (_IMAGES, _NAMES, _NUMBERS) or name.startswith(_WHOLE)]
        return {name: file[name] for name in wanted}


def _pictures(arrays: Arrays) -> dict[str, npt.NDArray[np.float32]]:
    """By the sample's name: its picture, float32 [H, W, 3]; empty where no array looks like one."""
    if _IMAGES in arrays and _NAMES in arrays:
        names, found = [str(name) for name in arrays[_NAMES]], arrays[_IMAGES]
    else:
        names = [str(number) for number in arrays.get(_NUMBERS, ())]
        candidates = (_as_images(array) for name, array in arrays.items() if name.startswith(_WHOLE))
        images = next((array for array in candidates if array is not None), None)
        if images is None:
            return {}
        found = images
    return {name: np.asarray(picture, np.float32) for name, picture in zip(names, found, strict=True)}


def _as_images(array: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """[K, H, W, 3] of an array that can be images, of one channel or of three, which come first or last."""
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or array.dtype.kind not in "uif":
        return None
    return np.repeat(array, 3, axis=3) if array.shape[3] == 1 else array


def _are_levels(values: npt.NDArray[np.float32]) -> bool:
    """Whether values are 8-bit levels, with what arithmetic adds at both ends."""
    least, largest = float(np.nanmin(values)), float(np.nanmax(values))
    return -1.0 <= least and 2.0 < largest <= _LEVELS + 1.0


def _pixels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(np.nan_to_num(values)), 0, 255).astype(np.uint8)
