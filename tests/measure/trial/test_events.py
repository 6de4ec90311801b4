"""Events survive the pipe; any other line is passed over."""

from __future__ import annotations

import io
import json

import pytest

from workbench.measure.trial.events import Event, EventWriter, parse_event


def test_an_event_is_read_as_it_was_written():
    stream = io.StringIO()
    event = Event(phase="steady", done=3, total=9, samples_per_s=12.5)
    EventWriter(stream)(event)
    assert parse_event(stream.getvalue()) == event


def test_an_event_carries_the_times_of_the_stages():
    event = Event(phase="steady", done=1, total=2, stages={"main": {"wait": 0.5}})
    assert parse_event(event.model_dump_json(exclude_defaults=True)) == event
    assert "stages" not in json.loads(Event(phase="steady").model_dump_json(exclude_defaults=True))


@pytest.mark.parametrize("line", ["", "some library says hello", '{"phase": "stea', '["steady"]', "5"])
def test_any_other_line_is_passed_over(line):
    assert parse_event(line) is None
