"""Tracks keep spans whole, across processes, and say what found no room."""

from __future__ import annotations

import multiprocessing as mp

import pytest

from workbench.measure.timing.spans import NONE, Track


def _write(track: Track) -> None:
    track.add(track.number_of("decode"), 10, 25, page=3, batch=1)


def test_a_span_comes_back_as_it_was_written():
    track = Track(capacity=4)
    track.add(track.number_of("read"), 1, 2)
    track.add(track.number_of("decode"), 2, 9, page=7, batch=5)
    spans = track.read()
    assert spans.names == ("read", "decode")
    assert spans.stage.tolist() == [0, 1]
    assert spans.begin_ns.tolist() == [1, 2]
    assert spans.end_ns.tolist() == [2, 9]
    assert spans.page.tolist() == [NONE, 7]
    assert spans.batch.tolist() == [NONE, 5]


def test_a_full_track_drops_and_counts():
    track = Track(capacity=2)
    for begin in range(5):
        track.add(track.number_of("read"), begin, begin + 1)
    assert len(track.read().stage) == 2
    assert track.dropped == 3


def test_too_many_stages_are_refused():
    track = Track(capacity=2)
    for number in range(64):
        track.number_of(f"stage {number}")
    with pytest.raises(ValueError, match="more than 64 stages"):
        track.number_of("one more")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_writes_where_the_parent_reads(method):
    track = Track(capacity=4)
    child = mp.get_context(method).Process(target=_write, args=(track,))
    child.start()
    child.join()
    spans = track.read()
    assert spans.names == ("decode",)
    assert (spans.begin_ns.tolist(), spans.end_ns.tolist(), spans.page.tolist()) == ([10], [25], [3])
