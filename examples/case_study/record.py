"""`case_study.json`: what a study claimed, what was measured of it here, and whether it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import BadInput, Problem
from workbench.records.comparison import Interval
from workbench.records.parts import SCHEMA_VERSION, Part, PredictedValue

CASE_STUDY = "case_study.json"

ClaimVerdict = Literal["holds", "does not hold", "not decided"]


class Claim(Part):
    """Something that was claimed."""

    name: str
    sentence: str = Field(description="the claim, as a sentence without a final stop")
    figures: str = Field(description="the figures that it was made with")
    source: str = Field(description="what it rested on")


class Finding(Part):
    """A claim, compared with what was measured."""

    claim: Claim
    measured: str = Field(description="the figures, with unit and spread")
    origin: Literal["measured", "simulated", "counted"] = Field(
        description="simulated: a throughput that rests on the replay device"
    )
    verdict: ClaimVerdict
    reason: str


class PredictedGain(Part):
    """The gain of a variant over the baseline: predicted from the baseline's first run, and measured."""

    variant: str
    changes: list[str]
    predicted: PredictedValue | None = Field(description="None: it could not be predicted")
    measured: Interval | None = Field(description="pages per second over the baseline's, less 1")
    verdict: ClaimVerdict
    reason: str


class CaseStudy(BaseModel):
    """`case_study.json`."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    created_at: str
    machine: str
    headline: str
    findings: list[Finding]
    gains: list[PredictedGain]
    conclusions: list[str]
    notes: list[str] = Field(description="what limits the answers")


def read_case_study(folder: Path) -> CaseStudy:
    """The case study in the folder of a comparison.

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
