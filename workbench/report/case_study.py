"""Puts the case study together from what its race and its study of the transforms have left."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from workbench.analysis.case_study.evidence import Evidence
from workbench.analysis.case_study.rows import study_claims
from workbench.errors import BadInput, Problem
from workbench.records import Comparison, Parity
from workbench.records.case_study import CaseStudy
from workbench.report.study_race import StudyRace
from workbench.run_store import write_json
from workbench.transform_study import TransformStudy
from workbench.trial.race import Race

CASE_STUDY = "case_study.json"


def judge_claims(
    opened: StudyRace, raced: Race, comparison: Comparison, transforms: TransformStudy, planted: Parity | None
) -> CaseStudy:
    """Hold the claims against the race, and write that down in its folder.

    Args:
        opened: The race as it was opened.
        raced: What it has left.
        comparison: The same, judged, with its predictions.
        transforms: The study of the transforms.
        planted: What parity says of the planted fault.
    """
    evidence = Evidence(
        comparison=comparison,
        records=raced.records,
        transforms=transforms,
        file_bytes=opened.file_bytes,
        planted=planted,
        left_out=opened.left_out,
    )
    found = study_claims(evidence)
    write_json(opened.journal.folder / CASE_STUDY, found)
    return found


def read_case_study(folder: Path) -> CaseStudy:
    """The case study in a folder of a comparison.

    Raises:
        BadInput: Where there is none, or a damaged one.
    """
    path = folder / CASE_STUDY
    if not path.is_file():
        raise BadInput(str(folder), [Problem(f"there is no {CASE_STUDY}", remedy="Run workbench study")])
    try:
        return CaseStudy.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        problems = [Problem(detail["msg"], ".".join(map(str, detail["loc"]))) for detail in error.errors()]
        raise BadInput(f"{path} is damaged or of another version", problems) from None
