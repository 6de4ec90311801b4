"""Tables of one run: what it did, its stages, its machine and knobs, what bounds it and what to try next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.explain.breakdown import CLOSES_UP_TO, LEFT_OVER, LaneBreakdown, break_down, explain_lanes
from workbench.explain.diagnosis.cause import APART, Cause
from workbench.explain.table import Cell, Table, code, make_table, note_table, number, sentence
from workbench.explain.words.engine import engine_words
from workbench.explain.words.headline import startup_words
from workbench.explain.words.items import counted, item_of, per_item
from workbench.knobs.format import format_value
from workbench.knobs.knobs import Knobs
from workbench.records import Count, Record
from workbench.units import format_bytes, format_duration, format_epochs, format_rate, format_ratio, format_share

if TYPE_CHECKING:
    from workbench.explain.diagnosis.gap import Gap
    from workbench.explain.diagnosis.plan import PlanStep

#: With profilers that make a run take more than this many times as long, its figures are not those of the plain run.
COSTLY_PROFILERS = 1.05

#: Stages that add up to more than the whole by more than this overlap visibly.
_OVERLAPS = 0.0005

#: The causes that cost most are shown; what comes after them is small.
_MOST_CAUSES = 6


def run_table(record: Record) -> Table:
    """What a run did, and what it took."""
    item = item_of(record)
    rows: list[tuple[str, str]] = [("status", record.status), ("device", record.device or "not reached")]
    if steady := record.steady:
        samples = counted(steady.num_samples, item)
        rows += [
            ("throughput", format_rate(steady.samples_per_s, item)),
            ("steady part", f"{counted(steady.num_steps, 'step')}, {samples} ({format_epochs(steady.num_epochs)})"),
        ]
    if startup := record.startup:
        rows.append(("start-up", startup_words(startup)))
    if record.engine is not None:
        rows.append(("engine", engine_words(record.engine)))
    if training := record.training:
        skipped = f", {training.skipped_steps} of them skipped" if training.skipped_steps else ""
        steps = counted(training.optimizer_steps, "update")
        rows.append(("training", f"{steps} of the weights, {training.samples_per_step:g} {item}s each{skipped}"))
    shares = [f"{lane.lane} {format_share(lane.attributed_share)}" for lane in record.lanes if lane.lane != "device"]
    if shares:
        rows.append(("attributed share", ", ".join(shares)))
    rows.append(("peak memory", format_bytes(record.memory.peak_pss_bytes)))
    if record.memory.cache_bytes is not None:
        rows.append((f"{item}s in the cache", _cache(record)))
    rows += [*_quality(record), *_data_set(record), *(("note", note) for note in record.notes)]
    return make_table((), rows, caption="What the run did")


def _cache(record: Record) -> str:
    readings = record.memory.cache_readings
    read = f", read {counted(readings, 'time')}" if readings is not None else ""
    filled = ", found filled by an earlier run" if record.memory.cache_was_filled else ""
    return f"{format_bytes(record.memory.cache_bytes)}{read}{filled}"


def _quality(record: Record) -> Iterator[tuple[str, str]]:
    """A row for each score of the model."""
    for name, score in record.quality.items():
        unit = f" {score.unit}" if score.unit else ""
        origin = f"{score.origin}: {score.note}" if score.note else score.origin
        yield name, f"{score.value:.3f}{unit} on {counted(score.num_samples, item_of(record))} ({origin})"


def _data_set(record: Record) -> Iterator[tuple[str, str]]:
    """What the data set holds, and what a reader should know of it."""
    description = record.description
    if description is None:
        return
    counts = (_count(count) for count in description.counts if count.number)
    yield "data set", ", ".join([counted(description.num_samples, item_of(record)), *counts])
    yield from (("note", note) for note in description.notes)


def _count(count: Count) -> str:
    """``"1 page turned by EXIF"``: what is counted is the name's first word."""
    things, _, rest = count.name.partition(" ")
    is_one = count.number == 1 and things.endswith("s")
    return f"{count.number} {things.removesuffix('s') if is_one else things}{' ' if rest else ''}{rest}"


def stage_table(record: Record) -> Table:
    """A row for each stage and one for what is left over, lane by lane; their shares add up to the lane.

    A lane whose stages don't explain its time, or explain it twice, says so. Notes say what the words mean.
    """
    lanes = break_down(record)
    if not lanes:
        return note_table("No stage was timed in this run.")
    rows = [row for lane in lanes for row in _lane_rows(lane, record)]
    item = item_of(record)
    columns = ("lane", "stage", "spans", "per", "mean", "median", "95 %", f"per {item}", "share of lane", "origin")
    caption = "The stages of each lane, in the order of the work"
    explained = explain_lanes(lanes, item_of(record))
    return make_table(columns, rows, caption=caption, notes=[explained] if explained else [])


