"""Keeps what the model was really given, so that two trials can be compared, whatever a sample is.

It gets batches as they arrive in the main process, behind data set, workers and transport: in the warm-up and after the
counted steps, for whoever touches a batch first pays for its memory. Of every sample it keeps a digest, of a few all
values. A workload that knows more about its samples keeps them by rules of its own (`workload.Checked`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.workload import Batch

Values = npt.NDArray[np.generic]


class SampleRecorder:
    """Records the samples of one trial.

    Args:
        num_samples: Samples in the data set.
        num_whole: The first few of them, which are kept whole.
    """

    def __init__(self, num_samples: int, num_whole: int) -> None:
        self._wanted = set(range(min(num_whole, num_samples)))
        self._seen = np.zeros(num_samples, np.int64)
        self._digests = np.zeros(num_samples, np.uint64)
        self._whole: dict[int, dict[str, Values]] = {}

    def record(self, batch: Batch, *, whole_only: bool = False) -> None:
        """Keep what arrived.

        Args:
            batch: As it arrived.
            whole_only: Keep those samples whole that are wanted and not kept yet, and no more.
        """
        if whole_only and self._wanted.isdisjoint(batch.samples):
            return
        parts = dict(_arrays(batch.data, len(batch.samples)))
        for place, number in enumerate(batch.samples):
            values = {name: array[place] for name, array in parts.items()}
            if not whole_only:
                self._seen[number] += 1
                self._digests[number] = _digest(values)
            if number in self._wanted:
                self._wanted.discard(number)
                self._whole[number] = {name: np.array(value) for name, value in values.items()}

    def recorded(self) -> dict[str, Values]:
        """What was kept, for `samples.npz`.

        Returns:
            Of all N samples: `times_seen` int64 [N] and `digests` uint64 [N]. Of the K kept whole: `numbers` int64 [K],
            and for each array in a batch `whole/NAME`, [K, ...] as it arrived.
        """
        numbers = sorted(self._whole)
        arrays: dict[str, Values] = {
            "times_seen": self._seen,
            "digests": self._digests,
            "numbers": np.array(numbers, np.int64),
        }
        names = set.intersection(*(set(self._whole[number]) for number in numbers)) if numbers else set()
        for name in sorted(names):
            values = [self._whole[number][name] for number in numbers]
            if len({(value.shape, value.dtype) for value in values}) == 1:
                arrays[f"whole/{name}"] = np.stack(values)
        return arrays


def _digest(values: Mapping[str, Values]) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for name, value in values.items():
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return int.from_bytes(digest.digest(), "little")


def _arrays(data: Any, count: int, name: str = "data") -> Iterator[tuple[str, Values]]:
    """Every array of a batch that has a row for each of its samples, with where it lies in the batch."""
    if isinstance(data, torch.Tensor):
        if data.ndim and len(data) == count:
            tensor = data.detach().cpu()
            yield name, (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    elif isinstance(data, np.ndarray):
        if data.ndim and len(data) == count and data.dtype != object:
            yield name, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _arrays(value, count, f"{name}.{key}")
    elif dataclasses.is_dataclass(data) and not isinstance(data, type):
        for field in dataclasses.fields(data):
            yield from _arrays(getattr(data, field.name), count, f"{name}.{field.name}")
    elif isinstance(data, list | tuple):
        for number, value in enumerate(data):
            yield from _arrays(value, count, f"{name}.{number}")
