"""Tables of a run and of a comparison, as HTML; everything that comes from names is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from workbench.figures.verdicts import COLOURS
from workbench.knobs import Knobs
from workbench.records import Comparison, Parity, Record, VariantResult
from workbench.units import format_bytes, format_duration, format_rate, format_ratio, format_share

#: Knobs that say how something is measured, not what.
_MEASURING = ("num_steps", "warmup_steps", "stage_timing", "parity_pages", "timeout_s", "replay_record")


def verdict_table(comparison: Comparison) -> str:
    """A row a variant: what it changes, how fast it is, whether that is sure and the result the same, and its price."""
    head = ("variant", "pages/s", "speed-up", "verdict", "same result?", "peak memory", "start-up", "pays after")
    baseline = next(one for one in comparison.variants if one.name == comparison.baseline)
    rows = [_verdict_row(one, baseline) for one in comparison.variants]
    return _table(head, rows)


def knob_changes(knobs: Knobs, baseline: Knobs) -> str:
    """The knobs that a variant sets differently from the baseline: ``"cache=decoded normalize=device"``."""
    changed = knobs.differing(baseline)
    return " ".join(f"{name}={value}" for name, value in changed.items() if name not in _MEASURING)


def stage_table(record: Record) -> str:
    """A row a stage: its lane, how often, how long."""
    walls = {lane.lane: lane.wall_s for lane in record.lanes}
    rows = [
        (
            _text(row.lane + (" (beside)" if row.overlapped else "")),
            _text(row.name),
            _text(f"{row.count} {row.per}{'s' if row.count != 1 else ''}" if row.per == "page" else f"{row.count}"),
            _text(format_duration(row.mean_s)),
            _text(format_duration(row.p50_s)),
            _text(format_duration(row.p95_s)),
            _text(format_share(row.total_s / walls[row.lane]) if walls.get(row.lane) else "-"),
            _text(row.origin),
        )
        for row in record.stages
    ]
    return _table(("lane", "stage", "times", "mean", "median", "95 %", "share of lane", "origin"), rows)


def run_table(record: Record) -> str:
    """What a run did, and what it took."""
    rows: list[tuple[str, str]] = [("status", record.status), ("device", record.device or "not reached")]
    if steady := record.steady:
        rows += [
            ("throughput", format_rate(steady.pages_per_s)),
            ("steady part", f"{steady.num_steps} steps, {steady.num_pages} pages ({steady.num_epochs:.2g} epochs)"),
        ]
    if startup := record.startup:
        fill = "" if startup.cache_fill_s is None else f", cache fill {format_duration(startup.cache_fill_s)}"
        told = f"imports {format_duration(startup.imports_s)}, first batch {format_duration(startup.workers_s)}{fill}"
        rows.append(("start-up", f"{format_duration(startup.total_s)} ({told})"))
    if record.closure.main is not None:
        shares = f"main {format_share(record.closure.main)}, workers {format_share(record.closure.worker)}"
        rows.append(("closure", shares))
    rows.append(("peak memory", format_bytes(record.memory.peak_pss_bytes)))
    if record.memory.cache_bytes is not None:
        rows.append(("pages in the cache", format_bytes(record.memory.cache_bytes)))
    if quality := record.quality:
        told = f"H-mean {quality.hmean:.3f} on {quality.num_pages} pages ({quality.origin})"
        rows.append(("detections", told))
    if pages := record.pages:
        rows.append(("pages", _told_pages(record)))
        rows += [("note", note) for note in pages.notes]
    rows += [("note", note) for note in record.notes]
    return _table((), [(_text(name), _text(value)) for name, value in rows])


def environment_table(records: Iterable[Record]) -> str:
    """The machine and the versions of the first run that got so far."""
    environment = next((record.environment for record in records if record.environment), None)
    if environment is None:
        return "<p>No run got as far as to describe its environment.</p>"
    rows = [
        ("CPU", f"{environment.cpu}, {environment.cores} cores"),
        ("memory", format_bytes(environment.memory_bytes)),
        ("GPU", environment.gpu or "none"),
        ("Python", f"{environment.python} on {environment.platform}"),
        *environment.packages.items(),
        ("commit", environment.git or "unknown"),
    ]
    return _table((), [(_text(name), _text(value)) for name, value in rows])


def knobs_table(knobs: Knobs) -> str:
    """All knobs with their values; those that aren't the default in bold."""
    default = Knobs()
    rows = []
    for name, value in knobs:
        shown = _text("-" if value is None else str(value))
        rows.append((_text(name), shown if value == getattr(default, name) else f"<b>{shown}</b>"))
    return _table(("knob", "value"), rows)


