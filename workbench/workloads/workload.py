"""What the engine measures: a data set, how its samples become a batch, a model, one step, and the quality of it all.

The engine (timing, loaders, devices, profilers, trial) knows no more than this; `workloads/ocr.py` is the worked
example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from workbench.devices.device import Device
from workbench.records import PageCounts, Quality
from workbench.timing.stages import Timed


class Workload(Protocol):
    """One workload with one set of knobs.

    The engine calls, in this order: `open`, `fill_cache`, `build`, then `step` for every batch that its loader makes of
    `dataset` and `collate`, and at the end `quality`, `page_counts` and `parity_sample`.
    """

    def open(self) -> None:
        """Read what the data set says of itself.

        Raises:
            BadInput: With everything that is wrong with it.
        """

    @property
    def dataset(self) -> Dataset[Any]:
        """The map-style data set; its stages are timed with `timing.stages.stage`."""

    @property
    def collate(self) -> Callable[[list[Any]], Any]:
        """Samples to a batch. A batch has a length: its pages."""

    def fill_cache(self, on_page: Callable[[int, int], None]) -> int | None:
        """Fill the cache that the knobs ask for; told the pages done and all pages.

        Returns:
            Bytes of pages in the cache, one copy; None without a cache.
        """

    def build(self, device: Device) -> None:
        """Build the model and bring it to the device."""

    def step(self, batch: Any, number: int, pages: list[int], timed: Callable[[str], Timed], *, counted: bool) -> None:
        """Do one step in the main process.

        Args:
            batch: What the collate function made, on the host.
            number: Number of the batch.
            pages: Numbers of its pages.
            timed: ``with timed("forward"): ...`` times a stage of the main lane.
            counted: Whether the step counts, or is a warm-up.
        """

    def quality(self) -> Quality | None:
        """Quality over the counted steps, every page once; None where the workload has none."""

    def page_counts(self) -> PageCounts:
        """What the pages were like."""

    def parity_sample(self, num_pages: int) -> Mapping[str, npt.NDArray[np.generic]] | None:
        """The first pages as the model receives them, to hold two variants side by side (`pages.npz`).

        Returns:
            `names` str [N]; `images` float16 [N, S, S, 3], RGB, levels 0..255; and for OCR `shrink_map` and
            `threshold_map`, float16 [N, S, S], levels 0..255. None where pages are random.
        """