def _lane_rows(lane: LaneBreakdown, record: Record) -> Iterator[tuple[Cell | str, ...]]:
    timed = {(row.name, row.background): row for row in record.stages if row.lane == lane.lane}
    for part, background in (*((part, False) for part in lane.parts), *((part, True) for part in lane.background)):
        stats = timed.get((part.stage, background))
        times = [""] * 5
        if stats is not None:
            durations = [format_duration(value) for value in (stats.mean_s, stats.p50_s, stats.p95_s)]
            times = [str(stats.count), per_item(stats.per, item_of(record)), *durations]
        yield (
            lane.lane + (" (background thread)" if background else ""),
            Cell(part.stage, below=_coverage(lane)) if part.stage in LEFT_OVER else part.stage,
            *map(number, times),
            number(format_duration(part.per_sample_s)),
            number(format_share(part.share)),
            part.origin,
        )


def _coverage(lane: LaneBreakdown) -> tuple[Cell, ...]:
    """How much of a lane its stages explain."""
    text, is_alarm = coverage_words(lane)
    if not text:
        return ()
    return (Cell(text, "alarm", "strong") if is_alarm else Cell(text),)


def coverage_words(lane: LaneBreakdown) -> tuple[str, bool]:
    """How much of a lane its stages explain, in words, and whether that makes the breakdown worthless.

    Nothing is said of a device's lane that is not busy all the time: nothing was asked of it.
    """
    if lane.explained > CLOSES_UP_TO:
        return f"stages add up to {format_share(lane.explained)}: some time counts twice", True
    if lane.lane == "device":
        return "", False
    if not lane.closes:
        return f"only {format_share(min(lane.attributed_share, lane.explained))} attributed", True
    if lane.explained > 1.0 + _OVERLAPS:
        return f"stages add up to {format_share(lane.explained)}: some overlap a little", False
    return f"{format_share(lane.attributed_share)} attributed", False


def profiler_table(record: Record) -> Table:
    """What the profilers of a run cost, with a warning where that is more than its figures are worth."""
    overhead = record.profiler_overhead
    if overhead is None:
        return Table()
    text = (
        f"{format_ratio(overhead.factor)} the time of the same run without ({format_ratio(overhead.lowest)} to "
        f"{format_ratio(overhead.highest)}: before and after it)"
    )
    cell = Cell(text)
    if overhead.factor > COSTLY_PROFILERS:
        cell = Cell(f"{text}. The times in this section are those of the slower run.")
    rows = [(", ".join(overhead.profilers), cell)]
    return make_table(("profilers", "overhead"), rows, caption="What the profilers cost")


def environment_table(records: Iterable[Record]) -> Table:
    """The machine and the versions of the first run that got so far."""
    environment = next((record.environment for record in records if record.environment), None)
    if environment is None:
        return note_table("No run got as far as to describe its environment.")
    rows = [
        ("CPU", f"{environment.cpu}, {environment.cores_text}"),
        ("memory", format_bytes(environment.memory_bytes)),
        ("GPU", environment.gpu or "none"),
        ("Python", f"{environment.python} on {environment.platform}"),
        *environment.packages.items(),
        ("variables", ", ".join(f"{name}={value}" for name, value in environment.variables.items()) or "none set"),
        ("commit", environment.git or "unknown"),
    ]
    return make_table((), rows, caption="Environment")


def knobs_table(knobs: Knobs, *, caption: str = "Knobs; in bold those that are not at their default") -> Table:
    """All knobs with their values; those that aren't the default in bold."""
    rows = []
    for name, row in knobs.rows().items():
        value = getattr(knobs, name)
        rows.append((name, Cell(format_value(value) or "-", style="plain" if value == row.default else "strong")))
    return make_table(("knob", "value"), rows, caption=caption)


def diagnosis_table(causes: Sequence[Cause], gap: Gap | None = None) -> Table:
    """A row for each cause, the most expensive first; and the gap to the ceiling, which adds up."""
    if not causes:
        return note_table("No stage was timed in this run, so nothing can be said about what bounds it.")
    rows = [(cause.title, number(_cost(cause)), sentence(cause.evidence)) for cause in causes[:_MOST_CAUSES]]
    caption = (
        "What bounds the run: the share of its time that would be saved without each cause alone, or that it keeps the "
        "run from its ceiling, and the figures that show it. Savings overlap, so they do not add up; the gap does."
    )
    if apart := [cause.title for cause in causes if cause.name in APART]:
        caption += f" What {' and '.join(apart)} costs is not counted for stages once more."
    notes = [gap.words] if gap is not None else []
    return make_table(("cause", "costs", "evidence"), rows, caption=caption, notes=notes, is_wide=True)


def _cost(cause: Cause) -> str:
    return "nothing" if cause.name == "healthy" else f"{format_share(cause.cost)} of the time"


def plan_table(steps: Sequence[PlanStep]) -> Table:
    """A row for each change, the most promising for its cost first, with the commands that compare them."""
    if not steps:
        return note_table("No knob that is known of promises to gain more than 2 %.")
    return make_table(
        ("change", "against", "gain", "cost"),
        [(code(step.text), step.cause, step.gain_text, step.cost) for step in steps],
        caption="The changes with the largest gain for their cost. A predicted gain stands with its 90 % interval.",
        notes=["To compare them, one at a time:"],
        commands=[step.command for step in steps],
        is_wide=True,
    )
