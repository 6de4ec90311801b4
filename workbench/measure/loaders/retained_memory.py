"""Whether memory that is freed goes back to the kernel, or is kept for the next sample.

The C library gives large blocks back as soon as they are free. The next page then gets fresh ones, which the kernel
clears and maps 4 KiB at a time: for images that takes about as long as copying them. (glibc, `mallopt(3)`.)
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: Blocks up to this size come from the heap, and so much of it stays free before any goes back.
_KEPT_BYTES = 1 << 30


def retain_freed_memory() -> bool:
    """From here on this process keeps what it frees. Gives whether the C library can be told so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
