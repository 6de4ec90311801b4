"""The device that a set of knobs asks for, and what `auto` comes to on this machine."""

from __future__ import annotations

from pathlib import Path

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.devices.cpu import CpuDevice
from workbench.measure.devices.cuda import CudaDevice
from workbench.measure.devices.device import Device
from workbench.measure.devices.nothing import NoDevice
from workbench.measure.devices.replay import RecordedTimes, ReplayDevice
from workbench.records.run_folder import read_record, read_spans


def resolve_device(knobs: Knobs) -> tuple[str, str]:
    """What `device` means here.

    Returns:
        The kind (cuda, cpu, replay or none), and a line for the reader where it was `auto`, else an empty one.

    Raises:
        BadInput: For device=cuda where there is none.
    """
    if knobs.device == "cuda" and not torch.cuda.is_available():
        remedy = "Take device=auto, which stands in a replay device, or device=cpu"
        raise BadInput("knobs", [Problem("there is no CUDA device on this machine", "device=cuda", remedy)])
    if knobs.device != "auto":
        return knobs.device, ""
    if torch.cuda.is_available():
        return "cuda", "device=auto is the CUDA device of this machine"
    return "replay", "device=auto found no CUDA device: the replay device stands in, and what rests on it is simulated"


def make_device(knobs: Knobs) -> Device:
    """The device.

    Raises:
        BadInput: For device=cuda where there is none, or a replay record without device times.
    """
    kind, _ = resolve_device(knobs)
    if kind == "cuda":
        return CudaDevice()
    if kind == "cpu":
        return CpuDevice()
    if kind == "none":
        return NoDevice()
    recorded = _recorded_times(Path(knobs.replay_record)) if knobs.replay_record else None
    return ReplayDevice(ms_per_sample=knobs.replay_ms_per_sample, recorded=recorded)


def _recorded_times(folder: Path) -> RecordedTimes:
    record = read_record(folder)
    spans = read_spans(folder)
    device = spans[(spans["lane"] == "device") & (spans["origin"] == "measured")]
    if device.empty:
        remedy = "Name a run with device=cuda (or cpu)"
        raise BadInput(str(folder), [Problem("the run has no measured device times", "replay_record", remedy)])
    per_batch = (device["end_ns"] - device["begin_ns"]).groupby(device["batch"]).sum()
    return RecordedTimes([int(value) for value in per_batch], record.knobs.batch_size, record.run_id)
