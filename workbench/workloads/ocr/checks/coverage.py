"""Did every page arrive, once an epoch, under its own name?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.records import CoverageParity
from workbench.workloads.ocr.checks.tolerances import Tolerance

Arrays = Mapping[str, npt.NDArray[Any]]

#: A print samples single pixels, of which those at edges differ most: how many times the mean tolerance of whole pages
#: their mean may be.
_PRINT_FACTOR = 4.0

_SHOWN = 5


def compare_coverage(own: Arrays, other: Arrays, tolerance: Tolerance) -> CoverageParity | None:
    """Hold the prints of all pages of a variant against the baseline's.

    Args:
        own: The variant's `pages.npz`.
        other: The baseline's, of the same data set.
        tolerance: How far whole pages may differ.

    Returns:
        None where one of the runs has left no prints.
    """
    if "prints" not in own or "prints" not in other:
        return None
    names = own["all_names"].tolist()
    missing, repeated = _uneven(own["times_seen"])
    both = (own["times_seen"] > 0) & (other["times_seen"] > 0)
    wrong = _wrong(own, other, both, tolerance)
    exchanged = [number for number in wrong if _is_another(own, other, number, both)]
    bad = bool(missing or repeated or wrong)
    return CoverageParity(
        num_pages=int(both.sum()),
        missing=[names[number] for number in missing][:_SHOWN],
        repeated=[names[number] for number in repeated][:_SHOWN],
        wrong=[names[number] for number in wrong][:_SHOWN],
        exchanged=[names[number] for number in exchanged][:_SHOWN],
        num_wrong=len(wrong),
        status="different" if bad else "same",
    )


def _uneven(times_seen: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Pages that came too rarely, and too often: of whole epochs and a part, all counts are one of two neighbours."""
    fewest = int(times_seen.sum()) // max(len(times_seen), 1)
    return np.flatnonzero(times_seen < fewest).tolist(), np.flatnonzero(times_seen > fewest + 1).tolist()


def _wrong(own: Arrays, other: Arrays, both: npt.NDArray[np.bool_], tolerance: Tolerance) -> list[int]:
    """Pages whose image or map isn't the baseline's."""
    differs = _print_difference(own["prints"], other["prints"]) > max(tolerance.mean_levels * _PRINT_FACTOR, 1.0)
    if "map_prints" in own and "map_prints" in other:
        differs |= (
            np.abs(own["map_prints"].astype(np.int16) - other["map_prints"]).reshape(len(differs), -1).max(axis=1) > 1
        )
    return np.flatnonzero(differs & both).tolist()


def _is_another(own: Arrays, other: Arrays, number: int, both: npt.NDArray[np.bool_]) -> bool:
    """Whether what arrived as a page is nearer to another page of the baseline's."""
    distances = _print_difference(own["prints"][number][None], other["prints"])
    distances[~both] = np.inf
    return int(np.argmin(distances)) != number


def _print_difference(own: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """float64 [N]: mean absolute difference of each page's pixels, in levels."""
    difference = np.abs(own.astype(np.int16) - other.astype(np.int16))
    return np.asarray(difference.reshape(len(difference), -1).mean(axis=1), np.float64)
