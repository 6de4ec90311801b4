"""Tables of comparisons: the verdicts, whether results are still the same, and what was measured so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.explain.history import changed_knobs
from workbench.explain.prediction.variants import Trust
from workbench.explain.table import Cell, Table, Tone, code, make_table, note_table, number
from workbench.explain.words.items import counted, item_of, plural
from workbench.explain.words.verdicts import verdict_words, what_it_needs
from workbench.knobs.format import format_settings
from workbench.records import Check, Comparison, Record, VariantResult
from workbench.units import (
    format_bytes,
    format_duration,
    format_epochs,
    format_number,
    format_rate,
    format_ratio,
    format_share,
)

#: What a verdict means to the reader.
VERDICT_TONES: dict[str, Tone] = {
    "faster": "good", "slower": "bad", "no_difference": "soft", "inconclusive": "undecided", "failed": "alarm",
    "baseline": "soft",
}  # fmt: skip


_STATUSES = {"same": "same", "within_tolerance": "within tolerance", "cannot_tell": "cannot tell"}


def verdict_table(comparison: Comparison) -> Table:
    """A row for each variant: what it changes, how fast it is, how sure that is, whether its result is the same."""
    rate = f"{plural(item_of(comparison))}/s"
    columns = ("variant", rate, "speed-up", "verdict", "same result?", "peak memory", "start-up", "pays after")
    rows = [_verdict_row(variant, comparison.base, comparison) for variant in comparison.variants]
    notes = comparison.description.notes if comparison.description is not None else []
    return make_table(columns, rows, caption=_caption(comparison), notes=notes, is_wide=True)


def _caption(comparison: Comparison) -> str:
    blocks = f"{comparison.num_blocks} block{'s' if comparison.num_blocks != 1 else ''}"
    has_intervals = any(v.speedup is not None and v.speedup.ci95 is not None for v in comparison.variants)
    interval = f" with its {comparison.policy.confidence * 100:g} % interval" if has_intervals else ""
    anew = "" if comparison.policy.slicing is None else " of trials that were not forked"
    text = (
        f"Median throughput of {blocks}; speed-up over '{comparison.baseline}'{interval}, from the ratios within "
        f"blocks; median start-up{anew} and largest memory"
    )
    simulated = "; all of it on a simulated device" if all(v.simulated for v in comparison.variants) else ""
    return f"{text}{simulated}."


def _verdict_row(variant: VariantResult, baseline: VariantResult | None, comparison: Comparison) -> list[Cell]:
    is_baseline = variant.name == comparison.baseline
    changes = "" if baseline is None or is_baseline else format_settings(variant.knobs.compared(baseline.knobs))
    is_said = set(changes.split()) <= set(variant.name.split())  # a cell of a grid is named for what it sets
    below = [] if is_said else [code(changes)]
    name = Cell(variant.name, style="strong", below=(*below, *map(Cell, variant.inactive)))
    verdict = "baseline" if is_baseline and variant.verdict is None else (variant.verdict or "inconclusive")
    failure = variant.failure.message if variant.failure is not None else ""
    needs = [Cell(text) for text in (what_it_needs(variant, comparison), failure) if text]
    rate = format_number(variant.samples_per_s.median if variant.samples_per_s else None)
    pays = format_epochs(variant.break_even_epochs) if variant.break_even_epochs is not None else "-"
    return [
        name,
        number(rate, "(simulated device)" if variant.simulated else ""),
        _speedup(variant),
        Cell(verdict_words(variant), VERDICT_TONES[verdict], "strong", below=tuple(needs)),
        Cell() if is_baseline else checks_cell(variant),
        number(format_bytes(variant.memory.peak_pss_bytes)),
        number(format_duration(variant.startup_s)),
        number("" if is_baseline else pays),
    ]


def _speedup(variant: VariantResult) -> Cell:
    if variant.speedup is None:
        return Cell()
    interval = "" if variant.speedup.ci95 is None else "[{:.2f}, {:.2f}]".format(*variant.speedup.ci95)
    return number(format_ratio(variant.speedup.estimate), interval)


def checks_cell(variant: VariantResult) -> Cell:
    """Whether a variant's result is still the baseline's. Checks that agree share a line."""
    checks = variant.checks
    if checks is None:
        return Cell("not checked")
    shown = [check for check in checks.checks if check.status != "same"]
    same = len(checks.checks) - len(shown)
    agree = [f"{same} of {counted(len(checks.checks), 'check')} agree"] if same else []
    lines = tuple(map(Cell, [*map(_check_words, shown), *agree, *checks.notes]))
    if checks.is_different:
        return Cell("DIFFERENT", "alarm", "strong", below=lines)
    return Cell(_STATUSES.get(checks.status, "not checked"), below=lines)


def _check_words(check: Check) -> str:
    """What was compared, what came of it, and what is allowed and why."""
    if check.status == "not_comparable":
        return f"{check.name}: not comparable{f' ({check.reason})' if check.reason else ''}"
    allowed = f"{check.allowed} allowed" if check.allowed else ""
    why = ": ".join(filter(None, (allowed, check.reason)))
    return f"{check.name}: {check.measured}{f' ({why})' if why else ''}"


def checks_table(comparison: Comparison) -> Table:
    """A row for each check of each variant: what was compared, the verdict, the figures, and how much is allowed."""
    rows = [
        (variant.name, check.name, _status_cell(check), check.measured, _allowed(check))
        for variant in comparison.others
        if variant.checks is not None
        for check in variant.checks.checks
    ]
    if not rows:
        return note_table("No variant's result was compared with the baseline's.")
    return make_table(("variant", "what was compared", "result", "found", "allowed"), rows, is_wide=True)


def _status_cell(check: Check) -> Cell:
    if check.status == "different":
        return Cell("DIFFERENT", "alarm", "strong")
    return Cell(_STATUSES.get(check.status, "not comparable"))


def _allowed(check: Check) -> str:
    return ": ".join(filter(None, (check.allowed, check.reason)))


def comparisons_table(comparisons: Sequence[tuple[Path, Comparison]]) -> Table:
    """A row for each comparison: its folder, when, how many blocks, and the verdict on each variant."""
    rows = []
    for folder, comparison in comparisons:
        verdicts = "; ".join(map(_short_verdict, comparison.others))
        rows.append((folder.name, comparison.created_at[:16], number(str(comparison.num_blocks)), verdicts))
    return make_table(("comparison", "when", "blocks", "verdicts"), rows, caption="Comparisons so far, the newest last")


def trials_table(trials: Sequence[Record]) -> Table:
    """A row for each trial: its run id, when, what it measured, its throughput, its cache, and its knobs."""
    rows = [
        (
            record.run_id,
            record.created_at[:16],
            record.knobs.workload,
            _outcome(record),
            _cache_fill(record),
            changed_knobs(record.knobs, without=["workload"]),
        )
        for record in trials
    ]
    columns = ("trial", "when", "workload", "throughput", "cache", "knobs")
    return make_table(columns, rows, caption="Trials so far, the newest last")


def _cache_fill(record: Record) -> str:
    if record.memory.cache_was_filled:
        return "found filled"
    fill_s = record.startup.cache_fill_s if record.startup else None
    return "-" if fill_s is None else f"filled in {format_duration(fill_s)}"


def trust_sentence(found: Trust) -> str:
    """How predictions have turned out so far."""
    if not found.count:
        return "No prediction has been compared with a measurement yet."
    noun = "prediction was" if found.count == 1 else "predictions were"
    return (
        f"{found.count} {noun} compared with measurements: off by {format_share(found.median_error)} in the median, "
        f"{found.inside} of {found.count} measured values inside the 90 % interval"
        f"{': fewer than it promises, so take these intervals for too narrow here' if found.is_too_narrow else ''}."
    )


def _short_verdict(variant: VariantResult) -> str:
    factor = f" ({format_ratio(variant.speedup.estimate)})" if variant.speedup else ""
    return f"{variant.name}: {verdict_words(variant)}{factor}"


def _outcome(record: Record) -> str:
    if record.steady is None:
        return f"failed ({record.failure.kind})" if record.failure else "failed"
    rate = format_rate(record.steady.samples_per_s, item_of(record))
    return f"{rate} (simulated)" if record.simulated else rate
