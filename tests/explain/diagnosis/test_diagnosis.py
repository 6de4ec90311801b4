"""Every cause is planted in a run made by hand, and found first; a healthy run is called healthy."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from planted_run import Pipeline, names
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.breakdown import break_down, find_lane
from workbench.explain.diagnosis.cause import Cause, Name, Thresholds
from workbench.explain.diagnosis.diagnose import Advice, advise, beside_the_map, diagnose, read_advice, write_advice
from workbench.explain.diagnosis.plan import plan
from workbench.explain.prediction.gain_map import EPOCH_ENDS, ceilings, gain_map
from workbench.explain.prediction.predictor import predictor_for
from workbench.explain.prediction.recorded import sample_times, wait_of_a_round
from workbench.explain.words.headline import run_headline
from workbench.records import ImageKind, Isolated, Machine, RankStats, Script
from workbench.records.run_folder import write_json
from workbench.stages import Stage
from workbench.workloads.ocr.knobs import OcrKnobs

SAMPLE = dict(Pipeline().sample)
OWN = dict(Pipeline().own)
QUIET = {"sample": {name: cost / 4 for name, cost in SAMPLE.items()}, "batch": {"collate": 0.004}}

PLANTED = {
    ("loader-bound", "decode"): Pipeline(sample={**SAMPLE, "decode": 0.04}),
    ("loader-bound", "Normalize"): Pipeline(sample={**SAMPLE, "Normalize": 0.03}),
    ("loader-bound", "targets"): Pipeline(sample={**SAMPLE, "targets": 0.03}),
    ("loader-bound", "collate"): Pipeline(batch={"collate": 0.3}),
    ("heavy send and receive", "receive"): Pipeline(own={**OWN, "receive": 0.15}, send=0.1),
    ("slow worker start", "start"): Pipeline(start=0.8),
    ("one slow worker", None): Pipeline(of_worker={0: 0.05}),
    ("rare slow samples", None): Pipeline(of_sample={11: 0.6, 36: 0.6}),
    ("main-thread-bound", "postprocess"): Pipeline(own={**OWN, "postprocess": 0.25}),
    ("transfer-bound", "transfer"): Pipeline(own={**OWN, "transfer": 0.2}, **QUIET),
    ("device-bound", None): Pipeline(device=0.04, own={**OWN, "postprocess": 0.003, "metric": 0.001}),
    ("cores oversubscribed", None): Pipeline(workers=8, ready=3.0),
    ("lock contention", "decode"): Pipeline(locked=0.03),
}

#: Loader and device are matched: the one takes hardly longer than the other.
HEALTHY = Pipeline(
    epochs=1, per_epoch=128, device=0.0125, own={"receive": 1e-4, "transfer": 1e-5, "postprocess": 1e-3, "metric": 1e-4}
)


def stands_out(causes: list[Cause], name: str) -> bool:
    """Whether one of the causes costs a tenth of the time."""
    return any(cause.name == name and cause.cost >= Thresholds().stands_out for cause in causes)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: " ".join(filter(None, planted)))
def test_what_is_planted_is_named_first(planted):
    record, spans = PLANTED[planted].run()
    predictor = predictor_for(record, spans)
    assert predictor is not None
    causes = diagnose(record, spans, predictor)
    assert names(causes)[0] == planted
    assert 0.1 < causes[0].cost <= 1.0
    assert causes == sorted(causes, key=lambda cause: -cause.cost)


def test_workers_that_are_idle_at_epoch_ends_are_a_row_of_the_map_too():
    """An epoch of one batch: the second worker never gets work; the map says what that costs, as the diagnosis does."""
    record, spans = Pipeline(per_epoch=1, epochs=20).run()
    predictor = predictor_for(record, spans)
    causes, gains = diagnose(record, spans, predictor), gain_map(predictor)
    cause = next(cause for cause in causes if cause.name == "idle at epoch ends")
    assert "An epoch has 1 batch for 2 workers: 1 never gets any work." in cause.evidence
    row = next(gain for gain in gains if gain.stage == EPOCH_ENDS)
    assert {"epoch_overlap": True} in row.suggestions
    assert row.free.estimate == pytest.approx(1 / (1 - cause.cost) - 1, rel=0.2)
    assert beside_the_map([cause], [row]) == ""
    assert "no single stage" in beside_the_map([cause], [gain for gain in gains if gain is not row])


def test_they_are_a_row_too_where_all_counted_steps_lie_in_one_epoch():
    """Other epochs lie before, in the warm-up; and so short a run is said to be short."""
    record, spans = Pipeline(per_epoch=1, epochs=1).run()
    assert record.steady is not None
    record = record.model_copy(update={"steady": record.steady.model_copy(update={"warmup_steps": 6})})
    predictor = predictor_for(record, spans)
    assert predictor is not None
    assert gain_map(predictor)[0].stage == EPOCH_ENDS
    assert any("Only 1 step was counted" in sentence for sentence in predictor.model.assumptions)


def test_workers_that_take_the_cores_of_the_main_process_bound_the_run_though_it_hardly_waits_for_samples():
    """Two workers and the main process on two cores: what the workers do costs the main process its core."""
    own = {**OWN, "postprocess": 0.12, "receive": 0.02}
    record, spans = Pipeline(own=own, ready=0.3, knobs={"epoch_overlap": True}).run()
    main = find_lane(break_down(record), "main")
    assert sum(part.share for part in main.parts if part.stage == "wait") < Thresholds().waits
    assert not stands_out(diagnose(record, spans, predictor_for(record, spans)), "loader-bound")

    lanes = [
        lane.model_copy(update={"ready_s": 0.3 * lane.wall_s}) if lane.lane == "main" else lane for lane in record.lanes
    ]
    lacking = record.model_copy(update={"lanes": lanes})
    causes = [c for c in diagnose(lacking, spans, predictor_for(lacking, spans)) if c.name == "loader-bound"]
    assert causes
    assert "for a core, which the workers have meanwhile, 30.0 %" in causes[0].evidence
    # Where other programs kept the cores, the workers had less of them.
    machine = Machine(wall_s=1.0, num_cores=2, other_cores=30.0, steal_share=0.0, load_1min=30.0)
    beside = lacking.model_copy(update={"machine": machine})
    assert not stands_out(diagnose(beside, spans, predictor_for(beside, spans)), "loader-bound")
    cores = lacking.environment.model_copy(update={"cores": 4})
    enough = lacking.model_copy(update={"environment": cores})
    assert not stands_out(diagnose(enough, spans, predictor_for(enough, spans)), "loader-bound")


def test_a_device_bound_training_names_the_stage_that_takes_most_of_the_devices_work():
    record, spans = PLANTED["device-bound", None].run()
    (whole,) = [row for row in record.stages if row.lane == "device"]
    shares = {"forward": 0.3, "backward": 0.6, "optimizer": 0.1}
    parts = [whole.model_copy(update={"name": name, "total_s": whole.total_s * of}) for name, of in shares.items()]
    rest = [row for row in record.stages if row.lane != "device"]
    first = diagnose(record.model_copy(update={"stages": [*rest, *parts]}), spans, predictor_for(record, spans))[0]
    assert first.title == "device-bound by 'backward'"
    assert "(of that 'backward' 60.0 %, 'forward' 30.0 %, 'optimizer' 10.0 %)" in first.evidence


def with_ranks(rank_wait_s: float, exchange_s: float) -> list[Cause]:
    """The diagnosis of a training of two ranks, of which rank 1 is slower by what the other waits; a step is 0.1 s."""
    record = make_record(100.0, mode="train", num_workers=0)
    own = {"num_steps": 10, "samples_per_s": 50.0, "wait_share": 0.0, "exchange_s": exchange_s}
    ranks = [
        RankStats(rank=0, own_step_s=0.08 - rank_wait_s, own_stage="forward", rank_wait_s=rank_wait_s, **own),
        RankStats(rank=1, own_step_s=0.08, own_stage="backward", rank_wait_s=0.0, **own),
    ]
    return diagnose(record.model_copy(update={"ranks": ranks}), None, None)


def test_the_slowest_rank_is_a_cause_and_is_named():
    (first,) = [cause for cause in with_ranks(rank_wait_s=0.06, exchange_s=0.001) if cause.name == "slowest rank"]
    assert first.cost == pytest.approx(0.3)
    assert "Rank 1 is the slowest: a step takes it 80.0 ms by itself, most of it 'backward'" in first.evidence
    assert "rank 0 waits 60.0 ms in each" in first.evidence


def test_exchanging_gradients_is_a_cause():
    (first,) = [cause for cause in with_ranks(rank_wait_s=0.001, exchange_s=0.04) if cause.name == "gradient exchange"]
    assert first.cost == pytest.approx(0.4)


def test_ranks_that_hardly_wait_are_no_cause():
    assert not {"slowest rank", "gradient exchange"} & {cause.name for cause in with_ranks(0.001, 0.001)}


def test_where_diagnosis_and_map_differ_it_is_said_why_and_where_not_nothing():
    record, spans = PLANTED["device-bound", None].run()
    predictor = predictor_for(record, spans)
    gains = gain_map(predictor)
    assert gains[0].stage == "device"
    assert beside_the_map(diagnose(record, spans, predictor), gains) == ""
    large, small = (
        replace(gains[0], free=gains[0].free.model_copy(update={"estimate": estimate})) for estimate in (0.4, 0.05)
    )
    healthy = Cause("healthy", None, "Nothing stands out.", 0.0)
    said = beside_the_map([healthy], [large])
    assert said.startswith("The diagnosis is healthy: the run is at its ceiling. The map has 40.0 % [")
    assert beside_the_map([healthy], [small]) == ""


def test_a_healthy_run_is_called_healthy():
    record, spans = HEALTHY.run()
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert first.name == "healthy"
    assert first.cost == 0.0
    assert "the rest is matched to it" in first.evidence


def test_a_device_that_is_waited_for_most_of_the_time_bounds_the_run_though_it_is_not_always_at_work():
    own = {**OWN, "postprocess": 0.006, "metric": 0.002}
    record, spans = Pipeline(epochs=1, per_epoch=32, device=0.012, own=own, **QUIET).run()
    assert find_lane(break_down(record), "device").parts[0].share < Thresholds().busy
    assert diagnose(record, spans, predictor_for(record, spans))[0].name == "device-bound"


def test_a_run_that_is_not_at_its_ceiling_is_never_called_healthy():
    """However little each cause costs: the largest is named."""
    record, spans = replace(HEALTHY, own={**HEALTHY.own, "postprocess": 7e-3}).run()
    limits = replace(Thresholds(), stands_out=1.0, notable=1.0, charged=0.5, waits=1.0, idle=1.0)
    (first, *others) = diagnose(record, spans, None, limits)
    assert names([first]) == [("main-thread-bound", "postprocess")]
    assert not others
    assert diagnose(record, spans, None, replace(limits, ceiling=0.2))[0].name == "healthy"


def test_where_each_worker_has_its_own_samples_slower_samples_are_not_a_slow_worker():
    """Most pages of one worker take twice as long as the other's, but not all of them."""
    slower = {sample: 0.020 if sample // 8 % 2 and sample % 8 > 2 else 0.002 * (sample % 2) for sample in range(64)}
    record, spans = Pipeline(of_sample=slower).run()
    samples = sample_times(record, spans)
    medians = samples.groupby("process")["wall_s"].median().sort_values()
    assert medians.iloc[-1] > Thresholds().straggler * medians.iloc[0]
    assert samples.groupby("sample")["process"].nunique().max() == 1
    found = names(diagnose(record, spans, predictor_for(record, spans)))
    assert ("one slow worker", None) not in found


def test_a_few_samples_of_its_own_tell_nothing_about_a_worker():
    slow = Pipeline(of_worker={0: 0.05}, per_epoch=2, epochs=16)
    found = names(diagnose(*slow.run(), None))
    assert ("one slow worker", None) not in found
    many = replace(slow, per_epoch=8, epochs=4)
    assert ("one slow worker", None) in names(diagnose(*many.run(), None))


def test_samples_that_both_workers_made_are_compared_with_themselves():
    """One worker made the slow samples in three epochs of four, and the other one in the fourth: neither is slow."""
    record, spans = Pipeline(of_sample={sample: 0.03 for sample in range(64) if sample // 8 % 2}).run()
    swapped = spans.copy()
    last = (swapped["lane"] == "worker") & (swapped["batch"] >= 24)
    swapped.loc[last, "process"] = 1 - swapped.loc[last, "process"]
    medians = sample_times(record, swapped).groupby("process")["wall_s"].median()
    assert medians.max() > Thresholds().straggler * medians.min()
    assert ("one slow worker", None) not in names(diagnose(record, swapped, None))
    assert ("one slow worker", None) in names(diagnose(record, spans, None)), "as long as it may be the worker"


def test_a_slow_worker_whose_samples_are_its_own_may_have_slow_samples_and_that_is_said():
    record, spans = PLANTED["one slow worker", None].run()
    assert "it may be these that take longer" in diagnose(record, spans, predictor_for(record, spans))[0].evidence
    per_epoch = Pipeline(of_worker={0: 0.05}, per_epoch=8, epochs=4)
    record, spans = per_epoch.run()
    spans = spans.copy()  # in every other epoch each worker makes what the other one made before
    odd = (spans["batch"] // 8 % 2 == 1) & (spans["sample"] >= 0)
    spans.loc[odd, "sample"] = spans.loc[odd, "sample"] // 8 // 2 * 16 + (spans.loc[odd, "sample"] + 8) % 16
    causes = {cause.name: cause for cause in diagnose(record, spans, predictor_for(record, spans))}
    assert "it may be" not in causes["one slow worker"].evidence


def test_the_evidence_is_figures_of_the_record_with_their_units():
    record, spans = PLANTED["one slow worker", None].run()
    (straggler, *_) = diagnose(record, spans, predictor_for(record, spans))
    # 17.1 ms of stages and 10 % more for waiting; the first worker's pages take 50 ms and 10 % longer.
    assert "Worker 0 takes 73.8 ms for its median page, the other 18.8 ms: 3.92x" in straggler.evidence


def test_a_stage_is_not_blamed_for_what_rare_samples_explain():
    record, spans = PLANTED["rare slow samples", None].run()
    causes = diagnose(record, spans, predictor_for(record, spans))
    decode = next(cause for cause in causes if cause.stage == "decode")
    assert "2 of 64 pages take over 5 times the median of 18.8 ms" in causes[0].evidence
    assert "page 11" in causes[0].evidence
    assert decode.cost < causes[0].cost / 2


def test_many_slow_samples_are_not_rare_ones():
    slow = dict.fromkeys(range(0, 64, 6), 0.6)
    record, spans = Pipeline(of_sample=slow).run()
    found = names(diagnose(record, spans, predictor_for(record, spans)))
    assert ("rare slow samples", None) not in found
    assert found[0] == ("loader-bound", "decode")


def test_time_in_reading_that_no_core_spends_is_not_a_lock_but_files():
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


def test_a_full_memory_is_a_cause():
    record = make_record(cache="decoded")
    record = record.model_copy(update={"memory": record.memory.model_copy(update={"peak_pss_bytes": 7.9 * 10**9})})
    found = {cause.name: cause.evidence for cause in diagnose(record, None, None)}
    assert "7.90 GB of 8.00 GB" in found["memory-bound cache"]


def test_a_cache_that_takes_longer_to_fill_than_the_run_is_a_cause():
    record = make_record(cache="prepared", startup_s=14.0, cache_fill_s=9.0)
    cause = next(found for found in diagnose(record, None, None) if found.name == "start-up-bound")
    assert "most of it filling the cache (9.00 s)" in cause.evidence
    assert cause.cost == pytest.approx(9.7 / 10.7)


def test_a_short_run_is_not_blamed_for_its_imports():
    record = make_record(rate=1000.0)  # 0.1 s of counted steps, 0.7 s of preparing, 2 s of imports
    assert "start-up-bound" not in {cause.name for cause in diagnose(record, None, None)}


def test_stages_that_count_twice_are_named_and_nothing_else():
    stages = [make_stage("main", "wait", 0.9), make_stage("main", "forward", 0.4)]
    (cause,) = diagnose(make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)]), None, None)
    assert cause.name == "breakdown does not close"
    assert "130.0 %" in cause.evidence


def test_time_that_no_stage_explains_is_a_cause():
    record = make_record(stages=[make_stage("main", "wait", 0.1)], lanes=[make_lane("main", 1.0, 0.1)])
    (first, *_) = diagnose(record, None, None)
    assert (first.name, first.cost) == ("breakdown does not close", pytest.approx(0.9))


def test_a_loader_whose_inside_is_not_timed_is_blamed_as_a_whole():
    record = make_record(stages=[make_stage("main", "wait", 0.9)], lanes=[make_lane("main", 1.0, 1.0)], loader="dali")
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("loader-bound", None)]
    assert "dali" in first.evidence


