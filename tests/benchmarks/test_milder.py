"""Milder faults cost what they are said to, in a run made by hand, and the diagnosis names them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted_run import Pipeline, names
from promise.milder import SIZES, Healthy, healthy, milder_faults

from workbench.explain.diagnosis.diagnose import diagnosed

DEVICE_MS = 12.5
BASE = Pipeline(
    epochs=1,
    per_epoch=160,
    ready=0.0,
    sample={"decode": 5e-3, "OpenCVNormalize": 2e-3, "targets": 2e-3},
    batch={"collate": 8e-3},
    device=DEVICE_MS * 1e-3,
    own={"transfer": 1e-5, "forward": 1e-5},
    background={"postprocess": 0.03},
    cores=8,
)


def base() -> tuple[Healthy, float]:
    record, spans = BASE.run()
    causes, gap = diagnosed(record, spans, None)
    assert gap is not None
    assert gap.missing < 0.05
    assert causes[0].name in ("healthy", "device-bound")
    assert record.steady is not None
    return healthy(record, DEVICE_MS, num_pages=8 * 160), record.steady.samples_per_s


def test_the_parts_of_a_healthy_run_are_what_it_was_made_of():
    parts, _ = base()
    assert parts.worker_ms == pytest.approx(5 + 2 + 2 + 1)
    assert parts.background_ms == pytest.approx(30)
    assert (parts.workers, parts.batch_size) == (2, 8)


def plant(knobs, planted: str) -> Pipeline:
    slower = knobs.get("slow_down", {})
    kind, _, ms = planted.partition(":")

    def plus(times) -> dict[str, float]:
        return {name: took + slower.get(name, 0.0) * 1e-3 for name, took in times.items()}

    of_worker = {0: float(ms) * 1e-3} if kind == "straggler" else {}
    return replace(
        BASE, sample=plus(BASE.sample), batch=plus(BASE.batch), own=plus(BASE.own), background=plus(BASE.background),
        of_worker=of_worker,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["slow decode", "slow collate", "slow transfer", "main-thread launching",
                                  "background post-processing", "one straggler worker"])  # fmt: skip
def test_a_milder_fault_costs_its_share_and_is_named(name):
    parts, rate = base()
    own = [fault for fault in milder_faults(parts) if fault.name == name]
    assert len(own) == (1 if name == "one straggler worker" else len(SIZES))
    for fault in own:
        record, spans = plant(fault.knobs, fault.planted).run()
        assert record.steady is not None
        lost = 1.0 - record.steady.samples_per_s / rate
        assert lost == pytest.approx(fault.loss, abs=0.015)
        causes, gap = diagnosed(record, spans, None)
        assert gap is not None
        assert any(cause == fault.cause and fault.stage in (None, stage) for cause, stage in names(causes))
        assert causes[0].name != "healthy"
        assert gap.unexplained < 0.1 * gap.missing
