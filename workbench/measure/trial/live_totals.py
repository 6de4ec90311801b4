"""What the stages have taken since somebody last asked, for whoever watches a trial. Each span is read once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from workbench.measure.timing.channel import Channel
from workbench.units import NS_PER_S


class LiveTotals:
    """Sums up the spans of the worker and main lanes as they are written.

    Args:
        channel: The tracks of the trial. What background threads do beside their lane is left out.
    """

    def __init__(self, channel: Channel) -> None:
        self._tracks = [(entry.lane, entry.track) for entry in channel.tracks() if not entry.background]
        self._read = [0] * len(self._tracks)

    def __call__(self) -> dict[str, dict[str, float]]:
        """Seconds by lane and stage since this was asked last, over all processes of the lane."""
        totals: dict[str, dict[str, float]] = {}
        for number, (lane, track) in enumerate(self._tracks):
            spans = track.read(self._read[number])
            self._read[number] += len(spans.stage)
            if not len(spans.stage):
                continue
            took_ns = np.bincount(spans.stage, weights=spans.end_ns - spans.begin_ns, minlength=len(spans.names))
            own = totals.setdefault(lane, defaultdict(float))
            for name, sum_ns in zip(spans.names, took_ns, strict=False):
                if sum_ns:
                    own[name] += round(float(sum_ns) / NS_PER_S, 6)
        return {lane: dict(own) for lane, own in totals.items()}
