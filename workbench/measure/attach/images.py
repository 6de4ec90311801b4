"""The kinds of image files that a script decodes, and what decoding takes of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from workbench.knobs.observed import DECODE
from workbench.measure.attach.lanes import worker_processes
from workbench.measure.attach.seen import Seen
from workbench.measure.attach.window import Loop
from workbench.measure.timing.spans import TrackSpans
from workbench.observer.rows import BATCHES_PER_ITERATOR
from workbench.records import ImageKind
from workbench.units import NS_PER_S


def image_kinds(seen: Seen, loop: Loop, tracks: Sequence[TrackSpans]) -> list[ImageKind]:
    """What the first samples of each process were made of, by kind; what decodes fastest by pixel comes first.

    Args:
        seen: What the observer has left.
        loop: The training loop.
        tracks: The spans of its lanes, warm-up included: it is the first samples that were looked at.
    """
    kinds: dict[tuple[int, int, int], set[str]] = defaultdict(set)
    pixels: dict[tuple[int, int, int], int] = defaultdict(int)
    own = {process.pid for processes in worker_processes(seen, loop).values() for process in processes}
    for process, fact in seen.of("image"):
        iterator = fact["batch"] // BATCHES_PER_ITERATOR
        if (process.pid in own or process.pid == loop.process.pid) and iterator in loop.iterators:
            visit = process.pid, fact["batch"], fact["sample"]
            kinds[visit].add(fact["kind"])
            pixels[visit] += fact["pixels"]
    looked_at = pd.DataFrame(
        {
            "sample": [visit[2] for visit in kinds],
            "kind": [" and ".join(sorted(kinds[visit])) for visit in kinds],
            "pixels": [pixels[visit] for visit in kinds],
        }
    ).drop_duplicates("sample")
    merged = looked_at.merge(_decoding(tracks), on="sample")
    found = [
        ImageKind(
            kind=str(kind),
            samples=int(rows["sample"].nunique()),
            pixels=float(rows["pixels"].mean()),
            decode_s=float(rows["decode_s"].mean()),
        )
        for kind, rows in merged.groupby("kind")
    ]
    return sorted(found, key=lambda each: each.decode_s / max(each.pixels, 1.0))


def _decoding(tracks: Sequence[TrackSpans]) -> pd.DataFrame:
    """A row for each time that a sample was made: `sample`, and `decode_s`, what decoding took."""
    parts = []
    for track in tracks:
        spans = track.spans
        if track.lane == "worker" and not track.background and DECODE.name in spans.names:
            own = (spans.stage == spans.names.index(DECODE.name)) & (spans.sample >= 0) & (spans.batch >= 0)
            took_s = (spans.end_ns - spans.begin_ns)[own] / NS_PER_S
            parts.append(pd.DataFrame({"batch": spans.batch[own], "sample": spans.sample[own], "decode_s": took_s}))
    if not parts:
        return pd.DataFrame({"sample": [], "decode_s": []})
    return pd.concat(parts).groupby(["batch", "sample"], as_index=False).agg(decode_s=("decode_s", "sum"))
