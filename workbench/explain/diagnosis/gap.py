"""The gap between a run and its ceiling, shared out over causes: the shares and what is unexplained add up to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.explain.diagnosis.cause import Cause, Name
from workbench.explain.diagnosis.charges import Ceiling
from workbench.explain.diagnosis.critical_path import Holder
from workbench.explain.diagnosis.facts import Facts
from workbench.explain.words.items import item_of, listed
from workbench.stages import Lane
from workbench.units import format_rate, format_share

_CORES: Name = "cores oversubscribed"

#: What workers wait for a core, they do in every stage.
_OF_CORES: tuple[Name, ...] = (_CORES, "throttled by a quota")

_LOCK: Name = "interpreter lock"

_UNEXPLAINED: Name = "breakdown does not close"

#: What is not at work, by what the ceiling is.
_WAITS: dict[Ceiling, str] = {"device": "the device waits", "model": "the model waits", "loading": "workers wait"}

#: A second thread of the main process that is at work less than this share of the time locks out nobody.
_SECOND_THREAD = 0.05

#: Shares below this are not worth a word.
_SAID_FROM = 0.01


@dataclass(frozen=True)
class GapShare:
    """What one cause has of the gap.

    Attributes:
        name: The cause.
        stages: The stages that it is about, the largest first; empty where it is about none.
        share: Share of the run's time, 0..1.
    """

    name: Name
    stages: tuple[str, ...]
    share: float

    @property
    def stage(self) -> str | None:
        """The stage that has most of it."""
        return self.stages[0] if self.stages else None

    @property
    def words(self) -> str:
        """``"loader-bound by 'decode' 3.1 %"``."""
        by = f" by {listed(self.stages[:2])}" if self.stages else ""
        return f"{self.name}{by} {format_share(self.share)}"


@dataclass(frozen=True)
class Gap:
    """How far a run is from its ceiling, and why.

    Attributes:
        ceiling: What would be at work all the time.
        samples_per_s: What the run would make then.
        item: What one sample is called.
        is_simulated: Whether the device is a replay device.
        reached: Share of the time in which it was at work, 0..1.
        shares: The causes' shares of the rest, the largest first.
        unexplained: What is left of it, 0..1.
    """

    ceiling: Ceiling
    samples_per_s: float
    item: str
    is_simulated: bool
    reached: float
    shares: tuple[GapShare, ...]
    unexplained: float

    @property
    def missing(self) -> float:
        """The gap, as a share of the run's time."""
        return 1.0 - self.reached

    @property
    def words(self) -> str:
        """The gap in a sentence or two."""
        who = {
            "device": f"The {'simulated ' if self.is_simulated else ''}device is",
            "model": "The model is",
            "loading": "The workers are",
        }[self.ceiling]
        rate = format_rate(self.samples_per_s, self.item)
        reached = f"{who} at work {format_share(self.reached)} of the time; all the time would be {rate}."
        said = [share.words for share in self.shares if share.share >= _SAID_FROM]
        small = sum(share.share for share in self.shares if share.share < _SAID_FROM)
        said += [f"small ones {format_share(small)}"] if small >= _SAID_FROM else []
        if self.missing < _SAID_FROM:
            return reached
        return f"{reached} The missing {format_share(self.missing)}: {', '.join([*said, self._rest])}."

    @property
    def _rest(self) -> str:
        return f"unexplained {format_share(self.unexplained)}"


