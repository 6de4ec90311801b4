"""Ways in which a file is damaged: each byte range cut off, zeroed or turned; the whole file replaced or locked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

#: Does it to a file.
Damage = Callable[[Path], None]

#: Bytes of a damaged range, or a third of a smaller file.
_RANGE_BYTES = 64

#: Where the range lies: the share of what is before it.
_PLACES: Mapping[str, float] = {"beginning": 0.0, "second quarter": 0.3, "middle": 0.5, "last quarter": 0.8, "end": 1.0}


def cut(path: Path, share: float) -> None:
    """Leave this share of a file's bytes; all but the last byte for a share of 1."""
    os.truncate(path, min(int(path.stat().st_size * share), path.stat().st_size - 1))


def zero(path: Path, share: float) -> None:
    """Zero a range; what lies before it is this share of the rest."""
    _change(path, share, lambda bytes_: bytes_ * 0)


def turn(path: Path, share: float) -> None:
    """Turn over every bit of a range."""
    _change(path, share, lambda bytes_: ~bytes_)


def turn_one_bit(path: Path, share: float) -> None:
    """Turn over one bit of one byte, as a worn disk or memory does."""
    data = np.fromfile(path, np.uint8)
    data[min(int(len(data) * share), len(data) - 1)] ^= 1
    data.tofile(path)


def scramble(path: Path) -> None:
    """Put random bytes in place of a file's own, as many."""
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def empty(path: Path) -> None:
    """Leave a file of no bytes."""
    path.write_bytes(b"")


def make_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def make_dangling(path: Path) -> None:
    """Put a link to nothing in its place."""
    path.unlink()
    path.symlink_to("gone")


def lock(path: Path) -> None:
    """Take everybody's leave to read it; root reads it all the same."""
    path.chmod(0)


def remove(path: Path) -> None:
    """Take it away, a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


#: By what is done, as a phase of a fault.
DAMAGES: Mapping[str, Damage] = {
    "empty": empty,
    "cut at a byte": lambda path: os.truncate(path, 1),
    "cut at a quarter": partial(cut, share=0.25),
    "cut at the middle": partial(cut, share=0.5),
    "cut before the last byte": partial(cut, share=1.0),
    **{f"zeros at the {place}": partial(zero, share=share) for place, share in _PLACES.items()},
    **{f"bits turned at the {place}": partial(turn, share=share) for place, share in _PLACES.items()},
    "one bit turned at a third": partial(turn_one_bit, share=0.33),
    "one bit turned at two thirds": partial(turn_one_bit, share=0.67),
    "random bytes": scramble,
    "a folder in its place": make_folder,
    "a dangling link in its place": make_dangling,
    **({"no leave to read": lock} if os.geteuid() else {}),  # root reads it all the same: there is no fault
}


def _change(path: Path, share: float, do: Callable[[np.ndarray[tuple[int], np.dtype[np.uint8]]], object]) -> None:
    data = np.fromfile(path, np.uint8)
    size = min(_RANGE_BYTES, max(len(data) // 3, 1))
    begin = int((len(data) - size) * share)
    data[begin : begin + size] = do(data[begin : begin + size])
    data.tofile(path)