def test_without_workers_loading_is_the_main_process_own():
    stages = [make_stage("main", "wait", 0.8), make_stage("worker", "decode", 0.7, per="sample", count=100)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("worker", 1.0, 1.0)]
    record = make_record(stages=stages, lanes=lanes, num_workers=0)
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("loader-bound", "decode")]
    assert "the main process's loading" in first.evidence


def test_a_failed_run_has_no_diagnosis():
    assert diagnose(make_failed(), None, None) == []
    assert predictor_for(make_failed(), None) is None


def test_shares_are_taken_where_nothing_can_be_predicted():
    record, spans = PLANTED["loader-bound", "decode"].run()
    (first, *_) = diagnose(record, spans, None)
    assert names([first]) == [("loader-bound", "decode")]


def test_of_a_long_run_a_part_is_simulated():
    record, spans = Pipeline(epochs=60).run()
    predictor = predictor_for(record, spans)
    assert record.steady.num_steps == 480
    assert predictor.model.config.num_steps == 480
    assert predictor.shortened().model.config.num_steps == 400
    assert predictor.shortened().predict().gain.estimate == pytest.approx(0.0)
    assert names(diagnose(record, spans, predictor))[0] == ("loader-bound", "decode")


def test_without_a_prediction_a_busy_background_thread_costs_what_the_main_process_waits_for_it():
    own = [make_stage("main", "forward", 0.1), make_stage("main", "backlog", 0.88)]
    stages = [*own, make_stage("main", "postprocess", 0.95, background=True)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.98)], postprocess="threads")
    (first, *_) = diagnose(record, None, None)
    assert names([first]) == [("background-thread-bound", "postprocess")]
    assert first.cost == pytest.approx(0.88)


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
    calm = Thresholds(waits=1.0, charged=1.0, notable=1.0, ceiling=1.0)
    assert diagnose(record, None, None, calm)[0].name == "healthy"


