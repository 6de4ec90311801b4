"""The clock of every measurement.

On Linux `time.perf_counter_ns` reads CLOCK_MONOTONIC, which all processes of a machine share: spans of loader workers
and of the main process lie on one axis without any alignment.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Reads the time in nanoseconds. Clocks are handed in, so that a test can use one of its own.
Clock = Callable[[], int]

monotonic_ns: Clock = time.perf_counter_ns
