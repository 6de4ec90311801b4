"""A page maker for each process: workers don't share the state of random transforms."""

from __future__ import annotations

import cv2
import torch
from torch.utils.data import get_worker_info

from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.page_maker import PageMaker


class OwnMaker:
    """Gives the maker of the process in which it is called; pickled to a worker it leaves its own behind."""

    def __init__(self, knobs: OcrKnobs) -> None:
        self._knobs = knobs
        self._maker: PageMaker | None = None

    def __call__(self) -> PageMaker:
        """The maker, made on first use; in a loader worker with the worker's seed and threads."""
        if self._maker is None:
            worker = get_worker_info()
            self._maker = PageMaker(self._knobs, None if worker is None else worker.seed % 2**32)
            if worker is not None:
                _limit_threads(self._knobs.worker_threads)
        return self._maker

    def __getstate__(self) -> dict[str, object]:
        """Leave the maker behind."""
        return {**self.__dict__, "_maker": None}


def _limit_threads(count: int) -> None:
    """Threads that OpenCV and torch may use in this loader worker."""
    # To OpenCV 0 means none but the caller's own.
    cv2.setNumThreads(0 if count == 1 else count)
    torch.set_num_threads(count)
