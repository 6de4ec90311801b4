"""Which samples make up which batch: numbered batches, of one process or of several ranks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from workbench.measure.timing.ranks import ALONE, Rank

#: Number of a batch, and the numbers of its samples.
BatchIndices = tuple[int, list[int]]


class IndexedBatchSampler(Sampler[BatchIndices]):
    """The batches of an epoch: in order, or shuffled anew in every epoch; numbered on from epoch to epoch.

    Ranks take turns over the samples. All have as many: where that leaves some over, the first ones are given twice, as
    torch's DistributedSampler does it.

    Attributes:
        repeats: By number of a batch: how many of its samples were given twice, and count for the other rank.

    Args:
        num_samples: Samples in an epoch.
        batch_size: Samples in a batch.
        shuffle: Whether they are shuffled.
        seed: Of the shuffling.
        endless: One epoch after the other, without an end.
        rank: Whose batches they are.
    """

    def __init__(
        self,
        *,
        num_samples: int,
        batch_size: int,
        shuffle: bool,
        seed: int,
        endless: bool = False,
        rank: Rank = ALONE,
    ) -> None:
        self.num_samples = num_samples
        self.repeats: dict[int, int] = {}
        self._rank = rank
        self._own_samples = -(-num_samples // rank.total)
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._generator = torch.Generator().manual_seed(seed)
        self._next_number = 0
        self._endless = endless

    def __len__(self) -> int:
        """Batches in an epoch, the last one possibly smaller."""
        return -(-self._own_samples // self._batch_size)

    def __iter__(self) -> Iterator[BatchIndices]:
        """The batches of the next epoch, or of all that are to come."""
        while True:
            yield from self._epoch()
            if not self._endless:
                return

    def _epoch(self) -> Iterator[BatchIndices]:
        samples = list(range(self.num_samples))
        if self._shuffle:
            samples = [int(number) for number in torch.randperm(self.num_samples, generator=self._generator)]
        rank = self._rank
        places = [place * rank.total + rank.number for place in range(self._own_samples)]
        for begin in range(0, self._own_samples, self._batch_size):
            own = places[begin : begin + self._batch_size]
            if repeated := sum(place >= self.num_samples for place in own):
                self.repeats[self._next_number] = repeated
            self._next_number += 1
            yield self._next_number - 1, [samples[place % self.num_samples] for place in own]
