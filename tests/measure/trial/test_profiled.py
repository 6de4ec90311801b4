"""A trial through profilers carries their price."""

from __future__ import annotations

import threading

import pytest
from record_factory import make_failed, make_record

from workbench.explain.figures.tables import profiler_table
from workbench.measure.trial.profiled import price_of, run_profiled, trials_of
from workbench.records.run_folder import list_runs, read_record
from workbench.workloads.ocr.knobs import OcrKnobs


def test_the_price_is_the_throughput_without_over_that_with():
    record = make_record(50.0, profilers="lines,memory")
    price = price_of(record, [make_record(100.0, name="a"), make_record(110.0, name="b")])
    assert (price.factor, price.lowest, price.highest) == pytest.approx((2.1, 2.0, 2.2))
    assert price.profilers == ["lines", "memory"]
    assert price.run_ids == ["a", "b"]
    ((profilers, overhead),) = profiler_table(record.model_copy(update={"profiler_overhead": price})).rows
    assert profilers.text == "lines, memory"
    assert overhead.text.startswith("2.10x the time of the same run without (2.00x to 2.20x")
    assert overhead.tone == "alarm"


def test_a_cheap_lens_is_not_marked():
    record = make_record(99.0, profilers="memory")
    priced = record.model_copy(update={"profiler_overhead": price_of(record, [make_record(100.0)])})
    ((_, overhead),) = profiler_table(priced).rows
    assert overhead.tone == "plain"


def test_without_a_plain_trial_there_is_no_price():
    assert price_of(make_record(profilers="torch"), [make_failed()]) is None


def test_three_trials_are_run_and_the_record_is_rewritten(tmp_path):
    knobs = OcrKnobs(
        num_pages=4, batch_size=2, num_workers=0, num_steps=3, device="replay", replay_ms_per_sample=0.1,
        profilers="memory", checked_samples=0,
    )  # fmt: skip
    record = run_profiled(knobs, tmp_path)
    assert record.profiler_overhead is not None
    assert read_record(tmp_path / record.run_id) == record
    assert len(list(list_runs(tmp_path))) == trials_of(knobs) == 3


def test_what_was_cancelled_is_not_followed_by_more(tmp_path):
    cancel = threading.Event()
    knobs = OcrKnobs(num_pages=4, device="replay", profilers="memory")
    record = run_profiled(knobs, tmp_path, on_event=lambda event: cancel.set(), cancel=cancel)
    assert record.failure.kind == "cancelled"
    assert len(list(list_runs(tmp_path))) == 1


def test_without_lenses_it_is_a_trial(tmp_path):
    knobs = OcrKnobs(num_pages=2, batch_size=2, num_workers=0, num_steps=1, device="none", checked_samples=0)
    assert run_profiled(knobs, tmp_path).profiler_overhead is None
    assert len(list(list_runs(tmp_path))) == 1
