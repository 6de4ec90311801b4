"""Combinations of knobs that cannot run, each with the reason and the fix. What a knob is stands in `knobs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.errors import Problem


@dataclass(frozen=True)
class Impossible:
    """A combination of knobs that cannot run, why, and the fix."""

    knobs: tuple[str, ...]
    applies: Callable[[Any], bool]
    what: str
    remedy: str

    def problem(self) -> Problem:
        """The combination as a problem of the input."""
        return Problem(self.what, where=" with ".join(self.knobs), remedy=self.remedy)


def _keeps_pages(knobs: Any) -> bool:
    return bool(knobs.cache != "none" or knobs.targets == "cached")


IMPOSSIBLE: tuple[Impossible, ...] = (
    Impossible(
        ("slow_down", "stage_timing=false"),
        lambda k: bool(k.slow_down) and not k.stage_timing,
        "a stage that is not timed cannot be slowed down",
        "Take stage_timing=true, or leave slow_down out",
    ),
    Impossible(
        ("cache=prepared/tensor", "mode=train"),
        lambda k: k.cache in ("prepared", "tensor") and k.mode == "train",
        "the training chain starts with random transforms, so a page prepared once would be the same in every epoch",
        "Take cache=decoded, or mode=validate",
    ),
    Impossible(
        ("targets=cached", "mode=train"),
        lambda k: k.targets == "cached" and k.mode == "train",
        "the words move with the random transforms, so their maps are new in every epoch",
        "Take targets=fast, or mode=validate",
    ),
    Impossible(
        ("cache_store=shared/disk", "cache=none"),
        lambda k: k.cache_store != "memory" and not _keeps_pages(k),
        "there is no cache to store",
        "Take a cache (prepared, for one) or targets=cached, or cache_store=memory",
    ),
    Impossible(
        ("cache=tensor", "normalize"),
        lambda k: k.cache == "tensor" and k.normalize != "cached",
        "what the cache holds is normalized already",
        "Take normalize=cached, or cache=prepared",
    ),
    Impossible(
        ("normalize=cached", "cache"),
        lambda k: k.normalize == "cached" and k.cache != "tensor",
        "only cache=tensor keeps normalized pages",
        "Take cache=tensor, or another normalize",
    ),
    Impossible(
        ("scaled_decode", "mode=train"),
        lambda k: k.scaled_decode and k.mode == "train",
        "random transforms work on the whole page",
        "Take scaled_decode=false, or mode=validate",
    ),
    Impossible(
        ("scaled_decode", "image_decoder=nvjpeg"),
        lambda k: k.scaled_decode and k.image_decoder == "nvjpeg",
        "nvJPEG decodes whole images only",
        "Take image_decoder=turbojpeg, or scaled_decode=false",
    ),
    Impossible(
        ("image_decoder=nvjpeg", "device=cpu/replay/none"),
        lambda k: k.image_decoder == "nvjpeg" and k.device in ("cpu", "replay", "none"),
        "nvJPEG decodes on a CUDA device",
        "Take image_decoder=turbojpeg, or device=cuda",
    ),
    Impossible(
        ("image_decoder=nvjpeg", "num_workers", "start_method=fork"),
        lambda k: k.image_decoder == "nvjpeg" and k.num_workers > 0 and k.start_method == "fork",
        "CUDA cannot be used in a process that was forked from one that uses it",
        "Take start_method=spawn, or num_workers=0",
    ),
    Impossible(
        ("worker_threads", "start_method=fork"),
        lambda k: k.worker_threads > 1 and k.num_workers > 0 and k.start_method == "fork",
        "thread pools don't survive a fork: a worker that uses the parent's would wait for ever",
        "Take start_method=spawn, or worker_threads=1",
    ),
    Impossible(
        ("transforms=direct", "mode=train"),
        lambda k: k.transforms == "direct" and k.mode == "train",
        "the random transforms are albumentations'",
        "Take transforms=albumentations, or mode=validate",
    ),
    Impossible(
        ("normalize=folded", "mode=train"),
        lambda k: k.normalize == "folded" and k.mode == "train",
        "training would change the folded weights otherwise than the model's own",
        "Take normalize=device, or mode=validate",
    ),
    Impossible(
        ("mode=train", "targets=none"),
        lambda k: k.mode == "train" and k.targets == "none",
        "the loss needs the target maps",
        "Take targets=compute or fast, or mode=validate",
    ),
    Impossible(
        ("mode=train", "device=none"),
        lambda k: k.mode == "train" and k.device == "none",
        "without a device there is nothing to train",
        "Take mode=validate, or another device",
    ),
    Impossible(
        ("device=replay", "targets=none"),
        lambda k: k.device == "replay" and k.targets == "none",
        "the replay device predicts the targets' shrink map, which is then missing",
        "Take targets=compute or fast, or device=cpu",
    ),
    Impossible(
        ("epochs=joined", "persistent_workers=false"),
        lambda k: k.epochs == "joined" and not k.persistent_workers,
        "workers that end with the epoch cannot run on into the next",
        "Take persistent_workers=true, or epochs=apart",
    ),
    Impossible(
        ("loader=webdataset/dali", "cache"),
        lambda k: k.loader != "torch" and _keeps_pages(k),
        "caches are looked up by page, and only the torch loader asks page by page",
        "Take loader=torch, or cache=none and targets=compute or fast",
    ),
    Impossible(
        ("loader=dali", "mode=train"),
        lambda k: k.loader == "dali" and k.mode == "train",
        "the DALI pipeline here has the validation chain only",
        "Take loader=torch, or mode=validate",
    ),
    Impossible(
        ("loader=dali", "normalize"),
        lambda k: k.loader == "dali" and k.normalize not in ("albumentations", "device", "folded"),
        "DALI normalizes by itself (albumentations stands for the same arithmetic), or not at all",
        "Take normalize=albumentations, device or folded",
    ),
    Impossible(
        ("loader=dali", "scaled_decode"),
        lambda k: k.loader == "dali" and k.scaled_decode,
        "DALI's decoder gives whole images only",
        "Take scaled_decode=false, or loader=torch",
    ),
    Impossible(
        ("pin_memory", "device=cpu/replay/none"),
        lambda k: k.pin_memory and k.device in ("cpu", "replay", "none"),
        "page-locked memory only serves copies to a CUDA device",
        "Take pin_memory=false, or device=cuda",
    ),
    Impossible(
        ("precision=fp16", "device=cpu"),
        lambda k: k.precision == "fp16" and k.device == "cpu",
        "half precision on the CPU is not supported by autocast for this model",
        "Take precision=bf16 or fp32, or device=cuda",
    ),
    Impossible(
        ("line_functions", "profilers"),
        lambda k: bool(k.line_functions) and "lines" not in k.profilers,
        "only the profiler 'lines' times functions line by line",
        "Take profilers=lines, or leave line_functions out",
    ),
    Impossible(
        ("native_stacks", "profilers"),
        lambda k: k.native_stacks and "stacks" not in k.profilers,
        "only the profiler 'stacks' samples stacks",
        "Take profilers=stacks, or native_stacks=false",
    ),
    Impossible(
        ("replay_record", "device=cpu/cuda/none"),
        lambda k: k.replay_record is not None and k.device in ("cpu", "cuda", "none"),
        "only the replay device takes its times from a record",
        "Take device=replay, or leave replay_record out",
    ),
)
