"""Costs are found again from spans that were made of known costs, by the very simulator's picture of a busy machine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from record_factory import make_record

from workbench.analysis.calibration import calibrate
from workbench.errors import BadInput
from workbench.records import LaneStats, Record, StageStats, Steady

BATCHES, SIZE = 20, 5
MS = 1_000_000


def stats(lane: str, name: str, mean_s: float, count: int, per: str = "batch", **settings) -> StageStats:
    times = {"mean_s": mean_s, "p50_s": mean_s, "p95_s": mean_s, "total_s": mean_s * count}
    return StageStats(lane=lane, name=name, per=per, count=count, **times, **settings)


class Run:
    """A made-up run of one worker: decode, collate; receive, postprocess; every page the same.

    Attributes:
        loaded: How many times what it costs alone a stage takes on a core beside the others.
        preempted: How many times as long again, waiting for a core.
    """

    loaded, preempted = 1.25, 1.5
    decode_ms, collate_ms, receive_ms, postprocess_ms, device_ms = 8.0, 10.0, 2.0, 4.0, 5.0

    def spans(self) -> pd.DataFrame:
        stretch = self.loaded * self.preempted
        rows, at, main_at = [], 0.0, 0.0
        for batch in range(BATCHES):
            for page in range(SIZE):
                rows.append(("worker", 0, "decode", at, at + self.decode_ms * stretch, batch * SIZE + page, batch))
                at += self.decode_ms * stretch
            rows.append(("worker", 0, "collate", at, at + self.collate_ms * stretch, -1, batch))
            at += self.collate_ms * stretch
            main_at = at
            for name, took in (("receive", self.receive_ms), ("postprocess", self.postprocess_ms)):
                rows.append(("main", 0, name, main_at, main_at + took * stretch, -1, batch))
                main_at += took * stretch
            rows.append(("device", 0, "forward", main_at, main_at + self.device_ms * SIZE, -1, batch))
        rows.append(("main", 0, "drain", main_at, main_at + 1.0, -1, -1))
        columns = ("lane", "process", "stage", "begin_ns", "end_ns", "page", "batch")
        frame = pd.DataFrame(rows, columns=columns).assign(overlapped=False, origin="measured")
        return frame.assign(begin_ns=(frame.begin_ns * MS).astype("int64"), end_ns=(frame.end_ns * MS).astype("int64"))

    def record(self, *, alone: bool = True, counted: bool = True, **knobs) -> Record:
        spans = self.spans()
        wall_s = spans.end_ns.max() / 1e9
        cpu_s = BATCHES * (SIZE * self.decode_ms + self.collate_ms) * self.loaded / 1e3
        main_s = BATCHES * (self.receive_ms + self.postprocess_ms) * self.loaded / 1e3
        used = ({"cpu_s": cpu_s, "ready_s": cpu_s * (self.preempted - 1), "helpers_cpu_s": 0.0}, {"cpu_s": main_s})
        worker, main = used if counted else ({}, {})
        busy_s = cpu_s * self.preempted
        stages = [
            stats("worker", "idle", (wall_s - busy_s) / BATCHES, BATCHES),
            stats("main", "wait", (wall_s - main_s * self.preempted - 0.001) / BATCHES, BATCHES),
            stats("main", "drain", 0.001, 1),
        ]
        only = [
            stats("worker", "decode", self.decode_ms / 1e3, 10, "page"),
            stats("main", "postprocess", self.postprocess_ms / 1e3, 2),
        ]
        record = make_record(
            lanes=[
                LaneStats(lane="worker", processes=1, wall_s=wall_s, attributed_s=wall_s, **worker),
                LaneStats(lane="main", processes=1, wall_s=wall_s, attributed_s=wall_s, **main),
            ],
            stages=stages,
            num_workers=1,
            batch_size=SIZE,
            alone_pages=10,
            **knobs,
        )
        steady = Steady(
            num_steps=BATCHES, num_pages=100, num_epochs=1, warmup_steps=0, wall_s=wall_s, pages_per_s=100 / wall_s
        )
        return record.model_copy(update={"steady": steady, "alone": only if alone else []})


def test_waiting_for_a_core_and_busy_neighbours_are_taken_out_of_what_stages_cost():
    model = calibrate(Run().record(), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008, rel=1e-6)
    assert model.cost_per_page("collate") == pytest.approx(0.010 / SIZE, rel=1e-6)
    assert model.cost_per_page("postprocess") == pytest.approx(0.004 / SIZE, rel=1e-6)
    assert model.cost_per_page("receive") == pytest.approx(0.002 / SIZE, rel=1e-6)
    assert model.cost_per_page("device") == pytest.approx(0.005, rel=1e-6)


def test_without_a_time_alone_stages_cost_what_they_took_on_a_core_and_that_is_said():
    model = calibrate(Run().record(alone=False), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded, rel=1e-6)
    assert model.shape.slowdown == 0.0
    assert any("alone_pages=32" in told for told in model.assumptions)


def test_without_the_schedulers_counters_waiting_counts_as_work_and_that_is_said():
    model = calibrate(Run().record(alone=False, counted=False), Run().spans())
    assert model.cost_per_page("decode") == pytest.approx(0.008 * Run.loaded * Run.preempted, rel=1e-6)
    assert any("counters could not be read" in told for told in model.assumptions)


def test_drawn_batches_cost_what_their_pages_do():
    model = calibrate(Run().record(), Run().spans())
    drawn = model.draw(np.random.default_rng(0))
    assert drawn.make == pytest.approx(np.full(BATCHES, SIZE * 0.008 + 0.010), rel=1e-6)
    assert drawn.device == pytest.approx(np.full(BATCHES, SIZE * 0.005), rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"steady": None, "status": "failed"}, "the run failed"),
        ({"stages": []}, "no stages were timed"),
    ],
)
def test_what_a_record_does_not_tell_is_not_made_up(changed, told):
    with pytest.raises(BadInput, match=told):
        calibrate(Run().record().model_copy(update=changed), Run().spans())


def test_the_inside_of_other_loaders_is_not_modelled():
    with pytest.raises(BadInput, match="the inside of the webdataset loader"):
        calibrate(Run().record(loader="webdataset"), Run().spans())
