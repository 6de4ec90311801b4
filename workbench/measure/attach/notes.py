"""What a reader of a script's record should know: what was cut short, what did not arrive, what looking has cost."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.knobs.observed import DATA_LOADER_KNOBS, ObservedKnobs
from workbench.measure.attach.script import Ended
from workbench.measure.attach.seen import Seen, rank_of
from workbench.measure.attach.window import Loop, Window
from workbench.measure.timing.spans import TrackSpans
from workbench.observer.clock import pauses
from workbench.units import counted

#: What looking costs is said from this share of a process's time on.
_WORTH_SAYING = 0.02

#: Where a loop is observed from its beginning to its end, as many steps are asked for.
ALL_STEPS = 1_000_000_000


def notes_of(
    knobs: ObservedKnobs, in_force: ObservedKnobs, seen: Seen, loops: list[Loop], window: Window, ended: Ended
) -> list[str]:
    """What was cut short, what had no effect, what the observer itself has to say.

    Args:
        knobs: As they were asked for.
        in_force: As they were.
        seen: What the observer has left.
        loops: The loops of its ranks, the first of which is counted.
        window: The counted steps.
        ended: How the command has ended.
    """
    notes = []
    loop = loops[0]
    loader = loop.loader
    if not loop.is_trained:
        notes.append(
            f"no backward pass was seen: the steps are those of the loader with most batches, {loader['name']}"
        )
    if window.num_steps < knobs.num_steps < ALL_STEPS and pauses is None:
        how = f"the script ended ({ended.how})" if ended.returncode is not None else "it was stopped"
        notes.append(
            f"{how} after {counted(loop.num_steps, 'step')}; {window.num_steps} of {knobs.num_steps} were counted"
        )
    if window.is_short:
        notes.append(
            f"only {counted(window.first, 'step')} of warm-up: batches that workers had made ahead count as well"
        )
    in_epoch = loader["num_batches"] or 0
    if knobs.fills_cache and window.first < in_epoch:
        notes.append(
            f"of the {counted(window.num_steps, 'counted step')}, those of the first epoch ({in_epoch} batches) fill "
            f"cache={knobs.cache}: it is of use from the second one on (warmup_steps={in_epoch})"
        )
    for name, value in knobs.asked().items():
        arrived = getattr(in_force, name)
        if name in DATA_LOADER_KNOBS and arrived != value:
            notes.append(f"{name}={value} had no effect: the loader {loader['name']} has {name}={arrived}")
    ranks = {int(fact["rank"]) for _, fact in seen.of("hello") if str(fact.get("rank") or "").isdigit()}
    idle = sorted(ranks - {rank_of(own.process) for own in loops})
    if idle:
        which = " and ".join(map(str, idle))
        notes.append(f"rank {which} iterates no loader: what it does is not in these figures")
    for process, fact in seen.of("fault"):
        notes.append(f"the observer took itself away in process {process.pid}: {fact['error']}")
    for _, fact in seen.of("note"):
        notes.append(str(fact["text"]))
    return list(dict.fromkeys(notes))


def cost_notes(loop: Loop, window: Window, tracks: list[TrackSpans]) -> Iterator[str]:
    """What looking into the script has cost it, where that is worth saying."""
    looked = loop.process.last("looked")
    for lane, whose in (("worker", "its workers'"), ("main", "its main process's")):
        own = [track for track in tracks if track.lane == lane and not track.background]
        inside = [(track.spans.begin_ns >= window.begin_ns) & (track.spans.begin_ns < window.end_ns) for track in own]
        spans = sum(int(rows.sum()) for rows in inside)
        wall_ns = (window.end_ns - window.begin_ns) * len(own)
        if looked is None or not wall_ns:
            continue
        calls = spans / 2  # a call has a span of its own, and ends one of that around it
        share = calls * looked["call_ns"] / wall_ns
        if share >= _WORTH_SAYING:
            each = f"{looked['call_ns'] / 1000:.1f} us for each of {calls / window.num_steps:.0f} calls a step"
            yield (
                f"looking into the script takes about {share:.1%} of {whose} time ({each}): stages of a few "
                "microseconds are overstated"
            )
