"""`auto` says what it came to; what isn't there is refused; recorded times are replayed."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from record_factory import make_record

from workbench.errors import BadInput
from workbench.knobs.knobs import Knobs
from workbench.measure.devices.choose import make_device, resolve_device
from workbench.measure.devices.cpu import CpuDevice
from workbench.measure.devices.replay import ReplayDevice
from workbench.records.run_folder import RECORD, SPANS, write_json

has_cuda = torch.cuda.is_available()


@pytest.mark.skipif(has_cuda, reason="this machine has a CUDA device")
def test_auto_is_replay_where_there_is_no_cuda_and_says_so():
    kind, note = resolve_device(Knobs())
    assert kind == "replay"
    assert "simulated" in note


@pytest.mark.skipif(has_cuda, reason="this machine has a CUDA device")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(BadInput, match="no CUDA device"):
        make_device(Knobs(device="cuda"))


def test_the_others_are_what_they_are_called():
    assert isinstance(make_device(Knobs(device="cpu")), CpuDevice)
    assert isinstance(make_device(Knobs(device="replay")), ReplayDevice)


def write_run(folder, origin: str) -> None:
    write_json(folder / RECORD, make_record(batch_size=4))
    rows = [("device", "forward", 0, 8_000_000, 0, origin), ("device", "forward", 9_000_000, 13_000_000, 1, origin)]
    pd.DataFrame(rows, columns=["lane", "stage", "begin_ns", "end_ns", "batch", "origin"]).to_parquet(folder / SPANS)


def test_times_of_a_record_are_replayed(tmp_path):
    write_run(tmp_path, "measured")
    device = make_device(Knobs(device="replay", replay_record=str(tmp_path)))
    for batch in range(2):
        device.submit("forward", pytest.fail, batch=batch, num_pages=4, placeholder=torch.zeros(1)).result()
    assert [span.end_ns - span.begin_ns for span in device.spans()] == [8_000_000, 4_000_000]
    assert device.simulated


def test_simulated_times_are_not_replayed_again(tmp_path):
    write_run(tmp_path, "simulated")
    with pytest.raises(BadInput, match="no measured device times"):
        make_device(Knobs(device="replay", replay_record=str(tmp_path)))


def test_a_record_that_isnt_there_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"record.json"):
        make_device(Knobs(device="replay", replay_record=str(tmp_path)))