#: 3.7 ms a sample in the background, behind a device of 3 ms and workers of 3.55 ms: what bounds it costs little,
#: because the others would come next, and yet nobody gains anything by making them faster.
BOUND_BY_BACKGROUND = Pipeline(
    sample={"decode": 6.6e-3},
    batch={"collate": 4e-3},
    ready=0.0,
    epochs=1,
    per_epoch=256,
    own={"receive": 1e-3, "transfer": 1e-5},
    background={"postprocess": 8 * 2.7e-3, "metric": 8 * 1e-3},
    cores=8,
    knobs={"postprocess": "threads"},
)


def test_a_run_bound_by_its_background_thread_is_not_called_healthy():
    record, spans = BOUND_BY_BACKGROUND.run()
    predictor = predictor_for(record, spans)
    first = diagnose(record, spans, predictor)[0]
    assert names([first]) == [("background-thread-bound", "postprocess")]
    assert "the background thread of the main process bounds the run" in run_headline(record)
    assert predictor.limit() == "the background thread"
    assert gain_map(predictor)[0].stage == "postprocess"
    found = ceilings(predictor)
    assert found.background == pytest.approx(1 / 3.7e-3, rel=0.02)
    assert found.background < found.device < found.main


def test_a_background_thread_that_bounds_a_run_is_named_however_little_it_costs():
    record, spans = replace(BOUND_BY_BACKGROUND, device=3.65e-3).run()
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert names([first]) == [("background-thread-bound", "postprocess")]
    assert first.cost < Thresholds().notable


