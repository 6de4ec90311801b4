"""What `auto` means is said; what isn't there is refused; recorded times are replayed."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
import torch
from measure.devices.fake_cuda import MS, FakeBatch
from record_factory import make_record, make_steady

from workbench.errors import BadInput
from workbench.measure.devices.choose import make_device, resolve_device
from workbench.measure.devices.device import CpuDevice, NoDevice
from workbench.measure.devices.replay import ReplayDevice
from workbench.records.run_folder import RECORD, SPANS, write_json


@dataclass(frozen=True)
class Asked:
    device: str = "auto"
    replay_ms_per_sample: float = 3.0
    replay_record: str | None = None


def placeholder(batch) -> torch.Tensor:
    return torch.zeros(1)


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def with_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.mark.usefixtures("no_cuda")
def test_auto_is_replay_where_there_is_no_cuda_but_a_placeholder():
    kind, note = resolve_device("auto", has_placeholder=True)
    assert kind == "replay"
    assert "simulated" in note


@pytest.mark.usefixtures("no_cuda")
def test_auto_is_the_cpu_where_there_is_neither():
    kind, note = resolve_device("auto", has_placeholder=False)
    assert kind == "cpu"
    assert "placeholder" in note
    assert isinstance(make_device(Asked(), None), CpuDevice)


@pytest.mark.usefixtures("with_cuda")
@pytest.mark.parametrize("has_placeholder", [True, False])
def test_auto_is_cuda_where_there_is_one(has_placeholder):
    kind, note = resolve_device("auto", has_placeholder)
    assert kind == "cuda"
    assert "CUDA" in note


@pytest.mark.usefixtures("no_cuda")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(BadInput, match=r"no CUDA device.*device=cpu"):
        make_device(Asked(device="cuda"), placeholder)


def test_replay_is_refused_where_there_is_no_placeholder():
    with pytest.raises(BadInput, match=r"placeholder.*device=cpu"):
        make_device(Asked(device="replay"), None)


@pytest.mark.parametrize(("name", "kind"), [("cpu", CpuDevice), ("none", NoDevice), ("replay", ReplayDevice)])
def test_the_others_are_what_they_are_called(name, kind):
    assert resolve_device(name, has_placeholder=True) == (name, "")
    assert isinstance(make_device(Asked(device=name), placeholder), kind)


def write_run(folder, origin: str) -> None:
    """A run of batches of ten samples, of which the first was a warm-up."""
    record = make_record(batch_size=10)
    write_json(folder / RECORD, record.model_copy(update={"steady": make_steady(1.0, num_steps=9, warmup_steps=1)}))
    times = [(0, 100), (100, 108), (109, 113)]
    rows = [("device", "forward", begin * MS, end * MS, n, origin) for n, (begin, end) in enumerate(times)]
    table = pd.DataFrame(rows, columns=["lane", "stage", "begin_ns", "end_ns", "batch", "origin"])
    table.assign(process=0, sample=-1, background=False).to_parquet(folder / SPANS)


def test_times_of_the_counted_steps_of_a_record_are_replayed(tmp_path):
    write_run(tmp_path, "measured")
    device = make_device(Asked(device="replay", replay_record=str(tmp_path)), placeholder)
    for number in range(2):
        device.submit("forward", pytest.fail, FakeBatch(number, tuple(range(10))), fetch=True).result()
    assert [span.end_ns - span.begin_ns for span in device.spans()] == [8 * MS, 4 * MS]
    assert device.simulated


def test_simulated_times_are_not_replayed_again(tmp_path):
    write_run(tmp_path, "simulated")
    with pytest.raises(BadInput, match="no measured device times"):
        make_device(Asked(device="replay", replay_record=str(tmp_path)), placeholder)


def test_a_record_that_isnt_there_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"record.json"):
        make_device(Asked(device="replay", replay_record=str(tmp_path)), placeholder)
