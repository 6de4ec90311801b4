"""A fingerprint of a data set by which two copies of it on two machines are the same.

`Description.content` does not do for that: it holds the times of files, which a copy changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workbench.errors import BadInput
from workbench.knobs.knobs import Knobs

#: At most this many bytes are read of a data set, and of each of its files: seconds of work for a disk.
MOST_BYTES, MOST_FILE_BYTES = 256 << 20, 16 << 20


class Fingerprint(BaseModel):
    """What a data set is, by its files.

    Attributes:
        num_files: How many there are.
        num_bytes: Their size together.
        num_read: Of how many the content counts.
        digest: Of names, sizes and contents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_files: int
    num_bytes: int
    num_read: int
    digest: str


def fingerprint_of(files: Sequence[Path], *, most_bytes: int = MOST_BYTES) -> Fingerprint:
    """The fingerprint of files: their names relative to the folder that they have in common, sizes, and contents.

    Times and owners of the files don't count, nor does where the folder lies.

    What it can miss: of a data set larger than `most_bytes` only some files are read, spread evenly over the sorted
    list of names, and of each its first 16 MiB; a file that is not read and was changed without changing its size is
    not seen. Links count as what they lead to. Files that a workload reads beside these are not known here.

    Args:
        files: The files.
        most_bytes: So much is read at most.

    Raises:
        OSError: For a file that cannot be read.
    """
    root = os.path.commonpath([path.absolute().parent for path in files]) if files else "."
    named = sorted((os.path.relpath(path.absolute(), root), path) for path in files)
    sizes = [path.stat().st_size for _, path in named]
    digest = hashlib.sha256()
    for (name, _), size in zip(named, sizes, strict=True):
        digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    read = _spread(sizes, most_bytes)
    for number in read:
        digest.update(f"{number}\n".encode())
        with named[number][1].open("rb") as file:
            digest.update(file.read(MOST_FILE_BYTES))
    return Fingerprint(num_files=len(named), num_bytes=sum(sizes), num_read=len(read), digest=digest.hexdigest()[:16])


def data_of(variants: Sequence[Knobs]) -> dict[str, Fingerprint]:
    """The fingerprints of the data sets of variants, by the names of the folders; of an unknown one there is none.

    Raises:
        BadInput: For a folder that cannot be read.
        OSError: For a file that cannot be read.
    """
    found: dict[str, Fingerprint] = {}
    seen: list[list[Path]] = []
    for knobs in variants:
        files = knobs.data_files()
        name = str(getattr(knobs, "dataset", "") or knobs.workload)
        if (files or hasattr(knobs, "dataset")) and (files not in seen or name not in found):
            seen.append(files)
            found[name] = fingerprint_of(files)
    return found


def _spread(sizes: Sequence[int], most_bytes: int) -> list[int]:
    """Numbers of the files that are read: all of them, or an even choice that does not take too long."""
    cost = [min(size, MOST_FILE_BYTES) for size in sizes]
    step = 1
    while sum(cost[::step]) > most_bytes and step < len(cost):
        step *= 2
    return list(range(0, len(cost), step))


def unreadable(error: OSError | BadInput) -> str:
    """What is said of files that could not be read."""
    return str(error) if isinstance(error, BadInput) else f"{error.filename}: {error.strerror}"
