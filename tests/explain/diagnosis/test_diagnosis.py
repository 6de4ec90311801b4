"""Every cause is planted in a run made by hand, and found first; a healthy run is called healthy."""

from __future__ import annotations

import pytest
from planted_run import Pipeline, names
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.diagnosis.diagnose import diagnose, predictor_for
from workbench.explain.diagnosis.thresholds import Thresholds

PAGE = dict(Pipeline().page)
OWN = dict(Pipeline().own)
QUIET = {"page": {name: cost / 4 for name, cost in PAGE.items()}, "batch": {"collate": 0.004}}

PLANTED = {
    ("loader-bound", "decode"): Pipeline(page={**PAGE, "decode": 0.04}),
    ("loader-bound", "Normalize"): Pipeline(page={**PAGE, "Normalize": 0.03}),
    ("loader-bound", "targets"): Pipeline(page={**PAGE, "targets": 0.03}),
    ("loader-bound", "collate"): Pipeline(batch={"collate": 0.3}),
    ("heavy send and receive", "receive"): Pipeline(own={**OWN, "receive": 0.15}, send=0.1),
    ("slow worker start", "start"): Pipeline(start=0.8),
    ("one slow worker", None): Pipeline(of_worker={0: 0.05}),
    ("rare slow pages", None): Pipeline(of_page={11: 0.6, 36: 0.6}),
    ("main-thread-bound", "postprocess"): Pipeline(own={**OWN, "postprocess": 0.25}),
    ("transfer-bound", "transfer"): Pipeline(own={**OWN, "transfer": 0.2}, **QUIET),
    ("device-bound", None): Pipeline(device=0.04, own={**OWN, "postprocess": 0.003, "metric": 0.001}),
    ("cores oversubscribed", None): Pipeline(workers=8, ready=3.0),
    ("lock contention", "decode"): Pipeline(locked=0.03),
}

#: Loader and device are matched: the one takes hardly longer than the other.
HEALTHY = Pipeline(
    epochs=1, per_epoch=32, device=0.012, own={"receive": 1e-3, "transfer": 1e-5, "postprocess": 3e-3, "metric": 1e-3}
)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: " ".join(filter(None, planted)))
def test_what_is_planted_is_named_first(planted):
    record, spans = PLANTED[planted].run()
    predictor = predictor_for(record, spans)
    assert predictor is not None
    causes = diagnose(record, spans, predictor)
    assert names(causes)[0] == planted
    assert 0.1 < causes[0].severity <= 1.0
    assert causes == sorted(causes, key=lambda cause: -cause.severity)


def test_a_healthy_run_is_called_healthy():
    record, spans = HEALTHY.run()
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert first.name == "healthy"
    assert first.severity == 0.0
    assert "the rest is matched to it" in first.evidence


def test_nothing_that_stands_out_is_healthy_too():
    own = {**OWN, "postprocess": 0.006, "metric": 0.002}
    record, spans = Pipeline(epochs=1, per_epoch=32, device=0.012, own=own, **QUIET).run()
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert first.name == "healthy"
    assert first.evidence.startswith("Nothing stands out")


def test_the_evidence_is_figures_of_the_record_with_their_units():
    record, spans = PLANTED["one slow worker", None].run()
    (straggler, *_) = diagnose(record, spans, predictor_for(record, spans))
    # 17.1 ms of stages and 10 % more for waiting; the first worker's pages take 50 ms and 10 % longer.
    assert "Worker 0 takes 73.8 ms for its median page, the other 18.8 ms: 3.92x" in straggler.evidence


def test_a_stage_is_not_blamed_for_what_rare_pages_explain():
    record, spans = PLANTED["rare slow pages", None].run()
    causes = diagnose(record, spans, predictor_for(record, spans))
    decode = next(cause for cause in causes if cause.stage == "decode")
    assert "2 of 64 pages take over 5 times the median of 18.8 ms" in causes[0].evidence
    assert "page 11" in causes[0].evidence
    assert decode.severity < causes[0].severity / 2


def test_many_slow_pages_are_not_rare_ones():
    slow = dict.fromkeys(range(0, 64, 6), 0.6)
    record, spans = Pipeline(of_page=slow).run()
    found = names(diagnose(record, spans, predictor_for(record, spans)))
    assert ("rare slow pages", None) not in found
    assert found[0] == ("loader-bound", "decode")


def test_time_in_reading_that_no_core_spends_is_no_lock_but_files():
    record, _ = Pipeline(locked=0.03).run()
    as_read = [
        row.model_copy(update={"name": {"decode": "read", "read": "decode"}.get(row.name, row.name)})
        for row in record.stages
    ]
    record = record.model_copy(update={"stages": as_read})
    found = names(diagnose(record, None, None))
    assert ("slow files", "read") in found
    assert "lock contention" not in {name for name, _ in found}


