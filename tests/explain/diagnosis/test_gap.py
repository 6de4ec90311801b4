"""The gap to the ceiling adds up, whatever the run; and what no rule looks for is named by its share of it."""

from __future__ import annotations

import pytest
from planted_run import Pipeline, names
from record_factory import make_lane, make_record, make_stage

from workbench.explain.diagnosis.cause import Cause, Thresholds
from workbench.explain.diagnosis.diagnose import diagnose, diagnosed
from workbench.explain.diagnosis.facts import Facts, gather
from workbench.explain.diagnosis.gap import Gap, share_out
from workbench.explain.figures.tables import diagnosis_table
from workbench.records import Record

LOADER = Pipeline(sample={"decode": 0.02, "targets": 0.004})


def facts_of(record: Record, spans=None) -> Facts:
    facts = gather(record, spans, Thresholds())
    assert facts is not None
    return facts


def with_main(record: Record, **counters: float) -> Record:
    """The record with what the scheduler has counted of the main process, as shares of its time."""
    lanes = [
        lane.model_copy(update={name: share * lane.wall_s for name, share in counters.items()})
        if lane.lane == "main"
        else lane
        for lane in record.lanes
    ]
    return record.model_copy(update={"lanes": lanes})


def total(gap: Gap) -> float:
    return gap.reached + sum(share.share for share in gap.shares) + gap.unexplained


@pytest.mark.parametrize("pipeline", [LOADER, Pipeline(start=0.3), Pipeline(background={"postprocess": 0.3})])
@pytest.mark.parametrize("has_spans", [True, False])
def test_reached_shares_and_unexplained_are_the_whole_time(pipeline, has_spans):
    record, spans = pipeline.run()
    _, gap = diagnosed(record, spans if has_spans else None, None)
    assert gap is not None
    assert total(gap) == pytest.approx(1.0)
    assert [share.share for share in gap.shares] == sorted((share.share for share in gap.shares), reverse=True)
    assert gap.unexplained < 0.01
    assert gap.samples_per_s == pytest.approx(1 / 3e-3)  # the device takes 3 ms a sample


def test_what_a_special_cause_explains_of_loading_is_not_its_stages():
    record, spans = LOADER.run()
    facts = facts_of(record, spans)
    plain = {(share.name, share.stage): share.share for share in share_out(facts, []).shares}
    special = Cause("one slow worker", None, "", 0.3, of_loading=0.25)
    gap = share_out(facts, [special])
    split = {(share.name, share.stage): share.share for share in gap.shares}
    assert split["loader-bound", "decode"] == pytest.approx(0.75 * plain["loader-bound", "decode"])
    assert split["one slow worker", None] > plain["loader-bound", "decode"] / 4
    assert total(gap) == pytest.approx(1.0)


TWO_THREADS = [
    make_stage("main", "log", 0.5), make_stage("main", "fetch", 0.5), make_stage("device", "forward", 0.6),
    make_stage("main", "beam", 0.8, background=True),
]  # fmt: skip


@pytest.mark.parametrize("is_beside_another_thread", [True, False])
def test_a_loop_that_neither_runs_nor_waits_for_a_core_waits_for_the_interpreters_lock(is_beside_another_thread):
    """Of the half of its time in which it is at work it is on a core for three fifths, and ready for one fifth."""
    stages = TWO_THREADS if is_beside_another_thread else TWO_THREADS[:3]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.6)])
    gap = share_out(facts_of(with_main(record, cpu_s=0.3, ready_s=0.1)), [])
    shares = {(share.name, share.stage): share.share for share in gap.shares}
    log = 0.24 if is_beside_another_thread else 0.32  # alone, it waits for something of its own
    assert shares["main-thread-bound", "log"] == pytest.approx(log)
    assert shares["cores oversubscribed", None] == pytest.approx(0.08)
    assert shares.get(("interpreter lock", None), 0.0) == pytest.approx(0.32 - log)
    assert total(gap) == pytest.approx(1.0)


