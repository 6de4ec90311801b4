"""Tables of a run and of a comparison, as HTML; everything that comes from names is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from workbench.explain.breakdown import CLOSES_UP_TO, LEFT_OVER, LaneBreakdown, break_down, explain_lanes
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.template import ALARM
from workbench.explain.figures.verdicts import COLOURS
from workbench.explain.verdicts.verdict_words import verdict_words, what_it_needs
from workbench.knobs.knobs import Knobs
from workbench.records import Comparison, Parity, Record, VariantResult
from workbench.units import format_bytes, format_duration, format_rate, format_ratio, format_share

#: Knobs that say how something is measured, not what.
_MEASURING = ("num_steps", "warmup_steps", "stage_timing", "checked_samples", "timeout_s", "replay_record")


#: A profiler that makes a run so many times as long shows figures that are none of the plain run any more.
DEAR_LENS = 1.05

#: Differences of levels are written with two digits.
_SMALL_LEVELS = 0.01


def verdict_table(comparison: Comparison) -> str:
    """A row a variant: what it changes, how fast it is, whether that is sure and the result the same, and its price."""
    head = ("variant", "pages/s", "speed-up", "verdict", "same result?", "peak memory", "start-up", "pays after")
    baseline = next((one for one in comparison.variants if one.name == comparison.baseline), None)
    rows = [_verdict_row(one, baseline, comparison) for one in comparison.variants]
    return html_table(head, rows, caption=_caption(comparison), is_wide=True)


def _caption(comparison: Comparison) -> str:
    blocks = f"{comparison.num_blocks} block{'s' if comparison.num_blocks != 1 else ''}"
    told = (
        f"Median throughput of {blocks}; speed-up over '{comparison.baseline}' with its "
        f"{comparison.policy.confidence * 100:g} % interval; median start-up and largest memory"
    )
    simulated = "; all of it on a simulated device" if all(one.simulated for one in comparison.variants) else ""
    return f"{told}{simulated}."


def knob_changes(knobs: Knobs, baseline: Knobs) -> str:
    """The knobs that a variant sets differently from the baseline: ``"cache=decoded normalize=device"``."""
    changed = knobs.differing(baseline)
    return " ".join(f"{name}={value}" for name, value in changed.items() if name not in _MEASURING)


def stage_table(record: Record) -> str:
    """A row a stage and one for what is left over, lane by lane; their shares add up to the lane.

    A lane that does not close says so in red. Below the table stands what its words mean.
    """
    lanes = break_down(record)
    if not lanes:
        return "<p>No stage was timed in this run.</p>"
    rows = [row for lane in lanes for row in _lane_rows(lane, record)]
    head = ("lane", "stage", "spans", "of a", "mean", "median", "95 %", "a page", "share of lane", "origin")
    table = html_table(head, rows, caption="The stages of each lane, in the order of the work")
    return f"{table}<p><small>{_text(explain_lanes(lanes))}</small></p>"


def _lane_rows(lane: LaneBreakdown, record: Record) -> Iterator[tuple[str, ...]]:
    timed = {(row.name, row.background): row for row in record.stages if row.lane == lane.lane}
    for part, background in (*((part, False) for part in lane.parts), *((part, True) for part in lane.background)):
        stats = timed.get((part.stage, background))
        times = [""] * 5
        if stats is not None:
            durations = [format_duration(value) for value in (stats.mean_s, stats.p50_s, stats.p95_s)]
            times = [str(stats.count), stats.per, *durations]
        yield (
            _text(lane.lane + (" (beside)" if background else "")),
            _text(part.stage) + (_closure(lane) if part.stage in LEFT_OVER else ""),
            *map(_number, times),
            _number(format_duration(part.per_sample_s)),
            _text(format_share(part.share)),
            _text(part.origin),
        )


def _closure(lane: LaneBreakdown) -> str:
    if lane.explained > CLOSES_UP_TO:
        told = f"does not close: stages add up to {format_share(lane.explained)}"
        return f" <span class='wb-alarm' style='color:{ALARM};font-weight:700'>{_text(told)}</span>"
    if lane.lane == "device":
        return ""
    if not lane.closes:
        told = f"does not close: {format_share(min(lane.closure, lane.explained))}"
        return f" <span class='wb-alarm' style='color:{ALARM};font-weight:700'>{_text(told)}</span>"
    return f" <small>closure {_text(format_share(lane.closure))}</small>"


def run_table(record: Record) -> str:
    """What a run did, and what it took."""
    rows: list[tuple[str, str]] = [("status", record.status), ("device", record.device or "not reached")]
    if steady := record.steady:
        rows += [
            ("throughput", format_rate(steady.samples_per_s)),
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
        readings = record.memory.cache_readings
        told = f", read {readings} times" if readings is not None else ""
        told += ", found filled by an earlier run" if record.memory.cache_was_filled else ""
        rows.append(("pages in the cache", f"{format_bytes(record.memory.cache_bytes)}{told}"))
    if quality := record.quality:
        told = f"H-mean {quality.hmean:.3f} on {quality.num_pages} pages ({quality.origin})"
        rows.append(("detections", told))
    if pages := record.pages:
        rows.append(("pages", _told_pages(record)))
        rows += [("note", note) for note in pages.notes]
    rows += [("note", note) for note in record.notes]
    return html_table((), [(_text(name), _text(value)) for name, value in rows], caption="What the run did")


def profiler_table(record: Record) -> str:
    """What the profilers of a run cost; in red where that is more than its figures are worth."""
    price = record.profiler_overhead
    if price is None:
        return ""
    told = f"{format_ratio(price.factor)} the time of the same run without ({format_ratio(price.lowest)} to "
    told += f"{format_ratio(price.highest)}: before and after it)"
    if price.factor > DEAR_LENS:
        warning = "Over 5 %: the figures of this run are not to be compared with those of others."
        told = f"<span class='wb-alarm' style='color:{ALARM};font-weight:600'>{_text(told)}. {warning}</span>"
    else:
        told = _text(told)
    rows = [(_text(", ".join(price.profilers)), told)]
    return html_table(("profilers", "what they cost"), rows, caption="What the profilers cost")


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
    return html_table((), [(_text(name), _text(value)) for name, value in rows], caption="Environment")


def knobs_table(knobs: Knobs, *, caption: str = "Knobs; in bold those that are not at their default") -> str:
    """All knobs with their values; those that aren't the default in bold."""
    default = Knobs()
    rows = []
    for name, value in knobs:
        shown = _text("-" if value is None else str(value))
        rows.append((_text(name), shown if value == getattr(default, name) else f"<b>{shown}</b>"))
    return html_table(("knob", "value"), rows, caption=caption)