@pytest.mark.parametrize(
    "slower",
    [
        {"sample": {"decode": 7.2e-3}},  # the thread is at work nine tenths of the time, and has to wait for the loader
        {"device": 4e-3},
    ],
    ids=["loader", "device"],
)
def test_a_busy_background_thread_that_holds_nobody_up_is_not_named(slower):
    record, spans = replace(BOUND_BY_BACKGROUND, **slower).run()
    main = next(lane for lane in break_down(record) if lane.lane == "main")
    assert main.background_busy > 0.85
    assert "background-thread-bound" not in {
        cause.name for cause in diagnose(record, spans, predictor_for(record, spans))
    }
    assert "bounds the run" not in run_headline(record)


def test_threads_that_send_all_the_time_are_named():
    record, spans = Pipeline(send=0.4, **QUIET).run()
    predictor = predictor_for(record, spans)
    causes = diagnose(record, spans, predictor)
    assert names(causes)[0] == ("sending-thread-bound", "send")
    assert "The threads that send batches are at work" in causes[0].evidence
    assert predictor.limit() == "the threads that send batches"
    assert names(diagnose(record, spans, None))[0] == ("sending-thread-bound", "send")


def test_a_busy_sender_behind_a_slower_worker_is_not_named():
    record, spans = Pipeline(send=0.17, epochs=1, per_epoch=32).run()
    assert find_lane(break_down(record), "worker").sending_busy > 0.8
    found = {cause.name for cause in diagnose(record, spans, predictor_for(record, spans), Thresholds(busy=0.8))}
    assert "loader-bound" in found
    assert "sending-thread-bound" not in found


