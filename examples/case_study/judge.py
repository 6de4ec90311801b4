"""Puts the case study together from what its race and its study of the transforms have left."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from examples.case_study.comparison import StudyComparison
from examples.case_study.findings.evidence import Evidence
from examples.case_study.findings.rows import study_claims
from examples.case_study.record import CaseStudy
from workbench.errors import BadInput, Problem
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Parity
from workbench.records.run_folder import write_json
from workbench.workloads.ocr.transform_study import TransformStudy

CASE_STUDY = "case_study.json"


def judge_claims(
    opened: StudyComparison, compared: ComparisonRun, comparison: Comparison, transforms: TransformStudy, planted: Parity | None
) -> CaseStudy:
    """Hold the claims against the comparison, and write that down in its folder.

    Args:
        opened: The comparison as it was opened.
        compared: What it has left.
        comparison: The same, judged, with its predictions.
        transforms: The study of the transforms.
        planted: What parity says of the planted fault.
    """
    evidence = Evidence(
        comparison=comparison,
        records=compared.records,
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