def _verdict_row(one: VariantResult, baseline: VariantResult | None, comparison: Comparison) -> tuple[str, ...]:
    is_baseline = one is baseline
    changes = "" if baseline is None or is_baseline else knob_changes(one.knobs, baseline.knobs)
    name = f"<b>{_text(one.name)}</b>" + (f"<br><code>{_text(changes)}</code>" if changes else "")
    name += "".join(f"<br><small>{_text(line)}</small>" for line in one.no_effect)
    verdict = "baseline" if is_baseline and one.verdict is None else (one.verdict or "inconclusive")
    colour = COLOURS.get(verdict, "#1F2933")
    told = f"<span class='wb-{verdict}' style='color:{colour};font-weight:600'>{_text(verdict_words(one))}</span>"
    if needs := what_it_needs(one, comparison):
        told += f"<br><small>{_text(needs)}</small>"
    if one.failure is not None:
        told += f"<br><small>{_text(one.failure.message)}</small>"
    rate = format_rate(one.samples_per_s.median if one.samples_per_s else None).removesuffix(" pages/s")
    pays = f"{one.break_even_epochs:.2g} epochs" if one.break_even_epochs is not None else "" if is_baseline else "-"
    return (
        name,
        _number(rate, "simulated device" if one.simulated else ""),
        _speedup(one),
        told,
        "" if is_baseline else _parity(one),
        _number(format_bytes(one.memory.peak_pss_bytes)),
        _number(format_duration(one.startup_s)),
        _number(pays),
    )


def _number(value: str, note: str = "") -> str:
    """A figure that isn't broken over lines, with a note below it; nothing where there is none."""
    if not value:
        return ""
    below = f"<br><small>{_text(note)}</small>" if note else ""
    return f"<span style='white-space:nowrap'>{_text(value)}{below}</span>"


def _speedup(one: VariantResult) -> str:
    if one.speedup is None:
        return ""
    interval = "" if one.speedup.ci95 is None else "[{:.2f}, {:.2f}]".format(*one.speedup.ci95)
    return _number(format_ratio(one.speedup.estimate), interval)


def _parity(one: VariantResult) -> str:
    if one.parity is None or one.parity.status is None:
        notes = "; ".join(one.parity.notes) if one.parity else ""
        return f"not checked <small>{_text(notes)}</small>"
    why = f"<small>{_text(_why(one.parity, simulated=one.simulated))}</small>"
    if one.parity.status == "different":
        return f"<span class='wb-alarm' style='color:{ALARM};font-weight:700'>DIFFERENT</span><br>{why}"
    return f"{_text(one.parity.status.replace('_', ' '))}<br>{why}"


def _why(parity: Parity, *, simulated: bool) -> str:
    parts = []
    if pages := parity.pages:
        mean = f", {pages.mean_levels:.2f} on the average" if pages.mean_levels >= _SMALL_LEVELS else ""
        why = f" ({pages.tolerance_reason})" if pages.status == "within_tolerance" else ""
        parts.append(f"{pages.num_pages} pages {_levels(pages.max_levels)}{mean}{why}")
    if parity.coverage and parity.coverage.status == "same":
        parts.append(f"{parity.coverage.num_pages} pages arrived as themselves")
    if parity.targets:
        parts.append(f"targets {_levels(parity.targets.max_levels)}")
    if detections := parity.detections:
        if detections.matched_words is not None:
            alone = f", {detections.unmatched_words} on one side only" if detections.unmatched_words else ""
            parts.append(f"{detections.matched_words} words detected on both sides{alone}")
        if detections.hmean_difference is not None:
            parts.append(f"H-mean {detections.hmean_difference:+.3f}{' (simulated)' if simulated else ''}")
        if detections.num_pages_difference:
            parts.append(f"{detections.num_pages_difference:+d} pages scored")
    return "; ".join([*parts, *parity.notes])


def _levels(largest: float) -> str:
    return "equal" if largest == 0.0 else f"within {max(largest, _SMALL_LEVELS):.2f} levels"


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
