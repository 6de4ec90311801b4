"""What has been measured so far, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.explain.history import changed_knobs
from workbench.explain.prediction.variants import Trust
from workbench.explain.verdicts.verdict_words import verdict_words
from workbench.records import Comparison, Record, VariantResult
from workbench.units import format_rate, format_ratio, format_share


def comparison_lines(comparisons: Sequence[tuple[Path, Comparison]]) -> Iterator[tuple[str, ...]]:
    """A row a comparison: its folder, when, how many blocks, and the verdict on each variant."""
    for folder, comparison in comparisons:
        told = [_verdict(one) for one in comparison.variants if one.name != comparison.baseline]
        yield folder.name, comparison.created_at[:16], str(comparison.num_blocks), "; ".join(told)


def trial_lines(trials: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    """A row a trial: its run id, when, what came of it, and its knobs."""
    for record in trials:
        yield record.run_id, record.created_at[:16], _outcome(record), changed_knobs(record.knobs)


def trust_line(found: Trust) -> str:
    """How predictions have turned out so far."""
    if not found.count:
        return "No prediction has been held against a comparison yet."
    noun = "prediction was" if found.count == 1 else "predictions were"
    return (
        f"{found.count} {noun} compared: off by {format_share(found.median_error)} in the median, "
        f"{found.inside} of {found.count} measured values inside the 90 % interval."
    )


def _verdict(one: VariantResult) -> str:
    factor = f" ({format_ratio(one.speedup.estimate)})" if one.speedup else ""
    return f"{one.name}: {verdict_words(one)}{factor}"


def _outcome(record: Record) -> str:
    if record.steady is None:
        return f"failed ({record.failure.kind})" if record.failure else "failed"
    return format_rate(record.steady.samples_per_s) + (" (simulated)" if record.simulated else "")
