"""What ran the model, in words: the engine of a run, what building it costs, and where it was not what it should be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.records import EngineFacts, Record
from workbench.units import counted, format_bytes, format_duration, format_epochs

#: A share of updates that may be skipped without a word: the scale of gradients is tried out now and then.
_SKIPPED = 0.01

#: Below this difference of start-ups there is nothing to gain back.
_NO_TIME_S = 0.5


def engine_words(facts: EngineFacts) -> str:
    """An engine in a line: ``"onnx (CPUExecutionProvider), fp32, 2 threads; built in 5.32 s (3.2 MB on disk)"``."""
    parts = [f"{facts.engine} ({facts.provider})", facts.precision]
    if facts.int8_nodes:
        of_all = f" of {facts.num_nodes}" if facts.num_nodes else ""
        parts.append(f"{facts.int8_nodes}{of_all} nodes in 8-bit integers")
    if facts.threads is not None:
        spins = {True: ", which spin", False: ", which do not spin", None: ""}[facts.spinning]
        parts.append(f"{counted(facts.threads, 'thread')}{spins}")
    text = ", ".join(parts)
    if facts.artefact_bytes is None:
        return text
    built = f"{text}; built in {format_duration(facts.build_s)}"
    if facts.was_kept:
        built += f" by an earlier run, loaded here in {format_duration(facts.load_s)}"
    return f"{built} ({format_bytes(facts.artefact_bytes)} on disk)"


def engine_warning(record: Record) -> str:
    """What stands before the figures of a run whose engine was built while steps counted; empty for any other."""
    facts = record.engine
    if facts is None or not facts.late_compilations:
        return ""
    graphs = counted(facts.late_compilations, "graph")
    return f"torch.compile was at work while steps were counted ({graphs}), so this is no steady figure: "


def training_warning(record: Record) -> str:
    """What stands before the figures of a run that left out updates of its weights; empty for any other."""
    facts = record.training
    if facts is None or facts.skipped_steps <= _SKIPPED * facts.optimizer_steps:
        return ""
    updates = f"{facts.skipped_steps} of {counted(facts.optimizer_steps, 'update')}"
    return (
        f"{updates} of the weights were skipped, because gradients had overflowed, which is faster than to make them: "
    )


def building_notes(records: Mapping[str, Sequence[Record]], baseline: str) -> list[str]:
    """What building the engines of a comparison costs where they are not kept yet: a sentence for each variant.

    Args:
        records: The trials that ended well, by variant.
        baseline: Name of the baseline.
    """
    notes = []
    before = records.get(baseline, ())
    for name, trials in records.items():
        facts = [record.engine for record in trials if record.engine is not None]
        if name == baseline or not facts or facts[0].artefact_bytes is None or not before:
            continue
        build_s, load_s = facts[0].build_s, float(np.median([fact.load_s for fact in facts]))
        note = f"The engine of '{name}' was built in {format_duration(build_s)} and is kept"
        if build_s - load_s > _NO_TIME_S:
            note += f"; a trial that finds it starts {format_duration(build_s - load_s)} sooner"
        gained_s = _epoch_s(before) - _epoch_s(trials)
        if gained_s > 0.0 and math.isfinite(gained_s):
            note += f". Building it has paid after {format_epochs(build_s / gained_s)}"
        notes.append(f"{note}.")
    return notes


def _epoch_s(trials: Sequence[Record]) -> float:
    """What an epoch takes, in seconds: the median of some trials."""
    took = [
        record.description.num_samples / record.steady.samples_per_s
        for record in trials
        if record.steady is not None and record.description is not None
    ]
    return float(np.median(took)) if took else math.inf
