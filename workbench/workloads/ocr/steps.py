"""What a step of text detection is made of: normalization on the device, results in the background."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from workbench.workload import Pending
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.sample import Batch, PackedMaps

#: This many pieces of work may wait or run in the background; then the loop waits for the oldest, which bounds memory.
MAX_PENDING = 3


class BackgroundThread:
    """Does pieces of work one after the other in one thread; the thread is started with the first of them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[None]] = deque()

    def start(self, work: Callable[[], None]) -> None:
        """Give it a piece of work.

        Raises:
            Exception: What an earlier piece of work raised.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="results")
        self.make_room()
        self._pending.append(self._pool.submit(work))

    def make_room(self) -> None:
        """Wait until there is room for another piece of work.

        Raises:
            Exception: What an earlier piece of work raised.
        """
        while len(self._pending) >= MAX_PENDING:
            self._pending.popleft().result()

    def flush(self) -> None:
        """Wait until all of it is done.

        Raises:
            Exception: What a piece of work raised.
        """
        while self._pending:
            self._pending.popleft().result()


@dataclass(frozen=True)
class Submitted:
    """A batch that the device has accepted.

    Attributes:
        pending: Its shrink maps, [B, S, S]: float32 probabilities, or what stands for them on a replay device.
        matrices: float64 [B, 3, 3]: page pixels to input pixels.
        pages: Numbers of its pages.
        counted: Whether it counts, or is a warm-up.
        number: Number of the batch.
    """

    pending: Pending
    matrices: npt.NDArray[np.float64]
    pages: Sequence[int]
    counted: bool
    number: int


def placeholder_for(batch: Batch) -> torch.Tensor:
    """What a device without a model predicts, [B, S, S]: the targets; without any, no word.

    Packed maps stay as they are until they are read.
    """
    maps = batch.maps
    if maps is None:
        num_pages, side = len(batch), batch.images.shape[-1]
        return torch.zeros((side, side)).expand(num_pages, side, side)
    return maps.flags if isinstance(maps, PackedMaps) else maps.shrink_map


def normalized(images: torch.Tensor) -> torch.Tensor:
    """Images as the model takes them, float32 [B, 3, S, S]: levels uint8 are normalized on their device."""
    if images.dtype != torch.uint8:
        return images
    mean, std = _statistics(images.device)
    return images.to(torch.float32).sub_(mean).div_(std)


@cache
def _statistics(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation in levels, brought to the device once: a copy in every step would wait for it."""
    mean, std = (torch.tensor(values, device=device).mul(255.0).view(1, 3, 1, 1) for values in (MEAN, STD))
    return mean, std
