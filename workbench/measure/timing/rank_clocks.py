"""The clocks of several ranks: on one machine they are one clock; between machines each goes its own way.

Ranks on other machines than rank 0 ask it for the time, many times before the counted steps and many times after them.
Of each time the answer with the shortest round trip tells the most: it was given half-way, up to half the round trip.
In between the offset is taken to change evenly (Becker, Rabenseifner and Wolf 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist

from workbench.measure.timing.spans import Clock, monotonic_ns

Nanoseconds = npt.NDArray[np.int64]

#: Answers that a rank asks for each time.
_PINGS = 64

#: Names the clock that all processes of a machine read.
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Ping(NamedTuple):
    """One answer, in nanoseconds.

    Attributes:
        sent: When it was asked for, on the asking rank's clock.
        answered: When it was given, on rank 0's.
        received: When it was there, on the asking rank's.
    """

    sent: int
    answered: int
    received: int


@dataclass(frozen=True)
class Offset:
    """How far rank 0's clock is ahead of a rank's at one time, in nanoseconds.

    Attributes:
        at_ns: When, on the rank's clock.
        ahead_ns: By how much.
        bound_ns: It is no further off than this.
    """

    at_ns: int
    ahead_ns: int
    bound_ns: int


def offset_of(pings: Sequence[Ping]) -> Offset:
    """The offset, of the answer with the shortest round trip."""
    best = min(pings, key=lambda ping: ping.received - ping.sent)
    half = (best.received - best.sent) / 2
    middle = best.sent + half
    return Offset(round(middle), round(best.answered - middle), round(half))


@dataclass(frozen=True)
class RankClock:
    """A rank's clock beside rank 0's.

    Attributes:
        offsets: Before and after the counted steps; none where both are the same clock.
    """

    offsets: tuple[Offset, ...] = ()

    def on_rank_0(self, times_ns: Nanoseconds) -> Nanoseconds:
        """The same times on rank 0's clock, int64 [N]."""
        if not self.offsets:
            return times_ns
        first, last = self.offsets[0], self.offsets[-1]
        drift = (last.ahead_ns - first.ahead_ns) / max(last.at_ns - first.at_ns, 1)
        ahead: Nanoseconds = np.rint(first.ahead_ns + (times_ns - first.at_ns) * drift).astype(np.int64)
        return times_ns + ahead

    @property
    def bound_ns(self) -> int:
        """A time on rank 0's clock is no further off than this: shorter spans are not told apart between ranks."""
        return max((offset.bound_ns for offset in self.offsets), default=0)


def offset_here(clock: Clock = monotonic_ns) -> Offset | None:
    """How far rank 0's clock is ahead of this process's; None where they are one. To be called by all ranks."""
    boots: list[str | None] = [None] * dist.get_world_size()
    dist.all_gather_object(boots, _boot())
    number = dist.get_rank()
    for asking in [rank for rank, boot in enumerate(boots) if boot != boots[0]]:
        if number == 0:
            answer(asking, clock)
        elif number == asking:
            return ask(clock)
    return None


def ask(clock: Clock) -> Offset:
    """Ask rank 0, which answers meanwhile, for its time."""
    pings = []
    for _ in range(_PINGS):
        answer = torch.zeros(1, dtype=torch.int64)
        sent = clock()
        dist.send(answer, 0)
        dist.recv(answer, 0)
        pings.append(Ping(sent, int(answer.item()), clock()))
    return offset_of(pings)


def answer(asking: int, clock: Clock) -> None:
    """Tell a rank, which asks meanwhile, the time."""
    for _ in range(_PINGS):
        message = torch.zeros(1, dtype=torch.int64)
        dist.recv(message, asking)
        message[0] = clock()
        dist.send(message, asking)


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.is_file() else ""
