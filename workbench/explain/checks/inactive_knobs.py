"""Knobs that can change nothing where they are set, and why: said before anybody reads meaning into a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.records import Record


@dataclass(frozen=True)
class NoEffect:
    """When a knob does nothing.

    Attributes:
        knobs: The knobs.
        applies: Whether that is so in a run.
        because: The reason.
    """

    knobs: tuple[str, ...]
    applies: Callable[[Record], bool]
    because: str


def _no_workers(record: Record) -> bool:
    return record.knobs.num_workers == 0


def _no_model(record: Record) -> bool:
    return record.simulated or record.knobs.device == "none"


RULES: tuple[NoEffect, ...] = (
    NoEffect(
        ("prefetch_factor", "persistent_workers", "start_method", "in_order", "epochs", "transport", "worker_threads"),
        _no_workers,
        "there are no workers (num_workers=0)",
    ),
    NoEffect(
        ("encoder", "neck", "engine", "precision", "channels_last", "weights"),
        _no_model,
        "no model is run: the device is replayed, or there is none",
    ),
    NoEffect(
        ("pin_memory",),
        lambda record: not (record.environment and record.environment.gpu),
        "there is no CUDA device to copy to",
    ),
    NoEffect(("postprocess",), lambda r: r.knobs.device == "none", "without a device nothing is detected"),
    NoEffect(("postprocess",), lambda r: r.knobs.mode == "train", "training detects nothing"),
    NoEffect(
        ("replay_ms_per_sample",),
        lambda r: not r.simulated or r.knobs.replay_record is not None,
        "the device is none that is told its time by this knob",
    ),
    NoEffect(
        (
            "image_decoder",
            "transforms",
            "transport",
            "in_order",
            "epochs",
            "persistent_workers",
            "worker_threads",
            "freed_memory",
        ),
        lambda r: r.knobs.loader == "dali",
        "DALI decodes, resizes and hands over by itself",
    ),
    NoEffect(
        ("image_decoder", "scaled_decode"),
        lambda r: r.knobs.cache in ("prepared", "tensor"),
        "no page is decoded in the counted steps: they take pages from the cache (which is filled otherwise)",
    ),
    NoEffect(
        ("image_decoder",),
        lambda r: r.knobs.cache == "decoded",
        "no page is decoded in the counted steps: they take pages from the cache (which is filled otherwise)",
    ),
    NoEffect(
        ("transforms",),
        lambda r: r.knobs.fully_cached,
        "no page is transformed in the counted steps: they take pages from the cache (which is filled otherwise)",
    ),
    NoEffect(
        ("worker_threads",),
        lambda r: r.knobs.fully_cached,
        "workers only copy pages that lie in memory",
    ),
    NoEffect(
        ("persistent_workers",),
        lambda r: bool(r.stages) and not any(one.lane == "worker" and one.name == "start" for one in r.stages),
        "no worker was started in the counted steps",
    ),
    NoEffect(
        ("epochs",),
        lambda r: r.knobs.loader == "webdataset",
        "a stream of shards ends where they end",
    ),
    NoEffect(
        ("cache_store",),
        lambda r: r.knobs.num_workers == 0 and r.knobs.cache_store in ("memory", "shared"),
        "without workers nobody shares it",
    ),
)


def without_effect(variant: Record, baseline: Record) -> list[str]:
    """The knobs by which a variant differs from its baseline and that change nothing in either, with reasons."""
    said = []
    for name in variant.knobs.differing(baseline.knobs):
        reasons = [
            rule.because for rule in RULES if name in rule.knobs and rule.applies(variant) and rule.applies(baseline)
        ]
        if reasons:
            said.append(f"{name} has no effect here, because {reasons[0]}")
    return said
