"""What a script was: its loaders and ranks, the parts of its whole run, and how it ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from signal import Signals

from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.account import account_of
from workbench.measure.attach.lanes import main_tracks, stage_stats, work_by_iterator
from workbench.measure.attach.seen import Seen, rank_of
from workbench.measure.attach.window import Loop, Window
from workbench.records import RankStats, Script, ScriptLoader
from workbench.units import NS_PER_S

#: Stages of a loader's work that are named in the table of loaders.
_NAMED_STAGES = 5


@dataclass(frozen=True)
class Ended:
    """How the command has ended.

    Attributes:
        started_ns: When it was started.
        ended_ns: When it was over, or was stopped.
        returncode: Its exit code; None where it was stopped.
        pss_bytes: Memory of all its processes, by phase.
        cache_bytes: What a cache of the workbench's kept in shared memory, beside that; None without one.
    """

    started_ns: int
    ended_ns: int
    returncode: int | None
    pss_bytes: dict[str, int]
    cache_bytes: int | None

    @property
    def how(self) -> str:
        """In words."""
        if self.returncode is None:
            return "stopped"
        return f"signal {Signals(-self.returncode).name}" if self.returncode < 0 else f"exit code {self.returncode}"


def script_of(knobs: ObservedKnobs, seen: Seen, loops: list[Loop], windows: list[Window], ended: Ended) -> Script:
    """What a script was, by the loops of its ranks."""
    loop = loops[0]
    surroundings = loop.process.last("environment") or {}
    return Script(
        command=" ".join(filter(None, [knobs.command, knobs.args])),
        training_loader=loop.loader["name"],
        is_trained=loop.is_trained,
        loaders=_script_loaders(seen, loop),
        parts=account_of(loop, ended.started_ns, ended.ended_ns, stopped=ended.returncode is None),
        ranks=[_rank(one, its) for one, its in zip(loops, windows, strict=True)] if len(loops) > 1 else [],
        varying_samples=(loop.process.first("varied") or {}).get("varying"),
        returncode=ended.returncode,
        torch_threads=surroundings.get("torch_threads"),
        opencv_threads=worker_threads(seen, loop) or surroundings.get("opencv_threads"),
        start_imports=_start_imports(seen, loop),
    )


def worker_threads(seen: Seen, loop: Loop) -> int | None:
    """Threads of OpenCV in a worker."""
    found = [fact.get("opencv_threads") for _, fact in seen.of("worker") if fact["iterator"] in loop.iterators]
    return max((threads for threads in found if threads is not None), default=None)


def _start_imports(seen: Seen, loop: Loop) -> dict[str, float]:
    """What a worker imports before it is up: seconds of each module by itself, on the average of all starts."""
    starts = [(process, fact) for process, fact in seen.of("worker") if fact["iterator"] in loop.iterators]
    took: dict[str, float] = {}
    for process, up in starts:
        for fact in process.of("import"):
            if up["started_ns"] <= fact["begin_ns"] and fact["end_ns"] <= up["up_ns"]:
                took[fact["module"]] = took.get(fact["module"], 0.0) + fact["own_ns"] / NS_PER_S
    return {name: own_s / len(starts) for name, own_s in sorted(took.items(), key=lambda entry: -entry[1])[:8]}


def _script_loaders(seen: Seen, loop: Loop) -> list[ScriptLoader]:
    loader_of = loop.loader_of
    own = [process for process, fact in seen.of("worker") if fact["main"] == loop.process.pid]
    work = work_by_iterator([loop.process, *own])
    found = []
    for number, fact in sorted(loop.loaders.items()):
        took: Counter[str] = Counter()
        for iterator, stages in work.items():
            if loader_of.get(iterator) == number:
                took.update(stages)
        found.append(
            ScriptLoader(
                name=fact["name"],
                dataset=fact["dataset_class"],
                num_samples=fact["num_samples"],
                batch_size=fact["batch_size"],
                num_workers=fact["num_workers"],
                collate=fact["collate"],
                batches=int(loop.ask_brought[loop.ask_loader == number].sum()),
                in_step=number in loop.in_step,
                takes_knobs=fact.get("takes_knobs", True),
                work_s=dict(took.most_common(_NAMED_STAGES)),
            )
        )
    return found


def _rank(loop: Loop, window: Window) -> RankStats:
    own = [track for track in main_tracks(loop) if track.lane == "main" and not track.background]
    took_s = {stat.name: float(stat.total_s) for stat in stage_stats(own, window.begin_ns, window.end_ns)}
    wall_s = (window.end_ns - window.begin_ns) / NS_PER_S
    wait_s = took_s.get("wait", 0.0)
    took_s.pop("backward", None)
    steps = slice(window.first, window.first + window.num_steps)
    return RankStats(
        rank=rank_of(loop.process),
        num_steps=window.num_steps,
        samples_per_s=float(loop.given_samples[steps].sum()) / wall_s,
        wait_share=wait_s / wall_s,
        own_step_s=sum(took_s.values()) / window.num_steps,
        own_stage=max(took_s, key=took_s.__getitem__, default=""),
    )
