"""Stages write exact times, by a clock that the test turns; those that are knocked out are replayed from memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench.errors import BadInput
from workbench.measure.timing import stages as stages_module
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.spans import NONE, Track
from workbench.measure.timing.stages import Stages, become_worker, is_knocked_out, knock_out, run, stage


class FakeClock:
    """Stands still until the test turns it."""

    def __init__(self) -> None:
        self.now = 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    become_worker(None)
    knock_out(())


def rows(track: Track) -> list[tuple[str, int, int, int, int]]:
    spans = track.read()
    columns = (spans.stage, spans.begin_ns, spans.end_ns, spans.sample, spans.batch)
    return [(spans.names[s], b, e, p, n) for s, b, e, p, n in zip(*(c.tolist() for c in columns), strict=True)]


def test_a_block_is_timed_with_its_sample_and_batch(clock):
    stages = Stages(Track(8), clock)
    stages.sample, stages.batch = 4, 2
    with stages("decode"):
        clock.now += 30
    assert rows(stages.track) == [("decode", 1000, 1030, 4, 2)]


def test_a_block_that_raises_is_timed_all_the_same(clock):
    stages = Stages(Track(8), clock)
    with pytest.raises(KeyError), stages("decode"):
        clock.now += 5
        raise KeyError
    assert rows(stages.track) == [("decode", 1000, 1005, NONE, NONE)]


def test_what_lies_between_batches_is_idle(clock):
    stages = Stages(Track(8), clock)
    stages.end_batch()
    clock.now += 50
    stages.begin_batch(7)
    with stages("decode"):
        clock.now += 1
    assert rows(stages.track) == [("idle", 1000, 1050, NONE, NONE), ("decode", 1050, 1051, NONE, 7)]


def test_outside_a_worker_lane_nothing_is_timed():
    with stage("decode"):
        pass
    assert stages_module.worker_stages() is None


def test_a_restarted_worker_accounts_for_the_time_in_between(clock):
    channel = Channel.open(num_workers=1, spans_per_process=16, clock=clock)
    channel.workers_are_started()
    clock.now = 1100
    first = channel.worker_is_up(0)
    clock.now = 1150
    first.begin_batch(0)
    clock.now = 1200
    first.end_batch()
    clock.now = 1300  # it is gone by now; a new epoch starts
    channel.workers_are_started()
    clock.now = 1390
    channel.worker_is_up(0)
    channel.close_idle(1400)
    assert rows(channel.workers[0]) == [
        ("start", 1000, 1100, NONE, NONE),
        ("idle", 1100, 1150, NONE, NONE),
        ("idle", 1200, 1300, NONE, NONE),
        ("start", 1300, 1390, NONE, NONE),
        ("idle", 1390, 1400, NONE, NONE),
    ]


def test_a_batch_begins_and_ends_without_a_sample(clock):
    stages = Stages(Track(8), clock)
    stages.sample, stages.batch = 4, 2
    stages.begin_batch(3)
    stages.add("collate", 1, 2)
    stages.sample = 9
    stages.end_batch()
    stages.add("start", 2, 3)
    assert rows(stages.track) == [("collate", 1, 2, NONE, 3), ("start", 2, 3, NONE, NONE)]


def test_a_slowed_stage_takes_longer_by_a_time_on_its_core(clock):
    worked = FakeClock()

    def work() -> int:
        worked.now += 10  # each reading finds the thread a little further
        clock.now += 20  # and twice as much time has passed: the core is shared
        return worked.now

    stages = Stages(Track(8), clock, {"decode": 100}, work)
    with stages("decode"):
        clock.now += 5
    with stages("read"):
        clock.now += 1
    (_, begin, end, *_), read = rows(stages.track)
    assert end - begin >= 5 + 2 * 100
    assert read[2] - read[1] == 1


def test_the_channel_slows_down_and_names_every_track(clock):
    channel = Channel.open(num_workers=2, spans_per_process=8, clock=clock, delays_ms={"decode": 0.5})
    assert channel.delays_ns == {"decode": 500_000}
    owners = [(of.lane, of.process, of.background) for of in channel.tracks()]
    workers = [("worker", number, background) for background in (False, True) for number in (0, 1)]
    assert owners == [*workers, ("main", 0, False), ("main", 0, True), ("main", 0, True)]
    for of in channel.tracks():
        channel.stages(of.track).add("read", 1, 2)
    assert all(len(of.track.read().stage) == 1 for of in channel.tracks())
    assert channel.dropped == 0


def test_the_first_output_is_given_again_to_all_of_the_same_kind(clock):
    stages = Stages(Track(16), clock)
    become_worker(stages)
    knock_out(["decode"])
    made = [run("decode", lambda n=n: f"sample {n}", like=kind) for n, kind in enumerate("aab")]
    assert made == ["sample 0", "sample 0", "sample 2"]
    assert [row[0] for row in rows(stages.track)] == ["decode"] * 3, "what is left of its time is still written down"


def test_stages_that_are_not_knocked_out_do_their_work():
    knock_out(["decode"])
    assert [run("read", lambda n=n: n) for n in range(3)] == [0, 1, 2]
    assert is_knocked_out("decode")
    assert not is_knocked_out("read")


def test_what_was_replayed_is_not_left_for_the_next_trial():
    knock_out(["decode"])
    run("decode", lambda: "of the first trial")
    knock_out(["decode"])
    assert run("decode", lambda: "of the second") == "of the second"
    knock_out(())
    assert run("decode", lambda: "made anew") == "made anew"


def test_work_is_timed_by_the_timer_that_is_given(clock):
    own, worker = Stages(Track(8), clock), Stages(Track(8), clock)
    become_worker(worker)
    assert run("postprocess", lambda: 5, timer=own) == 5
    assert [row[0] for row in rows(own.track)] == ["postprocess"]
    assert rows(worker.track) == []


def test_a_stage_that_is_only_timed_cannot_be_knocked_out():
    """Else it would go on at its full cost, and the record would say that it was free."""
    knock_out(["draw"])
    try:
        with pytest.raises(BadInput, match=r"run\('draw', work\)"), stage("draw"):
            pass
        assert run("draw", lambda: 1) == run("draw", lambda: 2) == 1
    finally:
        knock_out([])
