"""Measures that several rules share, and stages in words."""

from __future__ import annotations

from workbench.explain.breakdown import NO_WORK, UNATTRIBUTED
from workbench.explain.diagnosis.facts import Facts
from workbench.explain.diagnosis.thresholds import Thresholds
from workbench.units import format_duration

#: Stages that only move a page that is ready.
MOVES = ("cache", "collate", "send")


def rare_share(facts: Facts, limits: Thresholds) -> float | None:
    """Share of all pages' time that rare slow ones take beyond the median; None where there are none, or many."""
    walls = facts.pages["wall_s"]
    if walls.empty:
        return None
    median = float(walls.median())
    slow = walls[walls > limits.rare_page * median]
    if slow.empty or len(slow) > limits.rare_pages * len(walls):
        return None
    return float((slow - median).sum() / walls.sum())


def blocked_share(facts: Facts) -> float:
    """Share of the workers' work in which they were neither on a core nor waiting for one."""
    cores = facts.cores
    return cores.blocked_s / cores.work_s if cores is not None and cores.work_s > 0.0 else 0.0


def stage_total(facts: Facts, name: str) -> float:
    """Seconds of a stage over the counted steps, all processes together."""
    row = facts.stage(name)
    return row.total_s if row else 0.0


def only_moves(facts: Facts, limits: Thresholds) -> bool:
    """Whether the workers do next to nothing but move pages that are ready."""
    is_in_main = facts.worker is not None and facts.worker.in_main
    return not is_in_main and facts.of_work(*MOVES) >= limits.moves


def waiting_stage(facts: Facts) -> str | None:
    """The stage that has lost most against what it takes alone."""
    lost: dict[str, float] = {}
    for row in facts.record.stages:
        alone = facts.isolated(row.name)
        if row.lane == "worker" and not row.background and row.name not in NO_WORK and alone is not None:
            lost[row.name] = (row.mean_s - alone.mean_s) * row.count
    if facts.worker is not None:
        lost[UNATTRIBUTED] = sum(part.total_s for part in facts.worker.parts if part.stage == UNATTRIBUTED)
    largest = max(lost, key=lost.__getitem__, default=None)
    return largest if largest is not None and lost[largest] > 0.0 else None


def each_s(facts: Facts, name: str) -> float:
    """Seconds that a stage takes for each page, or for each batch where it is done once for a batch."""
    row = facts.stage(name)
    if row is None:
        return 0.0
    return row.total_s / (facts.steady.num_pages if row.per == "page" else facts.steady.num_steps)


def each(facts: Facts, name: str) -> str:
    """That in words: ``"8.3 ms a page"``."""
    row = facts.stage(name)
    return f"{format_duration(each_s(facts, name))} a {row.per}" if row else "an unknown time"


def against_isolated(facts: Facts, name: str) -> str:
    """What it takes with no other process at work, in brackets; empty where that was not timed."""
    row, alone = facts.stage(name), facts.isolated(name)
    if row is None or alone is None or row.mean_s <= 0.0:
        return ""
    return f" (alone {format_duration(each_s(facts, name) * alone.mean_s / row.mean_s)})"
