"""Tracks keep spans whole, across processes, and say what found no room."""

from __future__ import annotations

import multiprocessing as mp

import pytest

from workbench.measure.timing.spans import NONE, Track, fitting_name
from workbench.observer import rows as rows_module

LONG = "augmentations.colour.RandomBrightnessContrastSaturationHueOfEveryChannelByItself/applied to the whole sample"


def _write(track: Track) -> None:
    track.add(track.number_of("decode"), 10, 25, sample=3, batch=1)


def test_a_span_is_read_as_it_was_written():
    track = Track(capacity=4)
    track.add(track.number_of("read"), 1, 2)
    track.add(track.number_of("decode"), 2, 9, sample=7, batch=5)
    spans = track.read()
    assert spans.names == ("read", "decode")
    assert spans.stage.tolist() == [0, 1]
    assert spans.begin_ns.tolist() == [1, 2]
    assert spans.end_ns.tolist() == [2, 9]
    assert spans.sample.tolist() == [NONE, 7]
    assert spans.batch.tolist() == [NONE, 5]
    assert track.read(1).begin_ns.tolist() == [2]


def test_a_full_track_drops_and_counts():
    track = Track(capacity=2)
    for begin in range(5):
        track.add(track.number_of("read"), begin, begin + 1)
    assert len(track.read().stage) == 2
    assert track.dropped == 3


def test_too_many_stages_are_refused():
    track = Track(capacity=2)
    for number in range(256):
        track.number_of(f"stage {number}")
    with pytest.raises(ValueError, match="more than 256 stages"):
        track.number_of("one more")


@pytest.mark.parametrize("name", [LONG, "단계" * 40, "x" * 97])
def test_a_long_name_is_cut_and_found_again(name):
    track = Track(capacity=2)
    assert [track.number_of(name) for _ in range(3)] == [0, 0, 0]
    assert track.stage_names() == (fitting_name(name),)
    assert len(fitting_name(name).encode()) <= 96


def test_a_name_that_fits_is_left_as_it_is():
    assert fitting_name("x" * 96) == "x" * 96
    assert fitting_name("단계" * 16) == "단계" * 16


def test_long_names_that_begin_alike_stay_two_stages():
    track = Track(capacity=2)
    assert [track.number_of(LONG + end) for end in ("/a", "/b", "/a")] == [0, 1, 0]


def test_planted_fault_a_name_that_is_just_cut_is_never_found_again(monkeypatch):
    """As it was: the name is looked for whole and kept cut, so every use is a new stage, until there is no room."""
    monkeypatch.setattr(rows_module, "fitting_name", _Cut)
    track = Track(capacity=2)
    assert [track.number_of(LONG) for _ in range(3)] != [0, 0, 0]
    with pytest.raises(ValueError, match="more than 256 stages"):
        for _ in range(260):
            track.number_of(LONG)


class _Cut(str):
    """A name that is cut where it is written, not where it is looked for."""

    __slots__ = ()

    def encode(self, *arguments: str) -> bytes:
        return str.encode(self, *arguments)[:96]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_writes_where_the_parent_reads(method):
    track = Track(capacity=4)
    child = mp.get_context(method).Process(target=_write, args=(track,))
    child.start()
    child.join()
    spans = track.read()
    assert spans.names == ("decode",)
    assert (spans.begin_ns.tolist(), spans.end_ns.tolist(), spans.sample.tolist()) == ([10], [25], [3])
