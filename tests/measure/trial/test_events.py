"""Events survive the pipe; what is no event is passed over."""

from __future__ import annotations

import io

import pytest

from workbench.measure.trial.events import Event, EventWriter, parse_event


def test_an_event_comes_back():
    stream = io.StringIO()
    event = Event(phase="steady", done=3, total=9, samples_per_s=12.5)
    EventWriter(stream)(event)
    assert parse_event(stream.getvalue()) == event


@pytest.mark.parametrize("line", ["", "some library says hello", '{"phase": "stea', '["steady"]', "5"])
def test_what_is_no_event_is_passed_over(line):
    assert parse_event(line) is None