def share_out(facts: Facts, causes: Sequence[Cause]) -> Gap:
    """The gap of a run.

    Args:
        facts: The run, with its charges.
        causes: What rules have found: some explain a part of what workers do (`Cause.of_loading`).
    """
    charged = facts.charged
    found: dict[tuple[Name, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    unexplained = 0.0
    for name, stage, share in [*_of_loading(facts, causes), *_of_others(facts)]:
        if name is None:
            unexplained += share
        else:
            found[name, _group(facts, name, stage)][stage] += share
    shares = []
    for (name, _), of in found.items():
        stages = [stage for stage in sorted(of, key=of.__getitem__, reverse=True) if stage]
        shares.append(GapShare(name, tuple(stages), sum(of.values())))
    shares.sort(key=lambda share: -share.share)
    return Gap(
        ceiling=charged.ceiling,
        samples_per_s=facts.steady.samples_per_s / max(charged.reached, 1e-9),
        item=item_of(facts.record),
        is_simulated=facts.record.simulated,
        reached=charged.reached,
        shares=tuple(share for share in shares if share.share > 0.0),
        unexplained=unexplained,
    )


def with_charges(facts: Facts, causes: Sequence[Cause], gap: Gap) -> list[Cause]:
    """Causes with what the gap charges them with; what no rule has found is a cause by that alone."""
    left, found = list(gap.shares), []
    for cause in causes:
        own = [
            share for share in left if share.name == cause.name and (not share.stages or cause.stage in share.stages)
        ]
        left = [share for share in left if share not in own]
        charged = sum(share.share for share in own)
        found.append(replace(cause, charged=charged, cost=max(cause.cost, charged)))
    found += [
        Cause(share.name, share.stage, _evidence(facts, share), share.share, charged=share.share) for share in left
    ]
    waits = f"{_WAITS[gap.ceiling]} {format_share(gap.unexplained)} of the time"
    evidence = f"{waits[0].upper()}{waits[1:]}, and no span tells what for: find out first what is missed there."
    found.append(Cause(_UNEXPLAINED, None, evidence, gap.unexplained, charged=gap.unexplained))
    said = [cause for cause in found if cause.name == _UNEXPLAINED]
    most = max(said, key=lambda cause: cause.cost)
    return [cause for cause in found if cause not in said or cause is most]


def _evidence(facts: Facts, share: GapShare) -> str:
    """What shows a cause that nothing but the gap has found."""
    lane: Lane = "worker" if share.name in ("loader-bound", "slow worker start") else "main"
    rows = [row for stage in share.stages if (row := facts.record.stage(stage, lane)) is not None]
    takes = ", ".join(f"'{row.name}' {facts.each(row)}" for row in rows)
    words = {
        _LOCK: "The main process's loop and its background thread take turns: one of them runs at a time",
        _CORES: "Processes and threads that are ready find no core",
        "idle at epoch ends": "Workers have no order where an epoch ends, and the next batches have to be made first",
        "background-thread-bound": f"The main process waits for its background thread ({takes})",
        "loader-bound": f"The main process waits for {facts.items} ({takes})",
        "main-thread-bound": f"What the main process does comes before the next step ({takes})",
        "transfer-bound": f"Batches are brought to the device ({takes})",
        "slow worker start": f"Workers start anew in every epoch ({takes})",
        "slowest rank": "Ranks wait for the slowest of them",
    }
    what = words.get(share.name, f"Batches are on their way between processes ({takes})")
    return f"{what}: {_WAITS[facts.charged.ceiling]} {format_share(share.share)} of the time for that."


def _group(facts: Facts, name: Name, stage: str) -> str:
    """What tells causes of one name from one another: the stage; but work on results is one cause, of all stages."""
    is_of_results = facts.record.catalogue.find("main", stage).role == "collect"
    return stage if name == "loader-bound" or (name == "main-thread-bound" and not is_of_results) else ""


#: A cause (None: unexplained), the stage that it is about (``""``: none), and its share of the run's time.
_Parts = Iterator[tuple[Name | None, str, float]]


def _of_loading(facts: Facts, causes: Sequence[Cause]) -> _Parts:
    """The making of samples: what special causes explain of it, what workers wait for cores, and the rest by stage.

    What a special cause explains is first of all time that lies in no stage.
    """
    left = {holder.stage: share for holder, share in facts.charged.charges.items() if holder.kind == "loading"}
    special = [(cause.name, cause.stage or "", cause.of_loading) for cause in causes if cause.of_loading]
    if not any(name in _OF_CORES for name, *_ in special):
        special.append((_CORES, "", facts.waiting_for_core))
    for name, stage, of_loading in special:
        taken = of_loading * sum(left.values())
        yield name, stage, taken
        if name not in _OF_CORES:
            from_none = min(taken, left.get("", 0.0))
            left[""], taken = left.get("", 0.0) - from_none, taken - from_none
        whole = sum(left.values())
        left = {each: share * (1.0 - taken / whole) if whole else 0.0 for each, share in left.items()}
    for stage, share in left.items():
        yield "loader-bound" if stage or facts.worker is None else None, stage, share


def _of_others(facts: Facts) -> _Parts:
    """All but the making of samples."""
    names: dict[str, Name | None] = {
        "rare": "rare slow samples",
        "sending": "heavy send and receive",
        "receiving": "receiving-thread-bound",
        "start": "slow worker start",
        "epoch": "idle at epoch ends",
        "ranks": "slowest rank",
    }
    for holder, share in facts.charged.charges.items():
        if holder.kind in ("main", "background", "late"):
            yield from ((name, stage, part * share) for name, stage, part in _of_main_process(facts, holder))
        elif holder.kind != "loading":
            yield names.get(holder.kind), "" if holder.kind == "ranks" else holder.stage, share


def _of_main_process(facts: Facts, holder: Holder) -> _Parts:
    """Work of the main process's threads, in parts of 1: on a core; waiting for one; waiting for the lock."""
    ready, blocked = facts.main_off_core
    second = facts.main.background_busy + facts.main.receiving_busy
    is_locked = second >= _SECOND_THREAD
    if holder.kind == "late":
        off = ready + blocked
        yield _CORES, "", ready / off if off else 0.0
        yield _LOCK if is_locked else None, "", blocked / off if off else 1.0
        return
    if holder.kind == "background":  # it waits for cores as workers do, and for the lock while the loop has it
        off = facts.background_off_core
        ready = min(off, facts.waiting_for_core if facts.cores is not None else ready)
        blocked = min(off - ready, facts.loop_on_core)
    if not is_locked:  # it waits for something of its own
        blocked = 0.0
    yield _CORES, "", ready
    yield _LOCK, "", blocked
    yield _name_of(facts, holder), holder.stage, 1.0 - ready - blocked


def _name_of(facts: Facts, holder: Holder) -> Name:
    if holder.kind == "background":
        return "background-thread-bound"
    kind = facts.record.catalogue.find("main", holder.stage)
    if kind.role == "receive" or (kind.role == "end" and kind.moves_bytes):
        return "heavy send and receive"
    return "transfer-bound" if kind.role == "submit" and kind.moves_bytes else "main-thread-bound"
