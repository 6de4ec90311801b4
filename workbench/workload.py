"""What the engine measures: a data set, how its samples become a batch, a model, one step, and the quality of it all.

The engine (timing, loaders, devices, profilers, trial) knows no more than this; `workloads/ocr.py` is the worked
example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from workbench.measure.devices.device import Device
from workbench.measure.loaders.source import Source
from workbench.measure.timing.stages import Timed
from workbench.records import PageCounts, Quality


@dataclass(frozen=True)
class Timers:
    """What times the stages of a step: ``with timers.main("forward"): ...``.

    Attributes:
        main: For the thread that runs the loop.
        background: For one helper thread of the workload's, whose work overlaps with the loop; it is given the number of
            the batch that it works on.
    """

    main: Callable[[str], Timed]
    background: Callable[[str, int], Timed]


@dataclass(frozen=True)
class CacheState:
    """A cache.

    Attributes:
        num_bytes: Bytes of pages in it, one copy.
        readings: Pages taken from it so far, by all processes.
        was_filled: Whether it was found filled by an earlier run.
    """

    num_bytes: int
    readings: int
    was_filled: bool


class Workload(Source, Protocol):
    """One workload with one set of knobs.

    The engine calls, in this order: `open`, `fill_cache`, `build`, then `step` for every batch that its loader makes of
    what the `Source` gives, with `flush` where the counted steps begin and end, and at the end `cache_state`,
    `quality`, `page_counts` and `parity_sample`.
    """

    def open(self) -> None:
        """Read what the data set says of itself.

        Raises:
            BadInput: With everything that is wrong with it.
        """

    def fill_cache(self, on_page: Callable[[int, int], None]) -> None:
        """Fill the cache that the knobs ask for, if they do; told the pages done and all pages."""

    def cache_state(self) -> CacheState | None:
        """What the cache holds and how often it was read so far; None without a cache."""

    def build(self, device: Device) -> None:
        """Build the model and bring it to the device."""

    def step(self, batch: Any, number: int, pages: list[int], timers: Timers, *, counted: bool) -> None:
        """Do one step in the main process.

        Args:
            batch: What the collate function made, on the host.
            number: Number of the batch.
            pages: Numbers of its pages.
            timers: Time the stages of the step.
            counted: Whether the step counts, or is a warm-up.
        """

    def look(self, batch: Any, pages: list[int]) -> None:
        """Remember what arrived, for `parity_sample`. Called outside of what is measured, after the counted steps."""

    def flush(self) -> None:
        """Wait for what earlier steps have left running beside the loop."""

    def quality(self) -> Quality | None:
        """Quality over the counted steps, every page once; None where the workload has none."""

    def page_counts(self) -> PageCounts:
        """What the pages were like."""

    def parity_sample(self, num_pages: int) -> Mapping[str, npt.NDArray[np.generic]] | None:
        """What the model was given in this trial, to hold two variants side by side (`pages.npz`).

        Args:
            num_pages: How many pages were to be kept whole; 0 keeps prints only.

        Returns:
            Of all N pages of the data set: `all_names` str [N], `times_seen` int64 [N], and prints, some pixels of what
            arrived under that name: `prints` uint8 [N, 3, h, w] and for OCR `map_prints` uint8 [N, h, w]. Of the K kept
            ones: `names` str [K]; `images` float16 [K, S, S, 3], RGB, levels 0..255; for OCR `shrink_map` and
            `threshold_map`, float16 [K, S, S], levels 0..255; and the outlines of what a detector found on them, in
            pixels of the image: `detected_points` float32 [P, 2], `detected_lengths` and `detected_on` int64 [D].
            None where pages are random.
        """
