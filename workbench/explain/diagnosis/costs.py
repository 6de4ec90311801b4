"""What a change of knobs costs: in words, and as a number that a gain is divided by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.explain.prediction.moved_bytes import bytes_per_page
from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.knobs import Knobs
from workbench.records import Record
from workbench.units import format_bytes, format_duration
from workbench.workloads.ocr.checks.tolerances import SAME_LEVELS, TARGET_LEVELS, tolerance_for

#: Bytes for each pixel of the input that a cache keeps; the size of files and whole images isn't in a record.
_CACHED = {"prepared": 3, "tensor": 12}
_TARGETS = 2

#: Slots of a ring beyond the batches that a worker loads ahead.
_SPARE_SLOTS = 5

_TELLS = {
    "in_order": "batches come in an order that no other run repeats",
    "postprocess": "results come up to three steps later",
    "epochs": "pages of the next epoch are loaded before this one ends",
    "persistent_workers": "workers keep what they hold from epoch to epoch",
    "freed_memory": "workers keep the memory that they free",
    "normalize": "pages travel as bytes, or are normalized by other code; a comparison proves that they are the same",
    "transforms": "pages are resized by other code; a comparison proves that they are the same",
    "precision": "detections may differ; a comparison tells by how much",
}


@dataclass(frozen=True)
class Weights:
    """What prices weigh: a gain is divided by 1 and the weight.

    Attributes:
        memory: For all of the machine's memory; a cache in a tenth of it weighs a tenth of this.
        unknown_memory: For a cache whose size the record doesn't tell.
        epochs: Epochs over which the filling of a cache is spread; its share of their time is its weight.
        pages_differ: Where pages differ by more than the same decoder's would: they must be looked at.
    """

    memory: float = 2.0
    unknown_memory: float = 0.25
    epochs: float = 10.0
    pages_differ: float = 0.25


@dataclass(frozen=True)
class Price:
    """A price.

    Attributes:
        told: In words.
        weight: See `Weights`.
        memory_share: Share of the machine's memory that it takes; 0 where that is not known.
    """

    told: str
    weight: float
    memory_share: float


def price_of(record: Record, settings: Mapping[str, object], predictor: Predictor | None) -> Price:
    """What a change costs.

    Args:
        record: The run that is to be changed.
        settings: The knobs that are set anew; the run can take them.
        predictor: Knows what filling a cache takes, where there is one.
    """
    weights = Weights()
    knobs = record.knobs
    changed = knobs.changed(**settings)
    parts = [_cache(record, changed, weights, predictor), _ahead(record, changed), _pages(knobs, changed, weights)]
    told = [part.told for part in parts if part.told]
    told += [_TELLS[name] for name in settings if name in _TELLS and getattr(changed, name) != getattr(knobs, name)]
    return Price(
        told="; ".join(told) or "nothing",
        weight=sum(part.weight for part in parts),
        memory_share=sum(part.memory_share for part in parts),
    )


_FREE = Price("", 0.0, 0.0)


def _cache(record: Record, changed: Knobs, weights: Weights, predictor: Predictor | None) -> Price:
    pages = record.pages.num_pages if record.pages else 0
    kinds = dict(_kept(record.knobs, changed))
    if not kinds:
        return _FREE
    known = sum(size for size in kinds.values() if size is not None)
    share = _share_of_memory(record, pages * known)
    told = [
        f"memory for {pages} pages x {format_bytes(size)} ({what}) = {format_bytes(pages * size)}"
        if size is not None
        else f"memory for {pages} {what}"
        for what, size in kinds.items()
    ]
    weight = weights.memory * share + (weights.unknown_memory if None in kinds.values() else 0.0)
    fill_s = _fill_s(pages, predictor)
    if fill_s is not None and record.steady is not None:
        told.append(f"at most {format_duration(fill_s)} more start-up to fill it (simulated)")
        weight += fill_s / (weights.epochs * pages / record.steady.samples_per_s)
    return Price("; ".join(told), weight, share)


def _kept(knobs: Knobs, changed: Knobs) -> Iterator[tuple[str, int | None]]:
    """What a new cache keeps of a page, with its bytes."""
    if changed.cache not in ("none", knobs.cache):
        per_pixel = _CACHED.get(changed.cache)
        what = {"encoded": "files as they are", "decoded": "whole images, 3 bytes a pixel"}
        yield what.get(changed.cache, f"{changed.cache} images"), per_pixel and per_pixel * changed.image_size**2
    if changed.targets == "cached" != knobs.targets:
        yield "target maps", _TARGETS * changed.image_size**2


def _fill_s(pages: int, predictor: Predictor | None) -> float | None:
    """Making all pages once, on all cores."""
    if predictor is None:
        return None
    model = predictor.model
    return pages * sum(model.cost_per_page(stage) for stage in model.pages.stages) / model.config.cores


def _ahead(record: Record, changed: Knobs) -> Price:
    """Memory of batches on their way: those that workers load ahead, in slots or in fresh memory."""
    before, after = _batches_ahead(record.knobs), _batches_ahead(changed)
    size = (after - before) * changed.batch_size * bytes_per_page(changed)
    if size <= 0:
        return _FREE
    told = f"{after - before} more batches on their way, {format_bytes(size)}"
    if changed.num_workers > record.knobs.num_workers:
        more = changed.num_workers - record.knobs.num_workers
        told = f"{more} more process{'es' if more > 1 else ''}, {told}"
    return Price(told, Weights().memory * _share_of_memory(record, size), _share_of_memory(record, size))


def _batches_ahead(knobs: Knobs) -> int:
    return knobs.num_workers * (knobs.prefetch_factor + (_SPARE_SLOTS if knobs.transport == "ring" else 0))


def _pages(knobs: Knobs, changed: Knobs, weights: Weights) -> Price:
    """How far pages and maps may differ from the run's own."""
    told, weight = [], 0.0
    ordinary, tolerance = tolerance_for(knobs, knobs), tolerance_for(knobs, changed)
    if tolerance.max_levels > ordinary.max_levels:
        told.append(f"pages may differ by {tolerance.max_levels:g} of 255 levels at a pixel ({tolerance.reason})")
        weight = weights.pages_differ
    if changed.targets != knobs.targets and changed.targets in ("fast", "cached"):
        told.append(f"target maps within {TARGET_LEVELS + SAME_LEVELS:g} levels of 255")
    return Price("; ".join(told), weight, 0.0)


def _share_of_memory(record: Record, size: float) -> float:
    there = record.environment.memory_bytes if record.environment else 0
    return size / there if there else 0.0
