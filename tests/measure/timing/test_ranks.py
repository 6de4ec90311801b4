"""Who waits for whom: by hand on a few backward passes."""

from __future__ import annotations

import numpy as np

from workbench.measure.timing.ranks import with_waits
from workbench.measure.timing.spans import NONE, Spans, TrackSpans


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def track() -> TrackSpans:
    """A forward pass and a backward pass, twice; the last backward pass exchanges nothing."""
    begin, end = column(0, 10, 50, 60, 100), column(10, 50, 60, 100, 120)
    batch = column(0, 0, 1, 1, 2)
    spans = Spans(("forward", "backward"), column(0, 1, 0, 1, 1), begin, end, np.full(5, NONE), batch)
    return TrackSpans("main", 0, False, "measured", spans)


def segments(of: TrackSpans) -> list[tuple[str, int, int, int]]:
    spans = of.spans
    rows = zip(spans.stage, spans.begin_ns, spans.end_ns, spans.batch, strict=True)
    return sorted((int(b), int(e), spans.names[s], int(n)) for s, b, e, n in rows)


#: When each of two ranks has its gradients, in two steps: first rank 0 waits for rank 1, then rank 1 for rank 0.
READY = np.array([[30, 45], [90, 70]], np.int64)


def test_backward_is_told_apart_from_waiting_and_exchanging():
    assert segments(with_waits(track(), READY, 0)) == [
        (0, 10, "forward", 0),
        (10, 30, "backward", 0),
        (30, 45, "rank wait", 0),
        (45, 50, "exchange", 0),
        (50, 60, "forward", 1),
        (60, 90, "backward", 1),
        (90, 90, "rank wait", 1),  # the slowest waits for nobody
        (90, 100, "exchange", 1),
        (100, 120, "backward", 2),
    ]


def test_nothing_is_lost():
    before, after = track().spans, with_waits(track(), READY, 1).spans
    assert (after.end_ns - after.begin_ns).sum() == (before.end_ns - before.begin_ns).sum()


def test_waiting_ends_where_the_backward_pass_does():
    """A clock of another machine may be off: no part is longer than the whole."""
    late = READY + np.array([0, 1_000])
    assert all(end <= 120 for _, end, _, _ in segments(with_waits(track(), late, 0)))


def test_where_nothing_was_exchanged_nothing_changes():
    assert segments(with_waits(track(), np.zeros((0, 2), np.int64), 0)) == segments(track())