@pytest.mark.parametrize(("receive", "pin", "stage"), [(0.2, 0.01, "receive"), (0.02, 0.2, "pin")])
def test_a_thread_that_receives_and_pins_all_the_time_is_named(receive, pin, stage):
    receiver = {"receive": receive, "pin": pin}
    record, spans = Pipeline(receiver=receiver, own={"transfer": 1e-5, "postprocess": 0.01}, **QUIET).run()
    predictor = predictor_for(record, spans)
    causes = diagnose(record, spans, predictor)
    assert names(causes)[0] == ("receiving-thread-bound", stage)
    assert predictor.limit() == "the thread that receives batches"


@pytest.mark.parametrize("stage", ["forward", "log", "epoch"])
def test_a_main_process_that_is_always_at_work_is_named_whatever_it_does(stage):
    """Launching many small kernels, or writing a log: no other rule looks there."""
    stages = [make_stage("main", stage, 0.9), make_stage("main", "wait", 0.1), make_stage("device", "forward", 0.4)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.4)]
    (first, *_) = diagnose(make_record(stages=stages, lanes=lanes), None, None)
    assert names([first]) == [("main-thread-bound", stage)]
    assert first.cost == pytest.approx(0.9)


def test_launching_is_not_blamed_for_a_device_that_is_always_at_work():
    stages = [make_stage("main", "forward", 0.9), make_stage("device", "forward", 0.98)]
    lanes = [make_lane("main", 1.0, 0.98), make_lane("device", 1.0, 0.98)]
    found = diagnose(make_record(stages=stages, lanes=lanes), None, None)
    assert "main-thread-bound" not in {cause.name for cause in found}


