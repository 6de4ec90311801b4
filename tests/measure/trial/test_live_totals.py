"""What the stages have taken since somebody last asked."""

from __future__ import annotations

import json

import pytest

from workbench.measure.timing.channel import Channel
from workbench.measure.trial.events import Event, parse_event
from workbench.measure.trial.live_totals import LiveTotals


@pytest.fixture
def channel() -> Channel:
    return Channel.open(num_workers=2, spans_per_process=100)


def add(track, stage: str, begin_s: float, end_s: float) -> None:
    track.add(track.number_of(stage), int(begin_s * 1e9), int(end_s * 1e9))


def test_each_span_is_told_once_summed_over_the_lane(channel: Channel) -> None:
    totals = LiveTotals(channel)
    add(channel.workers[0], "decode", 0.0, 1.0)
    add(channel.workers[1], "decode", 0.0, 2.0)
    add(channel.main, "wait", 0.0, 0.5)
    add(channel.senders[0], "send", 0.0, 9.0)

    assert totals() == {"worker": {"decode": 3.0}, "main": {"wait": 0.5}}
    assert totals() == {}
    add(channel.workers[0], "Normalize", 1.0, 1.25)
    add(channel.workers[0], "decode", 1.25, 1.5)
    assert totals() == {"worker": {"Normalize": 0.25, "decode": 0.25}}


def test_an_event_carries_them_and_is_read_back(channel: Channel) -> None:
    event = Event(phase="steady", done=1, total=2, stages={"main": {"wait": 0.5}})

    assert parse_event(event.model_dump_json(exclude_defaults=True)) == event
    assert "stages" not in json.loads(Event(phase="steady").model_dump_json(exclude_defaults=True))
