"""A script on a CUDA device: what the device does has a lane of its own, though the host never waits for it there."""

from __future__ import annotations

import pytest

from workbench.explain.breakdown import break_down
from workbench.explain.diagnosis.diagnose import advise

pytestmark = pytest.mark.real


def test_a_device_has_its_own_lane_and_is_what_bounds(observe, tmp_path):
    record = observe("pretended_device.py", "20", num_steps=30)

    assert record.status == "ok", record.failure
    assert (record.device, record.knobs.device, record.environment.gpu) == ("cuda", "cuda", "pretended")
    assert record.memory.peak_device_bytes == 12_345
    rows = {(row.lane, row.name): row for row in record.stages}
    forward = rows["device", "forward"]
    assert forward.count == 30 and forward.total_s == pytest.approx(30 * 0.020, rel=0.2)
    assert rows["main", "forward"].total_s < 0.5 * forward.total_s  # the host had gone on
    assert {("main", "transfer"), ("device", "transfer"), ("device", "backward")} <= set(rows)
    lanes = {lane.lane: lane for lane in break_down(record)}
    assert lanes["main"].attributed_share > 0.98
    first = advise(tmp_path / record.run_id).causes[0]
    # A busy machine makes the host nearly as slow as the device: then they are matched.
    is_matched = first.name == "healthy" and first.evidence.startswith("The device is at work")
    assert first.name in ("device-bound", "main-thread-bound") or is_matched