def test_sentences_are_in_the_workloads_own_name_for_a_sample():
    record, spans = PLANTED["loader-bound", "decode"].run()
    record = record.model_copy(update={"item": "image"})
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert "The main process waits for images " in first.evidence
    assert " ms an image, " in first.evidence


def test_stages_are_known_by_what_they_do_and_not_by_their_names():
    """A workload of its own names: the same run, told by its catalogue alone."""
    record, spans = PLANTED["main-thread-bound", "postprocess"].run()
    new = {"postprocess": "beam_search", "metric": "bleu"}
    rows = [row.model_copy(update={"name": new.get(row.name, row.name)}) for row in record.stages]
    own = [Stage(name, "main", "collect") for name in new.values()]
    isolated = record.isolated.model_copy(update={"stages": []})
    record = record.model_copy(update={"stages": rows, "workload_stages": own, "isolated": isolated})
    spans = spans.assign(stage=spans["stage"].replace(new))
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert names([first]) == [("main-thread-bound", "beam_search")]


def test_what_knobs_are_good_against_are_causes_that_there_are():
    against = {cause for row in OcrKnobs.rows().values() for effect in row.effects.values() for cause in effect.against}
    assert against <= set(get_args(Name))


def test_a_batch_on_its_way_is_as_large_as_it_was_measured():
    record, spans = PLANTED["heavy send and receive", "receive"].run()
    first = diagnose(record, spans, predictor_for(record, spans))[0]
    assert (
        f"its arrays are {22 * 640 * 640 * 8 / 1e6:.1f} MB" in first.evidence
    )  # in float32 with the maps: 22 B a pixel


def test_a_predictor_that_is_there_is_not_calibrated_again(tmp_path, monkeypatch):
    record, spans = PLANTED["loader-bound", "decode"].run()
    write_json(tmp_path / "record.json", record)
    spans.to_parquet(tmp_path / "spans.parquet")
    predictor = predictor_for(record, spans)

    def calibrate(*arguments):
        raise AssertionError("calibrated again")

    monkeypatch.setattr("workbench.explain.prediction.predictor.calibrate", calibrate)
    with pytest.raises(AssertionError):
        advise(tmp_path)
    advice = advise(tmp_path, predictor)
    assert advice.causes[0].title == "loader-bound by 'decode'"


def test_advice_is_read_as_it_was_written(tmp_path):
    record, spans = PLANTED["loader-bound", "decode"].run()
    predictor = predictor_for(record, spans)
    causes = diagnose(record, spans, predictor)
    advice = Advice(causes, plan(record, predictor, causes))
    assert read_advice(tmp_path) is None
    write_advice(tmp_path, advice)
    assert read_advice(tmp_path) == advice
    assert read_advice(tmp_path).sentence == advice.sentence


@pytest.mark.parametrize("text", ["", "{}", '{"causes": [{"name": "too slow"}], "steps": []}'])
def test_advice_of_another_version_is_made_anew(tmp_path, text):
    (tmp_path / "diagnosis.json").write_text(text)
    assert read_advice(tmp_path) is None


def test_a_cause_without_a_stage_is_called_by_its_name():
    assert Cause("healthy", None, "", 0.0).title == "healthy"


