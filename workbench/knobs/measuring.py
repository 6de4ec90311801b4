"""The knobs of measuring: how samples are loaded, where the model runs, and how a trial is looked at.

Each room gets the slice that it needs (`LoaderKnobs`, `DeviceKnobs`, `TrialKnobs`); a workload's own knobs join them in
one flat namespace (`knobs.joined`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator

from workbench.knobs.format import read_names, read_numbers
from workbench.knobs.knob import Effect, Inactive, Refusal, Situation, Slice, Tolerance, knob

#: The profilers that there are.
PROFILERS = ("torch", "lines", "stacks", "memory")

#: Loaders that make samples in threads of their own.
OWN_THREADS = ("dali", "spdl")


def _no_workers(situation: Situation) -> bool:
    return bool(situation.knobs.num_workers == 0)


def workers_to_try(cores: int) -> list[int]:
    """Numbers of loader workers for a search: each up to four, then every doubling up to one for each core."""
    doublings = [2**power for power in range(3, cores.bit_length()) if 2**power < cores]
    return [*range(min(cores, 4) + 1), *doublings, *([cores] if cores > 4 else [])]


_NO_WORKERS = Inactive(_no_workers, "there are no workers (num_workers=0)")
_SPDL_IN_THREADS = Inactive(lambda s: bool(s.knobs.loader == "spdl"), "SPDL's workers are threads of the main process")
_DALI_DOES_IT = Inactive(lambda s: bool(s.knobs.loader == "dali"), "DALI decodes, resizes and hands over by itself")


class LoaderKnobs(Slice):
    """What feeds the samples to the main process."""

    mode: Literal["validate", "train"] = knob(
        "validate", "loading", "one validation pass in order, or training steps over shuffled samples"
    )
    seed: int = knob(0, "loading", "seed of everything random", role="how_much", predicted="nothing", ge=0)
    loader: Literal["torch", "webdataset", "dali", "spdl"] = knob(
        "torch",
        "loading",
        "what feeds the samples to the main process",
        refused=[
            Refusal(
                ("loader=dali/spdl", "mode=train"),
                lambda k: k.loader in OWN_THREADS and k.mode == "train",
                "DALI's pipeline here has the validation chain only, and SPDL's threads would share random transforms",
                "Take loader=torch, or mode=validate",
            )
        ],
        tolerances={"dali": Tolerance(64.0, 1.0, "DALI decodes with its own library, and rounds when it resizes")},
    )
    num_workers: int = knob(
        2,
        "loading",
        "loader worker processes; 0 loads in the main process",
        predicted="num_workers",
        tried=workers_to_try,
        ge=0,
        le=64,
    )
    prefetch_factor: int = knob(
        2,
        "loading",
        "batches that each worker loads ahead",
        unit="batches",
        inactive=[_NO_WORKERS],
        predicted="prefetch_factor",
        effects={4: Effect(against=("rare slow samples",))},
        tried=(2, 4),
        ge=1,
    )
    persistent_workers: bool = knob(
        True,
        "loading",
        "keep the workers alive from epoch to epoch",
        inactive=[
            _NO_WORKERS,
            _DALI_DOES_IT,
            _SPDL_IN_THREADS,
            Inactive(lambda s: s.workers_started is False, "no worker was started in the counted steps"),
        ],
        predicted="persistent_workers",
        effects={True: Effect(eases=("start", "epoch"), against=("slow worker start",))},
        tried=(True,),
        cost="workers keep what they hold from epoch to epoch",
    )
    pin_memory: bool = knob(
        False,
        "loading",
        "copy batches to page-locked memory (CUDA only)",
        refused=[
            Refusal(
                ("pin_memory", "device=cpu/replay/none"),
                lambda k: k.pin_memory and k.device in ("cpu", "replay", "none"),
                "page-locked memory only serves copies to a CUDA device",
                "Take pin_memory=false, or device=cuda",
            )
        ],
        inactive=[Inactive(lambda s: not s.gpu, "there is no CUDA device to copy to")],
        effects={True: Effect(eases=("transfer",), against=("transfer-bound",))},
        tried=(False, True),
    )
    start_method: Literal["fork", "spawn", "forkserver"] = knob(
        "fork",
        "loading",
        "how loader workers are started",
        inactive=[_NO_WORKERS, _SPDL_IN_THREADS],
        effects={"fork": Effect(eases=("start",), against=("slow worker start",))},
    )
    in_order: bool = knob(
        True,
        "loading",
        "batches arrive in their order, or as they are ready",
        inactive=[_NO_WORKERS, _DALI_DOES_IT],
        predicted="in_order",
        effects={False: Effect(against=("one slow worker", "rare slow samples"))},
        cost="batches come in an order that no other run repeats",
    )
    epoch_overlap: bool = knob(
        False,
        "loading",
        "workers go on into the next epoch, where torch lets them wait for each other at its end",
        refused=[
            Refusal(
                ("epoch_overlap", "persistent_workers=false"),
                lambda k: k.epoch_overlap and not k.persistent_workers,
                "workers that end with the epoch cannot go on into the next",
                "Take persistent_workers=true, or epoch_overlap=false",
            )
        ],
        inactive=[
            _NO_WORKERS,
            _DALI_DOES_IT,
            Inactive(lambda s: bool(s.knobs.loader == "webdataset"), "a stream of shards ends where they end"),
        ],
        predicted="epoch_overlap",
        effects={True: Effect(against=("idle at epoch ends",))},
        tried=(False, True),
        cost="samples of the next epoch are loaded before this one ends",
    )
    transport: Literal["torch", "ring"] = knob(
        "torch",
        "loading",
        "how batches leave a worker: in fresh shared memory each, or in slots used again and again",
        inactive=[_NO_WORKERS, _DALI_DOES_IT, _SPDL_IN_THREADS],
        effects={"ring": Effect(eases=("collate", "receive", "release"), against=("heavy send and receive",))},
        tried=("torch", "ring"),
        cost="every worker keeps room for a few more batches",
    )
    malloc_retain: bool = knob(
        False,
        "loading",
        "keep the memory that workers free for the next sample, where the C library gives it back to the kernel",
        inactive=[_DALI_DOES_IT],
        cost="workers keep the memory that they free",
        tried=(False, True),
    )
    worker_threads: int = knob(
        1,
        "loading",
        "threads that OpenCV and torch may use in each worker",
        unit="threads",
        refused=[
            Refusal(
                ("worker_threads", "start_method=fork"),
                lambda k: k.worker_threads > 1 and bool(k.num_workers) and k.start_method == "fork",
                "thread pools don't survive a fork: a worker that uses the parent's would wait for ever",
                "Take start_method=spawn, or worker_threads=1",
            )
        ],
        inactive=[_NO_WORKERS, _DALI_DOES_IT, _SPDL_IN_THREADS],
        ge=1,
        le=64,
    )
    batch_size: int = knob(16, "loading", "samples in a batch", unit="samples", predicted="batch_size", ge=1)

    @property
    def shuffles(self) -> bool:
        """Whether samples come in a new order in every epoch."""
        return self.mode == "train"


class DeviceKnobs(Slice):
    """Where the model runs."""

    device: Literal["auto", "cuda", "cpu", "replay", "none"] = knob(
        "auto",
        "device",
        "where the model runs; auto is cuda where there is one, else replay; none runs no model: only the loader",
        refused=[
            Refusal(
                ("mode=train", "device=none"),
                lambda k: k.mode == "train" and k.device == "none",
                "without a device there is nothing to train",
                "Take mode=validate, or another device",
            )
        ],
    )
    replay_ms_per_sample: float = knob(
        3.0,
        "device",
        "what the replay device takes for a sample",
        unit="ms",
        inactive=[
            Inactive(
                lambda s: not s.simulated or s.knobs.replay_record is not None,
                "the time of this device is not set by this knob",
            )
        ],
        predicted="device_time",
        gt=0.0,
        allow_inf_nan=False,
    )
    replay_record: str | None = knob(
        None,
        "device",
        "run folder whose recorded device times the replay device takes instead",
        refused=[
            Refusal(
                ("replay_record", "device=cpu/cuda/none"),
                lambda k: k.replay_record is not None and k.device in ("cpu", "cuda", "none"),
                "only the replay device takes its times from a record",
                "Take device=replay, or leave replay_record out",
            )
        ],
    )


class TrialKnobs(Slice):
    """How much is measured, and how it is looked at."""

    num_steps: int | None = knob(
        None,
        "measuring",
        "counted steps; by default as many as an epoch has",
        unit="steps",
        role="how_much",
        predicted="nothing",
        ge=1,
    )
    warmup_steps: int | None = knob(
        None,
        "measuring",
        "steps before the counted ones; by default until the queue is full and every batch size has been seen",
        unit="steps",
        role="how_much",
        predicted="nothing",
        ge=0,
    )
    stage_timing: bool = knob(
        True,
        "measuring",
        "time every stage; off only to measure what that costs",
        role="measuring",
        predicted="nothing",
    )
    profilers: tuple[str, ...] = knob(
        (), "measuring", "profilers, with commas between: torch, lines, stacks, memory", role="measuring"
    )
    line_functions: tuple[str, ...] = knob(
        (),
        "measuring",
        "functions for the profiler 'lines', dotted paths with commas between; by default the workload's own",
        role="measuring",
        refused=[
            Refusal(
                ("line_functions", "profilers"),
                lambda k: bool(k.line_functions) and "lines" not in k.profilers,
                "only the profiler 'lines' times functions line by line",
                "Take profilers=lines, or leave line_functions out",
            )
        ],
    )
    native_stacks: bool = knob(
        False,
        "measuring",
        "show C and C++ frames in the profiler 'stacks'",
        role="measuring",
        refused=[
            Refusal(
                ("native_stacks", "profilers"),
                lambda k: k.native_stacks and "stacks" not in k.profilers,
                "only the profiler 'stacks' samples stacks",
                "Take profilers=stacks, or native_stacks=false",
            )
        ],
    )
    slow_down: Mapping[str, float] = knob(
        {},
        "measuring",
        "stages that are made to take longer on purpose, each block by this many ms: stage:ms, stage:ms",
        predicted="effects",
        refused=[
            Refusal(
                ("slow_down", "stage_timing=false"),
                lambda k: bool(k.slow_down) and not k.stage_timing,
                "a stage that is not timed cannot be slowed down",
                "Take stage_timing=true, or leave slow_down out",
            )
        ],
    )
    knock_out: tuple[str, ...] = knob(
        (),
        "measuring",
        "stages whose output is replayed from memory, so that they are free; the samples are not valid then",
        predicted="effects",
    )
    checked_samples: int = knob(
        4,
        "measuring",
        "samples that are kept whole, to be compared value by value",
        unit="samples",
        role="measuring",
        predicted="nothing",
        ge=0,
    )
    isolated_samples: int = knob(
        32,
        "measuring",
        "samples that are made once more with no other process at work: for predictions",
        unit="samples",
        role="measuring",
        predicted="nothing",
        ge=0,
    )
    timeout_s: float = knob(
        600.0,
        "measuring",
        "a trial that takes longer is stopped",
        unit="s",
        role="measuring",
        predicted="nothing",
        gt=0.0,
        allow_inf_nan=False,
    )

    @field_validator("profilers", mode="before")
    @classmethod
    def _known_profilers(cls, value: Any) -> Any:
        names = read_names(value)
        if not isinstance(names, tuple):
            return value
        if unknown := [name for name in names if name not in PROFILERS]:
            listed = ", ".join(map(repr, unknown))
            raise ValueError(f"there is no profiler {listed}; there are: {', '.join(PROFILERS)}")
        return tuple(name for name in PROFILERS if name in names)

    @field_validator("line_functions", "knock_out", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return read_names(value)

    @field_validator("slow_down", mode="before")
    @classmethod
    def _delays(cls, value: Any) -> Any:
        return read_numbers(value, "write stage:ms, as in read:1.5, with commas between")
