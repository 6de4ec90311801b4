"""What a change of knobs costs: in a sentence, and as a number that a gain is divided by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.explain.prediction.predictor import Predictor
from workbench.explain.words.items import counted, plural
from workbench.knobs.knob import Effect, Tolerance, tolerance_between
from workbench.knobs.knobs import Knobs
from workbench.records import Record
from workbench.units import format_bytes, format_duration

#: Bytes of a decoded pixel, as decoders mostly give it.
_COLOURS = 3


@dataclass(frozen=True)
class Weights:
    """How much costs weigh: a gain is divided by 1 and the weight.

    Attributes:
        memory: For all of the machine's memory; a cache in a tenth of it weighs a tenth of this.
        unknown_memory: For a cache whose size the record doesn't tell.
        epochs: Epochs over which the filling of a cache is spread; its share of their time is its weight.
        samples_differ: Where samples may differ from the run's own: they must be looked at.
    """

    memory: float = 2.0
    unknown_memory: float = 0.25
    epochs: float = 10.0
    samples_differ: float = 0.25


@dataclass(frozen=True)
class Cost:
    """What a change costs.

    Attributes:
        text: As text.
        weight: See `Weights`.
        memory_share: Share of the machine's memory that it takes; 0 where that is not known.
    """

    text: str
    weight: float = 0.0
    memory_share: float = 0.0


def cost_of(record: Record, settings: Mapping[str, Any], predictor: Predictor | None) -> Cost:
    """What a change costs.

    Args:
        record: The run that is to be changed.
        settings: The knobs that are set anew; the run can take them.
        predictor: Knows what filling a cache takes, where there is one.
    """
    weights = Weights()
    changed = record.knobs.changed(**settings)
    rows = record.knobs.rows()
    parts = [
        *_cache(record, settings, changed, weights, predictor),
        *_ahead(record, changed, weights),
        *_differing(record, changed, weights),
        *(Cost(rows[name].cost) for name in settings if rows[name].cost),
    ]
    return Cost(
        text="; ".join(part.text for part in parts) or "nothing",
        weight=sum(part.weight for part in parts),
        memory_share=sum(part.memory_share for part in parts),
    )


def _cache(
    record: Record, settings: Mapping[str, Any], changed: Knobs, weights: Weights, predictor: Predictor | None
) -> Iterator[Cost]:
    """Memory for what is kept of each sample, and the time to fill it."""
    rows = record.knobs.rows()
    known = [(rows[name].effects, value) for name, value in settings.items()]
    keeping = [effects[value] for effects, value in known if value in effects and effects[value].keeps]
    if not keeping:
        return
    num_samples = record.description.num_samples if record.description else 0
    items = counted(num_samples, record.item)
    for effect in keeping:
        each = _kept_bytes(record, effect, changed)
        if each is None:
            yield Cost(f"memory for {items} ({effect.keeps})", weights.unknown_memory)
            continue
        share = _share_of_memory(record, num_samples * each)
        size = f"{format_bytes(each)} ({effect.keeps}) = {format_bytes(num_samples * each)}"
        yield Cost(f"memory for {items} x {size}", weights.memory * share, share)
    if predictor is not None and record.steady is not None and num_samples:
        model = predictor.model  # every sample is made once, on all cores
        of_sample_s = sum(model.cost_per_sample(stage) for stage in model.samples.stages)
        fill_s = num_samples * of_sample_s / model.config.usable_cores
        text = f"at most {format_duration(fill_s)} more start-up to fill it (simulated)"
        yield Cost(text, fill_s / (weights.epochs * num_samples / record.steady.samples_per_s))


def _kept_bytes(record: Record, effect: Effect, changed: Knobs) -> float | None:
    """Bytes that are kept of each sample; None where neither the workload nor the run tells it."""
    if effect.keeps_bytes is not None:
        return effect.keeps_bytes(changed)
    if effect.repeats:
        return record.batches.bytes_per_sample
    seen = sum(kind.samples for kind in record.images)
    return _COLOURS * sum(kind.samples * kind.pixels for kind in record.images) / seen if seen else None


def _ahead(record: Record, changed: Knobs, weights: Weights) -> Iterator[Cost]:
    """Memory of batches on their way: those that workers load ahead, as large as the run's own."""
    knobs, num_bytes = record.knobs, record.batches.bytes_per_sample or 0.0
    before, after = (each.num_workers * each.prefetch_factor for each in (knobs, changed))
    there = (record.description.num_samples if record.description else 0) or changed.batch_size  # a stream says none
    size = (after - before) * min(changed.batch_size, there) * num_bytes
    if after <= before:
        return
    more = changed.num_workers - knobs.num_workers
    processes = f"{more} more process{'es' if more > 1 else ''}, " if more > 0 else ""
    text = f"{processes}{after - before} more batches on their way, {format_bytes(size)}"
    share = _share_of_memory(record, size)
    yield Cost(text, weights.memory * share, share)


def _differing(record: Record, changed: Knobs, weights: Weights) -> Iterator[Cost]:
    """How far samples may differ from the run's own."""
    tolerance = tolerance_between(record.knobs, changed, Tolerance(0.0, 0.0, ""))
    if tolerance.largest > 0.0:
        levels = f"{plural(record.item)} may differ by {tolerance.largest:g} of 255 levels ({tolerance.reason})"
        yield Cost(levels, weights.samples_differ)


def _share_of_memory(record: Record, size: float) -> float:
    there = record.environment.memory_bytes if record.environment else 0
    return size / there if there else 0.0