def test_the_bytes_of_a_batch_are_those_that_batches_had():
    """An epoch of fewer samples than the batch size: its batch is smaller than batch_size says."""
    record, spans = PLANTED["heavy send and receive", "receive"].run()
    sizes = record.batches.model_copy(update={"samples": [4] * len(record.batches.samples)})
    sizes = sizes.model_copy(update={"num_bytes": [2_000_000] * len(sizes.samples)})
    found = diagnose(record.model_copy(update={"batches": sizes}), spans, None)
    heavy = next(cause for cause in found if cause.name == "heavy send and receive")
    assert heavy.evidence.endswith("; its arrays are 2.00 MB.")


def test_idle_workers_take_no_cores_from_anybody():
    record, spans = PLANTED["cores oversubscribed", None].run()
    assert "cores oversubscribed" in [cause.name for cause in diagnose(record, spans, None)]
    lane = record.lane("worker")
    longer = lane.model_copy(update={"wall_s": 20 * lane.wall_s, "attributed_s": 20 * lane.wall_s})
    idle = make_stage("worker", "idle", 19 * lane.wall_s)
    lanes = [longer if each is lane else each for each in record.lanes]
    calm = record.model_copy(update={"lanes": lanes, "stages": [*record.stages, idle]})
    assert "cores oversubscribed" not in [cause.name for cause in diagnose(calm, spans, None)]


def throttled(quota: float | None, share: float):
    """A run of two workers on two cores, of which a quota may allow less."""
    record, spans = Pipeline(ready=1.0, cores=2).run()
    lanes = [
        lane.model_copy(update={"cpu_s": 0.4 * lane.wall_s, "background_cpu_s": 0.3 * lane.wall_s})
        if lane.lane == "main"
        else lane
        for lane in record.lanes
    ]
    found = {
        "lanes": lanes,
        "environment": record.environment.model_copy(update={"quota": quota}),
        "machine": Machine(
            wall_s=9.0,
            num_cores=2,
            other_cores=0.0,
            steal_share=0.0,
            throttled_share=share,
            throttled_s=6.5,
            load_1min=1.0,
        ),
    }
    record = record.model_copy(update=found)
    return record, diagnose(record, spans, predictor_for(record, spans)), spans


def test_a_containers_quota_that_stops_everybody_is_the_cause_and_no_more_workers_are_advised():
    record, causes, spans = throttled(1.0, 0.72)
    first = causes[0]
    assert first.name == "throttled by a quota"
    assert first.cost > 0.3  # two workers at half a core each
    assert "Of the 2 cores that programs see, the control group (a container's limit) gives 1: 72.0 %" in first.evidence
    assert "for 6.50 s" in first.evidence
    assert "cores oversubscribed" not in [cause.name for cause in causes]
    for advised in plan(record, predictor_for(record, spans), causes):
        assert advised.settings.get("num_workers", 1) <= 1


@pytest.mark.parametrize(("quota", "share"), [(None, 0.0), (1.0, 0.1), (2.0, 0.9), (8.0, 0.9)])
def test_a_quota_that_stops_nobody_or_is_no_less_than_the_cores_is_none(quota, share):
    _, causes, _ = throttled(quota, share)
    assert "throttled by a quota" not in [cause.name for cause in causes]


def kind(name: str, decode_s: float, *, samples: int = 20, pixels: float = 1e6) -> ImageKind:
    return ImageKind(kind=name, samples=samples, pixels=pixels, decode_s=decode_s)


def about_decoding(*images: ImageKind) -> str:
    """The evidence against decoding, in a run that is bound by it and whose files are of these kinds."""
    record, spans = PLANTED["loader-bound", "decode"].run()
    found = record.model_copy(update={"images": list(images)})
    return next(c.evidence for c in diagnose(found, spans, predictor_for(found, spans)) if c.stage == "decode")


def test_files_that_take_longer_to_decode_are_named_with_what_the_others_would_gain():
    evidence = about_decoding(kind("baseline JPEG", 0.02), kind("progressive JPEG", 0.06))
    assert (
        "Of 40 samples whose files were looked at, 20 are baseline JPEG (20.0 ms each), 20 are progressive" in evidence
    )
    assert "by pixel, progressive JPEG takes 3.00x as long as baseline JPEG" in evidence
    gain = float(evidence.partition("the run would gain ")[2].partition(" %")[0])
    record, spans = PLANTED["loader-bound", "decode"].run()
    predicted = predictor_for(record, spans)  # half of what decoding takes is to be saved
    assert gain / 100 == pytest.approx(predicted.gain(predicted.model.scaled(0.5, "decode")).estimate, rel=0.05)
    assert "jpegtran" in evidence


