"""The measured loop with real loader workers: its stages explain its time, and nothing is counted twice or lost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from toy import Toy, toy_knobs

from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.devices.device import NoDevice
from workbench.measure.devices.replay import ReplayDevice
from workbench.measure.loaders.indexed_batch import IndexedBatch, become_receiver
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import TrackSpans, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.measure.trial.loop import Loop, LoopTimes
from workbench.measure.trial.pace import LEAST_STEPS, Deadline
from workbench.measure.trial.stage_stats import collect, lane_stats, stage_stats

pytestmark = pytest.mark.real


@dataclass
class Ran:
    """A loop that has run.

    Attributes:
        warmed: Samples that were handed to `on_warm_up`.
        passed: Samples that were passed on after the counted steps.
    """

    workload: Toy
    times: LoopTimes
    tracks: list[TrackSpans]
    events: list[Event]
    warmed: list[int]
    passed: list[int]

    def share(self, name: str) -> float:
        """The attributed share of a lane."""
        lanes = {lane.lane: lane for lane in lane_stats(self.tracks, self.times.begin_ns, self.times.end_ns)}
        share = lanes[name].attributed_share
        assert share is not None
        return share

    def counted_twice_ns(self) -> int:
        """Time that two stages of the main process both claim."""
        spans = [track.spans for track in self.tracks if track.lane == "main" and not track.background]
        times = sorted((begin, end) for each in spans for begin, end in zip(each.begin_ns, each.end_ns, strict=True))
        return sum(max(0, end - begin) for (_, end), (begin, _) in pairwise(times))


def run(
    *,
    steps: int = 9,
    timed: bool = True,
    device: Any = None,
    workload: type[Toy] = Toy,
    timeout_s: float | None = None,
    **settings: Any,
) -> Ran:
    knobs = toy_knobs(replay_ms_per_sample=1.0, **settings)
    channel = Channel.open(num_workers=knobs.num_workers, spans_per_process=10_000)
    become_receiver(channel.stages(channel.receiver), monotonic_ns)
    toy = workload(knobs)
    device = device or ReplayDevice(ms_per_sample=1.0, placeholder=toy.placeholder)
    toy.build(device)
    loader = TorchLoader(toy.dataset(), None, knobs.slice(LoaderKnobs), channel=channel)
    warmed: list[int] = []
    passed: list[int] = []
    events: list[Event] = []

    def take(batch: IndexedBatch, into: list[int]) -> None:
        assert batch.data.flatten().tolist() == batch.samples
        into += batch.samples

    try:
        loop = Loop(
            toy,
            loader,
            device,
            stages=channel.stages(channel.main) if timed else None,
            background=channel.stages(channel.background),
            clock=monotonic_ns,
            on_event=events.append,
            on_warm_up=lambda batch: take(batch, warmed),
            deadline=None if timeout_s is None else Deadline(monotonic_ns(), timeout_s),
        )
        times = loop.run(num_steps=steps, warmup_steps=2)
        loop.pass_on(lambda batch: take(batch, passed), steps)
    finally:
        assert loader.close() == []
    channel.close_idle(times.end_ns)
    return Ran(toy, times, collect(channel, device), events, warmed, passed)


WAYS = [
    {"num_workers": 0},
    {"num_workers": 2, "start_method": "fork"},
    {"num_workers": 2, "start_method": "fork", "persistent_workers": False},
    {"num_workers": 1, "start_method": "spawn"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_samples_come_in_order_epoch_after_epoch_and_the_stages_explain_the_time(way):
    ran = run(**way)
    workload, times = ran.workload, ran.times
    assert workload.seen == [number % 12 for number in range(11 * 4)]
    assert workload.counted == workload.seen[8:] == times.sample_numbers
    assert ran.warmed == workload.seen[:8]
    assert (times.num_steps, times.num_samples, times.warmup_steps) == (9, 36, 2)
    assert times.batches.number == list(range(11))
    assert times.batches.sizes() == dict.fromkeys(range(11), 4)
    assert times.batches.num_bytes == [4 * 8] * 11
    assert times.first_batch_ns < times.begin_ns < times.end_ns
    # The promised figure is measured in benchmarks/; here a bound that no busy machine breaks. Both faults below do.
    assert 0.7 < ran.share("main") <= 1.0
    assert 0.7 < ran.share("worker") <= 1.0
    assert ran.counted_twice_ns() == 0, "the main process does one thing at a time, where an epoch begins, too"


def test_planted_fault_work_that_no_stage_names_opens_the_worker_lane():
    assert run(num_workers=1, unnamed_ms=3.0).share("worker") < 0.5


def test_planted_fault_work_that_no_stage_names_opens_the_main_lane():
    assert run(num_workers=0, unnamed_step_ms=20.0).share("main") < 0.5


@pytest.mark.parametrize("way", WAYS[:2], ids=str)
@pytest.mark.parametrize("steps", [2, 4])
def test_after_the_counted_steps_an_epoch_is_passed_on_and_is_no_part_of_them(way, steps):
    ran = run(steps=steps, **way)
    assert len(ran.passed) == 4 * min(3, steps)
    assert len(set(ran.passed)) == len(ran.passed), "every sample once"
    assert len(ran.workload.seen) == 4 * (2 + steps), "no step is done for them"
    main = next(track for track in ran.tracks if track.lane == "main" and not track.background).spans
    assert (main.stage == main.names.index("release")).sum() == 2 + steps
    assert ran.times.num_samples == 4 * steps == sum(ran.times.batches.samples[2:])


def test_batches_of_unequal_size_are_recorded_as_they_were():
    ran = run(num_workers=0, batch_size=5, steps=3)
    assert ran.times.batches.samples == [5, 5, 2, 5, 5]
    assert ran.times.num_samples == 12


def test_every_counted_sample_has_its_spans_and_every_batch_its_way():
    ran = run(num_workers=2)
    stats = {(row.lane, row.name): row for row in stage_stats(ran.tracks, ran.times.begin_ns, ran.times.end_ns)}
    assert stats["worker", "decode"].per == "sample"
    assert stats["worker", "send"].background
    assert stats["main", "forward"].count == 9
    assert stats["device", "forward"].origin == "simulated"
    received = next(track for track in ran.tracks if track.lane == "main" and not track.background).spans
    batches = received.batch[received.stage == received.names.index("receive")]
    assert sorted(set(batches.tolist())) == list(range(batches.max() + 1))
    sent = [track.spans for track in ran.tracks if track.lane == "worker" and track.background]
    assert sorted(batch for spans in sent for batch in spans.batch.tolist())[:11] == list(range(11))


def test_workers_that_are_started_anew_account_for_their_start():
    ran = run(num_workers=1, persistent_workers=False)
    stats = stage_stats(ran.tracks, ran.times.begin_ns, ran.times.end_ns)
    assert {"start", "idle", "decode", "collate"} <= {row.name for row in stats if row.lane == "worker"}


def test_untimed_it_does_the_same_steps_and_writes_no_span_of_them():
    ran = run(timed=False, num_workers=0)
    assert ran.workload.counted == [number % 12 for number in range(8, 44)]
    assert all(len(track.spans.stage) == 0 for track in ran.tracks if track.lane == "main")


def test_without_a_device_batches_arrive_and_no_step_is_done():
    ran = run(device=NoDevice(), num_workers=0)
    assert ran.workload.seen == []
    assert (ran.times.num_samples, ran.times.batches.samples) == (36, [4] * 11)


def test_progress_ends_with_the_last_step_of_each_part():
    events = run(num_workers=0).events
    assert [(event.phase, event.done) for event in events if event.done == event.total] == [
        ("warmup", 2),
        ("steady", 9),
    ]
    assert events[-1].samples_per_s is not None


class Asynchronous(Toy):
    """Leaves work running until it is flushed."""

    max_pending = 3

    def __init__(self, knobs: Any) -> None:
        super().__init__(knobs)
        self.flushed_after: list[int] = []

    def flush(self) -> None:
        self.flushed_after.append(len(self.seen))


def test_what_steps_leave_running_is_waited_for_where_the_counted_steps_begin_and_end():
    ran = run(workload=Asynchronous, num_workers=0)
    assert isinstance(ran.workload, Asynchronous)
    assert ran.workload.flushed_after == [8, 44]


def test_where_there_is_no_time_for_all_steps_those_that_are_done_count():
    ran = run(num_workers=0, steps=10**6, timeout_s=2.0)
    times = ran.times
    assert LEAST_STEPS <= times.num_steps < times.asked_steps == 10**6
    assert times.num_samples == len(times.sample_numbers) == 4 * times.num_steps
    assert [event.left_s is not None for event in ran.events if event.phase == "steady"][-1]
    (warning,) = [event.message for event in ran.events if event.message]
    assert "timeout_s=2 stops it before: set timeout_s=" in warning
