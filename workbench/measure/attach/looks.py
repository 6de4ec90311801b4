"""The samples that the observer has looked at, as the arrays of `samples.npz`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.records.run_folder import SAMPLES, writing

Values = npt.NDArray[np.generic]


def keep_looks(folder: Path, run_folder: Path) -> None:
    """Write `samples.npz`, where the observer has looked at samples.

    Args:
        folder: The observer's.
        run_folder: That of the trial.
    """
    arrays = read_looks(folder)
    if arrays:
        path = run_folder / SAMPLES
        with writing(path, partial=True):
            np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def read_looks(folder: Path) -> dict[str, Values]:
    """What was looked at.

    Returns:
        Of the K samples: `numbers` int64 [K], `digests` uint64 [K], `is_random` bool [K], and for each array with a row
        for each of them `whole/NAME` [K, ...]; `num_samples` int64 [], -1 where an iterable data set does not say it.
        Empty where nothing was looked at.
    """
    index = folder / "look.json"
    if not index.is_file():
        return {}
    told = json.loads(index.read_text(encoding="utf-8"))
    content = np.fromfile(folder / "look.bin", np.uint8) if told["arrays"] else np.zeros(0, np.uint8)
    arrays: dict[str, Values] = {}
    for entry in told["arrays"]:
        kind = np.dtype("uint16" if entry["dtype"] == "bfloat16" else entry["dtype"])
        size = int(np.prod(entry["shape"], dtype=np.int64)) * kind.itemsize
        part = content[entry["at"] : entry["at"] + size]
        arrays[f"whole/{entry['name']}"] = part.view(kind).reshape(entry["shape"])
    numbers = told["numbers"]
    return {
        **arrays,
        "numbers": np.array(numbers, np.int64),
        "digests": np.array([_digest(arrays, row) for row in range(len(numbers))], np.uint64),
        "is_random": np.isin(numbers, told["random"]),
        "num_samples": np.array(told["num_samples"], np.int64),
    }


def _digest(arrays: dict[str, Values], row: int) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for name, values in arrays.items():
        first = name.removeprefix("whole/").partition(".")[0]
        if first in ("batch", f"sample-{row}"):
            own = values[row if first == "batch" else 0]
            digest.update(f"{name} {values.dtype} {values.shape[1:]}".encode())
            digest.update(np.ascontiguousarray(own).tobytes())
    return int.from_bytes(digest.digest(), "little")