def test_larger_files_are_not_slower_ones():
    assert "looked at" not in about_decoding(kind("baseline JPEG", 0.02), kind("progressive JPEG", 0.06, pixels=3e6))
    assert "looked at" not in about_decoding(kind("baseline JPEG", 0.02), kind("progressive JPEG", 0.06, samples=2))
    assert "looked at" not in about_decoding(kind("baseline JPEG", 0.02))
    assert "jpegtran" not in about_decoding(kind("baseline JPEG", 0.02), kind("PNG", 0.06))


def test_where_all_files_are_progressive_that_is_said():
    assert "All 20 samples whose files were looked at are progressive JPEG" in about_decoding(
        kind("progressive JPEG", 0.06)
    )


@pytest.mark.parametrize(
    ("waits_ms", "workers", "round_s"),
    [
        ([800, 40, 0, 0] * 10, 4, 0.8),
        ([800, 40, 0, 0] * 10, 2, None),  # too few workers for anybody to wonder
        ([0, 0, 0, 3000] + [0, 0, 0, 800] * 9, 4, 0.8),  # and an epoch's beginning
        ([200, 200, 200, 200] * 10, 4, None),  # every batch is waited for
        ([0] * 39 + [8000], 4, None),  # a rare slow sample
        ([0] * 40, 4, None),
        ([800, 0, 0, 0, 0, 0, 0, 0], 4, None),  # of two rounds nothing can be said
    ],
)
def test_waits_that_come_once_a_round_of_the_workers_are_told_from_others(waits_ms, workers, round_s):
    begins = np.arange(len(waits_ms)) * 10**10
    spans = pd.DataFrame(
        {"lane": "main", "stage": "wait", "begin_ns": begins, "end_ns": begins + np.array(waits_ms) * 10**6}
    )
    steady = make_record().steady.model_copy(update={"num_steps": len(waits_ms)})
    assert wait_of_a_round(steady, spans, workers) == (None if round_s is None else pytest.approx(round_s))


def test_a_round_of_slow_batches_is_explained():
    record, spans = Pipeline(workers=4, sample={**SAMPLE, "decode": 0.2}, cores=8, per_epoch=64).run()
    (first, *others) = diagnose(record, spans, predictor_for(record, spans))
    assert (first.name, first.stage) == ("loader-bound", "decode")
    assert "Of every 4 batches one is waited for" in first.evidence
    assert "Neither that batch nor its worker is slower." in first.evidence
    assert not any("Of every 4 batches" in other.evidence for other in others)


def test_what_a_start_of_workers_costs_afterwards_is_part_of_its_cause():
    own = {**OWN, "transfer": 0.02}
    plain, longer = (Pipeline(start=0.3, after_start=after, own=own).run() for after in (0.0, 0.4))
    costs = []
    for record, spans in (plain, longer):
        cause = next(c for c in diagnose(record, spans, predictor_for(record, spans)) if c.name == "slow worker start")
        assert ("takes 400 ms longer than others" in cause.evidence) is (record is longer[0])
        costs.append(cause.cost * record.steady.wall_s)
    assert costs[1] - costs[0] == pytest.approx(4 * 0.4, rel=0.25)  # four epochs


def test_of_a_script_that_nothing_was_timed_isolated_of_waiting_is_put_down_to_its_stage():
    """Whether others wait for the same thing, or each sample for its own, is not known then."""
    record, spans = PLANTED["lock contention", "decode"].run()
    script = Script(command="python train.py", training_loader="train.py:1", is_trained=True)
    for isolated, first in ((Isolated(), "loader-bound"), (record.isolated, "lock contention")):
        found = record.model_copy(update={"script": script, "isolated": isolated})
        assert diagnose(found, spans, predictor_for(found, spans))[0].name == first


@pytest.mark.parametrize(("epochs", "is_bound"), [(0.1, False), (1.0, True), (0.0, True)])
def test_a_start_up_of_a_script_is_held_to_its_epoch_and_not_to_the_steps_that_were_counted(epochs, is_bound):
    """5 s of start-up before 1 s of counted steps: a tenth of an epoch, or all of one."""
    record = make_record(stages=[make_stage("main", "forward", 0.9)], lanes=[make_lane("main", 1.0, 1.0)])
    script = Script(command="python train.py", training_loader="train.py:1", is_trained=True)
    steady = record.steady.model_copy(update={"num_epochs": epochs, "wall_s": 1.0})
    startup = record.startup.model_copy(update={"building_s": 4.0, "imports_s": 0.5})
    found = record.model_copy(update={"script": script, "steady": steady, "startup": startup})
    causes = [cause for cause in diagnose(found, None, None) if cause.name == "start-up-bound"]
    assert bool(causes) is is_bound
    assert all("the counted" in cause.evidence for cause in causes)
