"""The knobs of a trial that is observed: somebody's own training command, and what is set in it from outside.

What nobody sets is as the script has it: such a knob is None where it is asked for, and in a record it is what was in
force.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from workbench.knobs.knob import ALL_OF_A_SAMPLE, Effect, Inactive, Knob, Situation, Tolerance, knob
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import workers_to_try
from workbench.stages import Stage

#: The name of the workload that is none of ours.
OBSERVED = "observed"


def _no_workers(situation: Situation) -> bool:
    return bool(situation.knobs.num_workers == 0)


_NO_WORKERS = Inactive(_no_workers, "there are no workers (num_workers=0)")

#: Knobs that torch's DataLoader takes, by our name: what torch calls them.
DATA_LOADER_KNOBS: Mapping[str, str] = {
    "num_workers": "num_workers",
    "prefetch_factor": "prefetch_factor",
    "persistent_workers": "persistent_workers",
    "pin_memory": "pin_memory",
    "start_method": "multiprocessing_context",
    "in_order": "in_order",
    "batch_size": "batch_size",
}

#: Knobs that belong to a loop of the workbench's own.
_DRIVEN = (
    "seed", "loader", "epoch_overlap", "transport", "malloc_retain", "worker_threads", "replay_ms_per_sample",
    "replay_record", "stage_timing", "slow_down", "engine", "precision", "model_threads", "spinning",
)  # fmt: skip


#: What image decoders do in a script's workers, whatever library they are of.
DECODE = Stage("decode", "worker", "work", "sample", colour="#8C6D46", replayable=True)


class ObservedKnobs(Knobs):
    """A training command, with what is set in it from outside. See `Knobs`."""

    groups: ClassVar[tuple[str, ...]] = ("script", "loading", "strategies", "device", "measuring", "workload")
    suggested_variants: ClassVar[tuple[str, ...]] = ("no workers: num_workers=0",)
    suggested_common: ClassVar[Mapping[str, Any]] = {}
    in_front: ClassVar[tuple[str, ...]] = (
        "command",
        "folder",
        "args",
        "num_workers",
        "batch_size",
        "cache",
        "num_steps",
    )

    workload: str = knob(OBSERVED, "workload", "a script of your own, observed")
    command: str = knob("", "script", "the training command, as you would type it: python train.py --epochs 1")
    folder: str = knob("", "script", "the folder that it is started in; by default the current one")
    args: str = knob("", "script", "arguments that are added to the command")
    env: str = knob("", "script", "environment variables of the command, beside the shell's: NAME=VALUE NAME=VALUE")
    let_finish: bool = knob(
        False,
        "script",
        "let the script go on to its end when all steps are counted, and account for the whole run",
        role="measuring",
        predicted="nothing",
    )
    which_loader: str = knob(
        "auto",
        "script",
        "the loader whose knobs are set: auto (the one that shuffles, or a stream), all, or its name (train.py:12)",
        role="measuring",
        predicted="nothing",
    )
    num_workers: int | None = knob(  # type: ignore[assignment]  # None: as the script has it
        None, "loading", "loader worker processes; 0 loads in the main process", predicted="num_workers",
        tried=workers_to_try, ge=0, le=64,
    )  # fmt: skip
    prefetch_factor: int | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "batches that each worker loads ahead",
        unit="batches",
        inactive=[_NO_WORKERS],
        predicted="prefetch_factor",
        effects={4: Effect(against=("rare slow samples",))},
        tried=(2, 4),
        ge=1,
    )
    persistent_workers: bool | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "keep the workers alive from epoch to epoch",
        inactive=[
            _NO_WORKERS,
            Inactive(lambda s: s.workers_started is False, "no worker was started in the counted steps"),
        ],
        predicted="persistent_workers",
        effects={True: Effect(eases=("start", "epoch"), against=("slow worker start",))},
        tried=(True,),
        cost="workers keep what they hold from epoch to epoch",
    )
    pin_memory: bool | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "copy batches to page-locked memory (CUDA only)",
        inactive=[Inactive(lambda s: not s.gpu, "there is no CUDA device to copy to")],
        effects={True: Effect(eases=("transfer",), against=("transfer-bound",))},
        tried=(False, True),
    )
    start_method: Literal["fork", "spawn", "forkserver"] | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "how loader workers are started (multiprocessing_context)",
        inactive=[_NO_WORKERS],
        effects={"fork": Effect(eases=("start",), against=("slow worker start",))},
    )
    in_order: bool | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "batches arrive in their order, or as they are ready",
        inactive=[_NO_WORKERS],
        predicted="in_order",
        effects={False: Effect(against=("one slow worker", "rare slow samples"))},
        cost="batches come in an order that no other run repeats",
    )
    batch_size: int | None = knob(  # type: ignore[assignment]
        None,
        "loading",
        "samples in a batch; the script's own schedule knows nothing of it: its own argument is the better way (args:)",
        unit="samples",
        predicted="batch_size",
        ge=1,
    )
    opencv_threads: int | None = knob(
        None, "loading", "threads that OpenCV may use in each worker", unit="threads", inactive=[_NO_WORKERS],
        effects={0: Effect(against=("cores oversubscribed",))}, tried=(0,), ge=0, le=256,
    )  # fmt: skip
    torch_threads: int | None = knob(
        None, "loading", "threads that torch may use in each worker", unit="threads", inactive=[_NO_WORKERS],
        ge=1, le=256,
    )  # fmt: skip
    blas_threads: int | None = knob(
        None,
        "loading",
        "threads of BLAS and OpenMP in every process of the script (OMP_NUM_THREADS and the like)",
        unit="threads",
        ge=1,
        le=256,
    )
    cache: Literal["none", "decoded", "sample"] = knob(
        "none",
        "strategies",
        "what is kept in memory from one reading to the next: what the image decoder gives, or what __getitem__ gives",
        effects={
            "decoded": Effect(
                frees=("decode",),
                keeps="the decoded image",
                assumes="Decoded images are all in the cache; copying one out of it takes no time.",
            ),
            "sample": Effect(
                frees=(ALL_OF_A_SAMPLE,),
                keeps="all of a sample",
                repeats=True,
                assumes="All samples are in the cache; copying one out takes no time. Random ones cannot be kept.",
            ),
        },
        cost="one copy of every decoded image, or sample, in shared memory",
        tolerances={},
        tried=("none", "decoded"),
    )
    normalize: Literal["script", "device"] = knob(
        "script",
        "strategies",
        "who turns uint8 levels into normalized floats: the script's transforms, or the device, from a uint8 batch",
        effects={
            "device": Effect(
                frees=("Normalize",),
                assumes="Batches stay as large as they are; as uint8 they are a quarter of it, and cheaper to move.",
            )
        },
        tolerances={"device": Tolerance(1.0, 0.5, "the same division, by arithmetic in another order")},
        tried=("script", "device"),
    )
    device: Literal["auto", "cuda", "cpu"] = knob(
        "auto", "device", "where the model runs: the script decides, and a record says", role="measuring"
    )
    mode: Literal["validate", "train"] = knob(
        "validate", "loading", "whether samples are shuffled: the script decides, and a record says", role="measuring"
    )
    num_steps: int = knob(
        200, "measuring", "counted steps; fewer where the script ends before", unit="steps", role="how_much",
        predicted="nothing", ge=1,
    )  # fmt: skip

    @model_serializer(mode="wrap")
    def _without_driven(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if name not in _DRIVEN}

    @classmethod
    def rows(cls) -> dict[str, Knob]:
        """Every knob by name, group by group, but for those of trials that the workbench drives itself."""
        return {name: row for name, row in super().rows().items() if name not in _DRIVEN}

    own_stages: ClassVar[tuple[Stage, ...]] = (
        DECODE,
        Stage("loader", "worker", "work", replayable=True),
    )

    def data_settings(self) -> dict[str, Any]:
        """Two trials of one command read the same data."""
        return {"command": self.command, "folder": self.folder, "args": self.args}

    def data_files(self) -> list[Path]:
        """Which files a script reads is not known."""
        return []

    @property
    def fills_cache(self) -> bool:
        """Whether a cache is filled in the first epoch."""
        return self.cache != "none"

    def with_asked(self, asked: Mapping[str, Any]) -> ObservedKnobs:
        """The same command, with no more set from outside than was asked for."""
        read_back = (*DATA_LOADER_KNOBS, "opencv_threads", "device", "mode")
        rows = self.rows()
        return self.changed(**{**{name: rows[name].default for name in read_back}, **asked})

    def asked(self) -> dict[str, Any]:
        """What is set from outside, by knob."""
        own = {name: value for name in DATA_LOADER_KNOBS if (value := getattr(self, name)) is not None}
        threads = ("opencv_threads", "torch_threads", "blas_threads")
        own |= {name: value for name in threads if (value := getattr(self, name)) is not None}
        strategies = {"cache": self.cache, "normalize": self.normalize, "knock_out": self.knock_out}
        return own | {name: value for name, value in strategies.items() if value not in ("none", "script", ())}