def _verdict_row(one: VariantResult, baseline: VariantResult) -> tuple[str, ...]:
    is_baseline = one is baseline
    changes = "" if is_baseline else knob_changes(one.knobs, baseline.knobs)
    name = f"<b>{_text(one.name)}</b>" + (f"<br><code>{_text(changes)}</code>" if changes else "")
    verdict = "baseline" if is_baseline and one.verdict is None else (one.verdict or "inconclusive")
    colour = COLOURS.get(verdict, "#1F2933")
    told = f"<span style='color:{colour};font-weight:600'>{_text(verdict.replace('_', ' '))}</span>"
    if one.failure is not None:
        told += f"<br><small>{_text(one.failure.message)}</small>"
    rate = format_rate(one.pages_per_s.median if one.pages_per_s else None).removesuffix(" pages/s")
    pays = "-" if one.break_even_epochs is None else f"{one.break_even_epochs:.2g} epochs"
    return (
        name,
        _text(rate) + (" <small>(simulated device)</small>" if one.simulated else ""),
        _text(_speedup(one)),
        told,
        "" if is_baseline else _parity(one.parity),
        _text(format_bytes(one.memory.peak_pss_bytes)),
        _text(format_duration(one.startup_s)),
        _text(pays),
    )


def _speedup(one: VariantResult) -> str:
    if one.speedup is None:
        return ""
    interval = "" if one.speedup.ci95 is None else " [{:.2f}, {:.2f}]".format(*one.speedup.ci95)
    return f"{format_ratio(one.speedup.estimate)}{interval}"


def _parity(parity: Parity | None) -> str:
    if parity is None or parity.status is None:
        return "not checked"
    if parity.status == "different":
        return f"<span style='color:#C81E1E;font-weight:700'>DIFFERENT</span> <small>{_text(_why(parity))}</small>"
    return f"{_text(parity.status.replace('_', ' '))} <small>{_text(_why(parity))}</small>"


def _why(parity: Parity) -> str:
    parts = []
    if parity.pages:
        parts.append(f"pages within {parity.pages.max_levels:.2f} levels")
    if parity.targets:
        parts.append(f"targets within {parity.targets.max_levels:.2f}")
    if parity.detections:
        parts.append(f"H-mean {parity.detections.hmean_difference:+.3f}")
    return "; ".join([*parts, *parity.notes])


def _told_pages(record: Record) -> str:
    pages = record.pages
    assert pages is not None
    told = [f"{pages.num_pages} pages with {pages.num_words} words ({pages.num_ignored_words} ignored)"]
    if pages.turned_by_exif:
        told.append(f"{pages.turned_by_exif} turned by EXIF")
    told += [f"{count} of mode {mode}" for mode, count in pages.not_rgb.items()]
    if pages.without_words:
        told.append(f"{pages.without_words} without words")
    told += [f"{count} words dropped ({reason})" for reason, count in pages.dropped_words.items()]
    return ", ".join(told)


def _text(value: object) -> str:
    return html.escape(str(value))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = f"<thead><tr>{''.join(f'<th>{_text(name)}</th>' for name in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table class='wb-table'>{top}<tbody>{body}</tbody></table>"
