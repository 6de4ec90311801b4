"""Did every page arrive, once an epoch, under its own name?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.knobs.knob import Tolerance
from workbench.records import Check
from workbench.records.checks import names_of

Arrays = Mapping[str, npt.NDArray[Any]]

#: A thumbnail samples single pixels, of which those at edges differ most: how many times the mean tolerance of whole
#: pages their mean may be.
_THUMBNAIL_FACTOR = 4.0


def check_coverage(own: Arrays, other: Arrays, tolerance: Tolerance) -> Check | None:
    """Compare the thumbnails of all pages of a variant with the baseline's.

    Args:
        own: The variant's `samples.npz`.
        other: The baseline's, of the same data set.
        tolerance: How far whole pages may differ.

    Returns:
        None where one of the trials has left no thumbnails.
    """
    if "thumbnails" not in own or "thumbnails" not in other:
        return None
    names = own["all_names"].tolist()
    missing, repeated = _uneven(own["times_seen"])
    both = (own["times_seen"] > 0) & (other["times_seen"] > 0)
    wrong = _wrong(own, other, both, tolerance)
    swapped = [number for number in wrong if _is_another(own, other, number, both)]
    found = {
        "came less often than the others": missing,
        "came more often than the others": repeated,
        "are not what the baseline had": wrong,
        "hold the image of another page": swapped,
    }
    faults = [f"{len(pages)} {what}" for what, pages in found.items() if pages]
    worst = next((pages for pages in (swapped, wrong, missing, repeated) if pages), [])
    return Check(
        name="every page once, under its own name",
        status="different" if faults else "same",
        measured="; ".join(faults) or f"{int(both.sum())} pages",
        samples=names_of([names[number] for number in worst]),
    )


def _uneven(times_seen: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Pages that came too rarely, and too often: of whole epochs and a part, all counts are one of two neighbours."""
    fewest = int(times_seen.sum()) // max(len(times_seen), 1)
    return np.flatnonzero(times_seen < fewest).tolist(), np.flatnonzero(times_seen > fewest + 1).tolist()


def _wrong(own: Arrays, other: Arrays, both: npt.NDArray[np.bool_], tolerance: Tolerance) -> list[int]:
    """Pages whose image or map isn't the baseline's."""
    allowed = max(tolerance.mean * _THUMBNAIL_FACTOR, 1.0)
    differs = _thumbnail_difference(own["thumbnails"], other["thumbnails"]) > allowed
    if "map_thumbnails" in own and "map_thumbnails" in other:
        maps = np.abs(own["map_thumbnails"].astype(np.int16) - other["map_thumbnails"])
        differs |= maps.reshape(len(differs), -1).max(axis=1) > 1
    return np.flatnonzero(differs & both).tolist()


def _is_another(own: Arrays, other: Arrays, number: int, both: npt.NDArray[np.bool_]) -> bool:
    """Whether what arrived as a page is nearer to another page of the baseline's."""
    distances = _thumbnail_difference(own["thumbnails"][number][None], other["thumbnails"])
    distances[~both] = np.inf
    return int(np.argmin(distances)) != number


def _thumbnail_difference(own: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """float64 [N]: mean absolute difference of each page's pixels, in levels."""
    difference = np.abs(own.astype(np.int16) - other.astype(np.int16))
    return np.asarray(difference.reshape(len(difference), -1).mean(axis=1), np.float64)
