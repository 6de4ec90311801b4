"""Is the result of a variant still the baseline's? What two trials have left, compared by their workload's rules."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from workbench.explain.checks.quality import compare_scores
from workbench.explain.checks.samples import compare_samples
from workbench.knobs.joined import SHIPPED
from workbench.records import Check, Checks, Record
from workbench.records.bounds import check_archive
from workbench.records.run_folder import SAMPLES, is_there
from workbench.registry import compare_recorded
from workbench.workload import Arrays

#: Size of a file of no arrays: a ZIP file that holds nothing but its end.
_EMPTY_BYTES = 22


def compare_runs(runs: Path, baseline: Record, variant: Record) -> Checks:
    """Compare what two trials have left: the samples that their models were given, and the figures of quality.

    Args:
        runs: Folder of their run folders.
        baseline: The record of the baseline's trial.
        variant: Likewise.

    Returns:
        The checks; none of them, and a note with the reason, where nothing could be compared.
    """
    if baseline.knobs.workload != variant.knobs.workload:
        names = f"'{baseline.knobs.workload}' and '{variant.knobs.workload}'"
        return Checks(notes=[f"The trials are of two workloads, {names}, whose results cannot be compared."])
    notes: list[str] = []
    own, other = (read_samples(runs / record.run_id, notes) for record in (variant, baseline))
    samples = _by_rules_of_workload((baseline, other), (variant, own)) or compare_samples(
        (baseline, other), (variant, own)
    )
    has_samples = any(check.status != "not_comparable" for check in samples.checks)
    scores = compare_scores(baseline, variant, has_samples=has_samples)
    scores = [score for score in scores if score.name not in samples.compared_scores]
    found = Checks(checks=[*samples.checks, *scores], num_samples=samples.num_samples, notes=[*notes, *samples.notes])
    if found.status == "not_comparable" and not found.notes:
        return found.model_copy(update={"notes": ["Nothing that the trials have left could be compared."]})
    return found


def read_samples(folder: Path, notes: list[str] | None = None) -> Arrays | None:
    """The samples that a trial has kept.

    Args:
        folder: Its run folder.
        notes: Gets a sentence where the file is damaged.

    Returns:
        Arrays by name (see `measure.trial.sample_recorder`); None where none were kept, or the file is damaged.
    """
    path = folder / SAMPLES
    if not is_there(path):
        return None
    try:
        check_archive(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if not arrays.files and path.stat().st_size > _EMPTY_BYTES:
                raise zipfile.BadZipFile("its list of arrays is gone")
            return dict(arrays)
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        if notes is not None:
            notes.append(f"{path} is damaged ({error}), so its samples were not compared.")
        return None


def _by_rules_of_workload(
    baseline: tuple[Record, Arrays | None], variant: tuple[Record, Arrays | None]
) -> Checks | None:
    """What the workload's own rules say; None where it has none. A fault in a user's rules is a check that says so."""
    workload = variant[0].knobs.workload
    try:
        found = compare_recorded(workload, baseline, variant)
    except Exception as error:
        if workload in SHIPPED:
            raise
        return _broken(workload, f"raised {type(error).__name__}: {error}")
    if found is None or isinstance(found, Checks):
        return found
    return _broken(workload, f"gave {type(found).__name__}, not Checks")


def _broken(workload: str, what: str) -> Checks:
    reason = f"{workload}.compare {what}"
    return Checks(checks=[Check(name="samples", status="not_comparable", measured="", reason=reason)])