def test_workers_that_only_copy_are_a_memory_bound_cache():
    stages = [make_stage("main", "wait", 0.9), make_stage("worker", "cache", 1.0), make_stage("worker", "collate", 0.9)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("worker", 2.0, 1.9)]
    (first, *_) = diagnose(make_record(stages=stages, lanes=lanes, cache="decoded"), None, None)
    assert first.name == "memory-bound cache"
    assert "num_workers=0" in first.evidence


def test_a_full_memory_is_told():
    record = make_record(cache="decoded")
    record = record.model_copy(update={"memory": record.memory.model_copy(update={"peak_pss_bytes": 7.9 * 10**9})})
    told = {cause.name: cause.evidence for cause in diagnose(record, None, None)}
    assert "7.90 GB of 8.00 GB" in told["memory-bound cache"]


def test_a_cache_that_takes_longer_to_fill_than_the_run_is_told():
    record = make_record(cache="prepared", startup_s=14.0, cache_fill_s=9.0)
    cause = next(one for one in diagnose(record, None, None) if one.name == "start-up-bound")
    assert "most of it filling the cache (9.00 s)" in cause.evidence
    assert cause.severity == pytest.approx(9.7 / 10.7)


def test_a_short_run_is_not_blamed_for_its_imports():
    record = make_record(rate=1000.0)  # 0.1 s of counted steps, 0.7 s of preparing, 2 s of imports
    assert "start-up-bound" not in {one.name for one in diagnose(record, None, None)}


def test_stages_that_count_twice_are_told_and_nothing_else():
    stages = [make_stage("main", "wait", 0.9), make_stage("main", "forward", 0.4)]
    (cause,) = diagnose(make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)]), None, None)
    assert cause.name == "breakdown does not close"
    assert "130.0 %" in cause.evidence


def test_time_that_no_stage_explains_is_a_cause():
    record = make_record(stages=[make_stage("main", "wait", 0.1)], lanes=[make_lane("main", 1.0, 0.1)])
    (first, *_) = diagnose(record, None, None)
    assert (first.name, first.severity) == ("breakdown does not close", pytest.approx(0.9))


def test_a_loader_whose_inside_is_not_timed_is_blamed_as_a_whole():
    record = make_record(stages=[make_stage("main", "wait", 0.9)], lanes=[make_lane("main", 1.0, 1.0)], loader="dali")
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("loader-bound", None)]
    assert "dali" in first.evidence


def test_without_workers_loading_is_the_main_process_own():
    stages = [make_stage("main", "wait", 0.8), make_stage("worker", "decode", 0.7, per="page", count=100)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("worker", 1.0, 1.0)]
    record = make_record(stages=stages, lanes=lanes, num_workers=0)
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("loader-bound", "decode")]
    assert "the main process's loading" in first.evidence


def test_a_failed_run_has_no_diagnosis():
    assert diagnose(make_failed(), None, None) == []
    assert predictor_for(make_failed(), None) is None


def test_shares_stand_in_where_nothing_can_be_predicted():
    record, spans = PLANTED["loader-bound", "decode"].run()
    (first, *_) = diagnose(record, spans, None)
    assert names([first]) == [("loader-bound", "decode")]


def test_of_a_long_run_a_part_is_simulated():
    record, spans = Pipeline(epochs=60).run()
    predictor = predictor_for(record, spans)
    assert record.steady.num_steps == 480
    assert predictor.model.config.num_steps == 400
    assert names(diagnose(record, spans, predictor))[0] == ("loader-bound", "decode")


def test_a_thread_for_results_that_is_always_at_work_leaves_nothing_unexplained():
    own = [make_stage("main", "forward", 0.1), make_stage("main", "backlog", 0.88)]
    stages = [*own, make_stage("main", "postprocess", 0.95, background=True)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.98)], postprocess="threads")
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("main-thread-bound", "postprocess")]
    assert "in a thread beside it" in first.evidence


def test_a_main_process_that_finds_no_core_has_too_many_workers_beside_it():
    stages = [make_stage("main", "forward", 0.9), make_stage("main", "wait", 0.1), make_stage("worker", "decode", 7.0)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("worker", 8.0, 8.0, processes=8)]
    used = [{"cpu_s": 0.3, "ready_s": 0.6}, {"cpu_s": 1.6, "ready_s": 5.4}]
    lanes = [lane.model_copy(update=own) for lane, own in zip(lanes, used, strict=True)]
    (first, *_) = diagnose(make_record(stages=stages, lanes=lanes, num_workers=8), None, None)
    assert first.name == "cores oversubscribed"
    assert "for pages 10.0 % of its time and for a core 60.0 %" in first.evidence


def test_limits_are_the_callers():
    record, _ = PLANTED["loader-bound", "decode"].run()
    assert diagnose(record, None, None, Thresholds(waits=1.0))[0].name == "healthy"