def test_a_background_thread_is_locked_out_no_longer_than_the_loop_is_on_a_core():
    """It is at work for 0.8 of the time and on a core for 0.5; the loop is on one for 0.1."""
    stages = [
        make_stage("main", "backlog", 0.9), make_stage("main", "log", 0.1), make_stage("device", "forward", 0.6),
        make_stage("main", "beam", 0.8, background=True),
    ]  # fmt: skip
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.6)])
    gap = share_out(facts_of(with_main(record, cpu_s=0.1, ready_s=0.0, background_cpu_s=0.5)), [])
    shares = {(share.name, share.stage): share.share for share in gap.shares}
    assert shares["interpreter lock", None] == pytest.approx(0.36 * 0.1)
    assert shares["background-thread-bound", "beam"] == pytest.approx(0.36 * 0.9)


def test_a_loop_that_waits_for_room_in_the_queue_of_the_device_is_not_locked_out():
    stages = [
        make_stage("main", "forward", 0.5), make_stage("main", "log", 0.5), make_stage("device", "forward", 0.6),
        make_stage("main", "beam", 0.8, background=True),
    ]  # fmt: skip
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.6)])
    gap = share_out(facts_of(with_main(record, cpu_s=0.5, ready_s=0.0)), [])
    assert "interpreter lock" not in {share.name for share in gap.shares}


def test_the_interpreters_lock_is_a_cause_though_no_rule_looks_for_it():
    record = make_record(stages=TWO_THREADS, lanes=[make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.6)])
    found = diagnose(with_main(record, cpu_s=0.1, ready_s=0.0), None, None)
    lock = next(cause for cause in found if cause.name == "interpreter lock")
    assert lock.charged == pytest.approx(0.32)
    assert "one of them runs at a time: the device waits 32.0 % of the time for that." in lock.evidence


def test_time_that_nothing_explains_is_said_and_is_a_cause():
    record = make_record(
        stages=[make_stage("main", "fetch", 0.6), make_stage("device", "forward", 0.6)],
        lanes=[make_lane("main", 1.0, 0.6), make_lane("device", 1.0, 0.6)],
    )
    causes, gap = diagnosed(record, None, None)
    assert names(causes)[0] == ("breakdown does not close", None)
    assert gap is not None
    assert gap.unexplained == pytest.approx(0.4)
    assert gap.words.endswith("The missing 40.0 %: unexplained 40.0 %.")


def test_the_gap_is_said_below_the_diagnosis():
    record, spans = Pipeline(device=0.03).run()
    causes, gap = diagnosed(record, spans, None)
    assert gap is not None
    table = diagnosis_table(causes, gap)
    assert gap.words in str(table)
    assert gap.words.startswith(f"The simulated device is at work {100 * gap.reached:.1f} % of the time; all the time ")


def test_two_faults_are_both_named_the_larger_first():
    own = {**Pipeline().own, "transfer": 0.15, "postprocess": 0.08}
    for cost in (own, {**own, "transfer": 0.08, "postprocess": 0.15}):
        record, spans = Pipeline(own=cost, sample={"decode": 1e-3}).run()
        first, second, *_ = names(diagnose(record, spans, None))
        larger = ("transfer-bound", "transfer"), ("main-thread-bound", "postprocess")
        assert (first, second) == (larger if cost["transfer"] > cost["postprocess"] else larger[::-1])


@pytest.mark.parametrize(("share", "is_below"), [(0.02, False), (0.04, True), (0.05, True), (0.1, True), (0.2, True)])
def test_a_fault_that_costs_little_is_named_and_the_run_is_not_healthy(share, is_below):
    """A device of 12.5 ms a sample that nothing else holds up but a write in the loop, of so much of the time."""
    quick = {"transfer": 1e-5, "log": 0.1 * share / (1.0 - share)}
    record, spans = Pipeline(epochs=1, per_epoch=128, device=0.0125, sample={"decode": 1e-3}, own=quick).run()
    found = diagnose(record, spans, None)
    assert (("main-thread-bound", "log") in names(found)) is is_below
    assert "healthy" not in {cause.name for cause in found} or not is_below
