"""The verdict table as text."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.explain.verdicts.verdict_words import verdict_words, what_it_needs
from workbench.records import Comparison
from workbench.units import format_bytes, format_duration, format_rate, format_ratio

COLUMNS = (
    "variant", "throughput", "speed-up", "95 % interval", "verdict",
    "same result?", "peak memory", "start-up", "pays after",
)  # fmt: skip


def verdict_lines(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """A row a variant, with a cell for each of `COLUMNS`; "-" where there is nothing to say."""
    for one in comparison.variants:
        rate = format_rate(one.samples_per_s.median) if one.samples_per_s else "-"
        interval = one.speedup.ci95 if one.speedup else None
        yield (
            one.name,
            f"{rate} (simulated)" if one.simulated else rate,
            format_ratio(one.speedup.estimate) if one.speedup else "-",
            f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "-",
            ", ".join(filter(None, (verdict_words(one), what_it_needs(one, comparison)))),
            one.parity.status.replace("_", " ") if one.parity and one.parity.status else "-",
            format_bytes(one.memory.peak_pss_bytes),
            format_duration(one.startup_s),
            "-" if one.break_even_epochs is None else f"{one.break_even_epochs:.2g} epochs",
        )
