"""Runs of random costs: whatever they are, tables add up, and what is said of a run does not contradict itself."""

from __future__ import annotations

import numpy as np
import pytest
from run_factory import Run

from workbench.explain.breakdown import break_down
from workbench.explain.diagnosis.cause import Thresholds
from workbench.explain.diagnosis.diagnose import beside_the_map, diagnose
from workbench.explain.diagnosis.plan import plan
from workbench.explain.prediction.changes import set_cores, set_knob
from workbench.explain.prediction.cost_model import DEVICE
from workbench.explain.prediction.gain_map import EPOCH_ENDS, EPOCH_ENDS_CAUSE, ceilings, gain_map
from workbench.explain.prediction.predictor import Predictor
from workbench.measure.timing.spans import NONE, Spans, TrackSpans
from workbench.measure.trial.stage_stats import lane_stats, stage_stats

SEEDS = range(6)


def random_run(seed: int) -> Run:
    """A run whose stages take some tenths of a millisecond to some tens; the main process keeps up with its worker."""
    rng, run = np.random.default_rng(seed), Run()
    for name in ("decode", "collate", "receive", "postprocess", "device"):
        setattr(run, f"{name}_ms", float(rng.lognormal(1.0, 1.2)))
    run.receive_ms, run.postprocess_ms = min(run.receive_ms, run.decode_ms), min(run.postprocess_ms, run.decode_ms)
    run.loaded, run.preempted = 1.0 + float(rng.random()), 1.0 + float(rng.random())
    return run


def random_tracks(seed: int) -> list[TrackSpans]:
    """Spans one after the other, with gaps, of two workers, the main process and a device."""
    rng, tracks = np.random.default_rng(seed), []
    for lane, process in (("worker", 0), ("worker", 1), ("main", 0), ("device", 0)):
        edges = np.cumsum(rng.integers(0, 10**9, 80))
        begin, end = edges[::2], edges[1::2]
        stage, nobody = rng.integers(0, 3, 40), np.full(40, NONE, np.int64)
        spans = Spans(("decode", "idle", "collate"), stage, begin, end, nobody, nobody)
        tracks.append(TrackSpans(lane, process, False, "measured", spans))
    return tracks


@pytest.mark.parametrize("seed", SEEDS)
def test_stages_add_up_to_their_lane_and_no_span_outlives_the_window(seed):
    tracks = random_tracks(seed)
    begin_ns, end_ns = sorted(np.random.default_rng(seed + 100).integers(0, 40 * 10**9, 2).tolist())
    stages, lanes = stage_stats(tracks, begin_ns, end_ns), lane_stats(tracks, begin_ns, end_ns)
    window_s = (end_ns - begin_ns) / 1e9
    for row in stages:
        assert row.count * row.mean_s == pytest.approx(row.total_s)
        assert max(row.mean_s, row.p50_s, row.p95_s) <= window_s
    for lane in lanes:
        assert sum(row.total_s for row in stages if row.lane == lane.lane) == pytest.approx(lane.attributed_s)
        assert 0.0 <= lane.attributed_s <= lane.wall_s


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_shares(seed):
    run = random_run(seed)
    record = run.record()
    for lane in break_down(record):
        assert all(0.0 <= part.share <= 1.0 for part in (*lane.parts, *lane.background))
        assert sum(part.share for part in lane.parts) == pytest.approx(max(1.0, lane.explained))
    predictor = Predictor(record, run.spans())
    causes = diagnose(record, run.spans(), predictor)
    assert all(0.0 <= cause.cost <= 1.0 for cause in causes)
    gains = gain_map(predictor)
    shares = [gain.share for gain in gains if gain.share is not None]
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) >= 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_map_diagnosis_and_plan_name_one_bottleneck_or_say_why_not(seed):
    run = random_run(seed)
    predictor = Predictor(run.record(), run.spans())
    causes, gains = diagnose(predictor.record, run.spans(), predictor), gain_map(predictor)
    named = {EPOCH_ENDS_CAUSE: EPOCH_ENDS, "device-bound": DEVICE}.get(causes[0].name, causes[0].stage)
    is_nothing = causes[0].cost <= 0.0 and gains[0].free.estimate < Thresholds().stands_out
    assert (is_nothing or named == gains[0].stage) != bool(beside_the_map(causes, gains))
    steps = plan(predictor.record, predictor, causes)
    against = [step for step in steps if step.cause == causes[0].title]
    assert not against or steps[0] is against[0], "what is best against the diagnosis leads"


@pytest.mark.parametrize("seed", SEEDS)
def test_more_of_a_resource_never_predicts_less_and_nothing_changed_is_what_was_measured(seed):
    run = random_run(seed)
    record = run.record(num_workers=2)
    assert record.environment is not None
    record = record.model_copy(update={"environment": record.environment.model_copy(update={"cores": 4})})
    predictor = Predictor(record, run.spans())

    def rate(*changes) -> float:
        return predictor.predict(changes).samples_per_s.estimate

    model, knobs = predictor.model, record.knobs
    assert rate() == pytest.approx(predictor.measured)
    assert rate(set_cores(model, 4), set_knob(model, knobs, "num_workers", 2)) == pytest.approx(predictor.measured)
    by_cores = [rate(set_cores(model, cores)) for cores in (1, 2, 3, 4, 5, 8, 16, 32)]
    assert by_cores == sorted(by_cores)
    by_workers = [rate(set_knob(model, knobs, "num_workers", workers)) for workers in (2, 3)]  # a core for each process
    assert by_workers == sorted(by_workers)
    found = ceilings(predictor)
    assert min(found.loader, found.main) >= predictor.measured


def test_more_workers_than_cores_say_why_they_may_be_slower():
    run = random_run(0)
    predictor = Predictor(run.record(num_workers=2), run.spans())  # on two cores
    answer = predictor.predict([set_knob(predictor.model, predictor.record.knobs, "num_workers", 6)])
    assert any("share 2 cores" in sentence for sentence in answer.assumptions)
