"""The device that the knobs ask for, and what `auto` means on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.measuring import DeviceKnobs
from workbench.measure.devices.cuda import CudaDevice, TorchCuda
from workbench.measure.devices.device import CpuDevice, Device, NoDevice
from workbench.measure.devices.parse_here import CUDA_REMEDY, NO_CUDA
from workbench.measure.devices.replay import RecordedTimes, ReplayDevice, recorded_times
from workbench.records.run_folder import read_record, read_spans
from workbench.workload import Batch


def resolve_device(kind: str, has_placeholder: bool) -> tuple[str, str]:
    """The device to use here.

    Args:
        kind: Value of the knob `device`.
        has_placeholder: Whether the workload makes the results that a replay device gives.

    Returns:
        The kind (cuda, cpu, replay or none), and a sentence for the reader where it was `auto`, else an empty one.

    Raises:
        BadInput: For device=cuda where there is none, and for device=replay without a placeholder.
    """
    if kind == "cuda" and not torch.cuda.is_available():
        raise BadInput("knobs", [Problem(NO_CUDA, "device=cuda", CUDA_REMEDY)])
    if kind == "replay" and not has_placeholder:
        remedy = "Take device=cpu or device=cuda, or give the workload a placeholder"
        raise BadInput("knobs", [Problem("the workload has no placeholder for results", "device=replay", remedy)])
    if kind != "auto":
        return kind, ""
    if torch.cuda.is_available():
        return "cuda", "device=auto is the CUDA device of this machine"
    if has_placeholder:
        return "replay", "device=auto found no CUDA device and is the replay device: what rests on it is simulated"
    return "cpu", "device=auto found no CUDA device, and the workload has no placeholder to replay: it is the CPU"


def make_device(knobs: DeviceKnobs, placeholder: Callable[[Batch], torch.Tensor] | None) -> Device:
    """The device.

    Args:
        knobs: What is asked for.
        placeholder: Makes the results that a replay device gives; None where the workload has none.

    Raises:
        BadInput: As `resolve_device`, and for a replay record without device times.
    """
    kind, _ = resolve_device(knobs.device, placeholder is not None)
    if kind == "cuda":
        return CudaDevice(TorchCuda())
    if kind == "cpu":
        return CpuDevice()
    if kind == "none":
        return NoDevice()
    assert placeholder is not None  # else it would have been refused
    recorded = _read_times(Path(knobs.replay_record)) if knobs.replay_record else None
    return ReplayDevice(ms_per_sample=knobs.replay_ms_per_sample, placeholder=placeholder, recorded=recorded)


def _read_times(folder: Path) -> RecordedTimes:
    record = read_record(folder)
    spans = read_spans(folder)
    counted = slice(record.steady.warmup_steps if record.steady else 0, None)
    samples_of = dict(zip(record.batches.number[counted], record.batches.samples[counted], strict=True))
    times = recorded_times(spans, samples_of, record.run_id)
    if times is None:
        remedy = "Name a run with device=cuda (or cpu)"
        raise BadInput(str(folder), [Problem("the run has no measured device times", "replay_record", remedy)])
    return times
