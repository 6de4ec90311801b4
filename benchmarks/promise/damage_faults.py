"""All faults of files that are damaged, of data that vanishes, and of kernels that are killed."""

from __future__ import annotations

from collections.abc import Iterator

from promise import changed_data, damaged_caches, damaged_records, killed_kernels
from promise.fault import Fault

#: Those whose damage needs no process of its own come first.
_ROOMS = (damaged_records, damaged_caches, changed_data, killed_kernels)


def _all_of_them() -> Iterator[Fault]:
    for room in _ROOMS:
        yield from room.FAULTS


FAULTS: tuple[Fault, ...] = tuple(_all_of_them())
