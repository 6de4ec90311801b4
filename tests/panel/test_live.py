"""A run while it runs."""

from __future__ import annotations

import pytest

from workbench.measure.trial.events import Event
from workbench.panel.live import LiveView, stage_bars
from workbench.stages import Catalogue, Stage
from workbench.workloads.ocr.knobs import OcrKnobs


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def live(clock: Clock) -> LiveView:
    view = LiveView(clock)
    view.begin("cache=decoded <b>", OcrKnobs())
    return view


def text(view: LiveView) -> str:
    return "".join(getattr(child, "value", "") for child in view.widget.children if isinstance(child.value, str))


def test_phase_rate_and_time_left_are_shown(live: LiveView, clock: Clock) -> None:
    live.event(Event(phase="steady", done=0, total=40))
    clock.now += 5.0
    live.event(Event(phase="steady", done=10, total=40, samples_per_s=63.14))

    assert "cache=decoded &lt;b&gt;" in text(live)
    assert "10 of 40 steps, 15.0 s left" in text(live)
    assert "63.1 pages/s" in text(live)
    assert "<b>steady</b>" in text(live)


def test_no_more_than_five_pictures_a_second_and_always_the_last(live: LiveView, clock: Clock) -> None:
    live.event(Event(phase="steady", done=1, total=40, samples_per_s=1.0))
    clock.now += 0.1
    live.event(Event(phase="steady", done=2, total=40, samples_per_s=2.0))
    assert "1 of 40" in text(live)
    live.event(Event(phase="steady", done=40, total=40, samples_per_s=3.0))
    assert "40 of 40" in text(live)


def test_a_message_is_escaped(live: LiveView) -> None:
    live.event(Event(phase="imports", message="<script>"))
    assert "<script>" not in text(live)
    live.idle("it failed: <script>", bad=True)
    assert "<script>" not in text(live)
    assert "wb-bad" in text(live)


def test_bars_show_the_share_of_each_stage_with_waiting_first() -> None:
    events = [{"main": {"forward": 1.0, "wait": 2.0}}, {"main": {"wait": 1.0}}]

    bars = stage_bars(events, Catalogue())

    assert bars.index("wait: 75.0 %") < bars.index("forward: 25.0 %")
    assert "width:75.00%" in bars
    assert "loading" not in bars


def test_bars_escape_the_names_of_stages() -> None:
    assert "<script>" not in stage_bars([{"worker": {"<script>": 1.0}}], Catalogue())


def test_the_bar_never_keeps_what_an_earlier_run_reported(live: LiveView) -> None:
    live.event(Event(phase="steady", done=1, total=2, samples_per_s=5.0, stages={"main": {"wait": 1.0}}))
    live.begin("another")

    assert "5.00 pages/s" not in text(live)


def test_a_workloads_own_stages_wait_and_are_coloured_as_it_says() -> None:
    catalogue = Catalogue([Stage("queue", "main", "wait", colour="#123456"), Stage("clip", "main", "work")])

    bars = stage_bars([{"main": {"clip": 3.0, "queue": 1.0}}], catalogue)

    assert bars.index("queue: 25.0 %") < bars.index("clip: 75.0 %")
    assert "#123456" in bars


def test_samples_are_called_what_the_workload_calls_them(live: LiveView) -> None:
    live.event(Event(phase="cache", done=3, total=8))
    assert "3 of 8 pages" in text(live)

    live.begin("a comparison")
    live.event(Event(phase="warmup", done=1, total=2))
    assert "1 of 2 steps" in text(live)
