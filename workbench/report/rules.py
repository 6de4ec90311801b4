"""The rules of a comparison that is about to begin, with what earlier ones in the same folder say of this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.verdicts.known_spread import known_spread
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.control_group import cores_by_quota
from workbench.measure.trial.environment import cpu_name
from workbench.records import Comparison, Policy, Slicing
from workbench.records.run_folder import COMPARISON, read_comparison, read_record
from workbench.report.outcome import COMPARISONS

#: How many comparisons are asked, the newest ones: machines change.
_MOST = 20


def rules_here(reports: Path, knobs: Knobs, *, planned_blocks: int, slicing: Slicing | None) -> Policy:
    """The rules.

    Args:
        reports: The folder of results.
        knobs: Of the baseline.
        planned_blocks: Blocks over which the error budget is laid out.
        slicing: How trials are to take turns. What is known of the spread is that of trials that took them likewise.
    """
    known = None if slicing is None else known_spread(_alike(reports, knobs, slicing))
    return Policy(planned_blocks=planned_blocks, known_spread=known)


def _alike(reports: Path, knobs: Knobs, slicing: Slicing) -> Iterator[Comparison]:
    """Earlier comparisons on this machine, of the same workload and in turns of the same kind."""
    for comparison in comparisons_here(reports):
        base = comparison.base
        if base is not None and comparison.policy.slicing == slicing and _kind(base.knobs) == _kind(knobs):
            yield comparison


def comparisons_here(reports: Path) -> Iterator[Comparison]:
    """The newest comparisons in a folder of results that ran on this machine; what cannot be read is passed over."""
    machine = cpu_name(), len(os.sched_getaffinity(0)), cores_by_quota()
    for path in sorted((reports / COMPARISONS).glob(f"*/{COMPARISON}"))[-_MOST:]:
        with contextlib.suppress(BadInput):
            comparison = read_comparison(path.parent)
            base = comparison.base
            if base is None or comparison.nodes:
                continue
            environment = read_record(reports / "runs" / base.run_ids[0]).environment
            if environment is not None and environment.machine == machine:
                yield comparison


def _kind(knobs: object) -> tuple[object, object]:
    """What two comparisons have to have in common: the workload, or the command of a script."""
    return getattr(knobs, "workload", None), getattr(knobs, "command", None)
