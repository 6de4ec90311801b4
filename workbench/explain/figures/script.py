"""Tables of ranks, and of an observed script: its whole run, its loaders, and what was set in it from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.explain.figures.html_table import Html, html_table
from workbench.explain.table import Table, make_table
from workbench.explain.words.items import item_of
from workbench.knobs.format import format_value
from workbench.records import RankStats, Record, Script, ScriptPart
from workbench.units import counted, format_duration, format_rate, format_share

#: Parts of a run that are not worth a row of their own are shorter than this share of it.
_SMALL = 0.001


def script_tables(record: Record) -> list[Html]:
    """All that is known of ranks, and of an observed script beside its counted steps."""
    return [html_table(table) for table in tables_of(record)]


def tables_of(record: Record) -> Iterator[Table]:
    """The tables of an observed script, or of a trial of several ranks; none for any other."""
    script = record.script
    if record.ranks:
        yield _ranks(record.ranks, item_of(record))
    if script is None:
        return
    yield _parts(script)
    yield _loaders(script)
    if script.ranks:
        yield _ranks(script.ranks, item_of(record))
    if record.asked:
        yield _asked(record)


def merged_parts(parts: list[ScriptPart]) -> list[tuple[str, float, int, int | None]]:
    """Parts of one name as one, in the order of their first: name, seconds, how many there were, batches."""
    found: dict[str, list[ScriptPart]] = {}
    for part in parts:
        found.setdefault(part.name, []).append(part)
    return [
        (name, sum(p.wall_s for p in own), len(own), sum(p.batches for p in own if p.batches) or None)
        for name, own in found.items()
    ]


def _parts(script: Script) -> Table:
    whole_s = sum(part.wall_s for part in script.parts) or 1.0
    merged = merged_parts(script.parts)
    rows = [
        (name, format_duration(wall_s), format_share(wall_s / whole_s), _batches(batches, times))
        for name, wall_s, times, batches in merged
        if wall_s >= _SMALL * whole_s
    ]
    small = [name for name, wall_s, _, _ in merged if wall_s < _SMALL * whole_s]
    notes = [f"Not worth a row: {', '.join(small)}."] if small else []
    if script.returncode is None:
        notes.append("It was stopped when its steps had been counted; let_finish=true lets it go on to its end.")
    caption = f"The whole run: {format_duration(whole_s)}"
    return make_table(("part", "time", "share", "batches"), rows, caption=caption, notes=notes)


def _batches(batches: int | None, times: int) -> str:
    if batches is None:
        return ""
    return str(batches) if times == 1 else f"{batches} in {counted(times, 'part')}"


def _loaders(script: Script) -> Table:
    rows = [
        (
            loader.name + (" (counted)" if loader.name == script.training_loader else ""),
            loader.dataset,
            "unknown" if loader.num_samples is None else str(loader.num_samples),
            "unknown" if loader.batch_size is None else str(loader.batch_size),
            str(loader.num_workers),
            loader.collate,
            str(loader.batches),
            loader.most_work or "",
        )
        for loader in script.loaders
    ]
    columns = (
        "made in",
        "data set",
        "samples",
        "batch size",
        "workers",
        "collate",
        "batches",
        "takes longest in",
    )
    return make_table(columns, rows, caption="Its loaders", is_wide=True)


def _ranks(ranks: Sequence[RankStats], item: str) -> Table:
    # In the backward pass ranks wait for each other: who has most to do outside of it is who the others wait for.
    slowest = max(ranks, key=lambda rank: rank.own_step_s)
    others = [rank.own_step_s for rank in ranks if rank is not slowest]
    rows = [
        (
            str(rank.rank),
            str(rank.num_steps),
            format_rate(rank.samples_per_s, item),
            format_share(rank.wait_share),
            format_duration(rank.own_step_s),
            rank.own_stage,
            *(format_duration(value) for value in (rank.rank_wait_s, rank.exchange_s) if value is not None),
        )
        for rank in ranks
    ]
    is_told_apart = slowest.rank_wait_s is not None
    where = "" if is_told_apart else "outside of the backward pass, in which ranks wait for each other, "
    notes = [
        f"Rank {slowest.rank} is the slowest: {where}a step takes it {format_duration(slowest.own_step_s)} by itself, "
        f"most of it '{slowest.own_stage}'; the others {format_duration(sum(others) / len(others))}."
    ]
    columns = ["rank", "steps", "throughput", "waits for a batch"]
    if is_told_apart:
        columns += ["its own part of a step", "most of that", "waits for the slowest rank", "exchanges gradients"]
    else:
        columns += ["a step, but for backward", "most of that"]
    return make_table(columns, rows, caption="Its ranks", notes=notes)


def _asked(record: Record) -> Table:
    rows = []
    for name, value in record.asked.items():
        arrived = getattr(record.knobs, name)
        rows.append((name, format_value(value), format_value(arrived)))
    return make_table(("knob", "asked", "in force"), rows, caption="What was set from outside")
