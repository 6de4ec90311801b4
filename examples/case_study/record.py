"""`case_study.json`: what a study claimed, what was measured of it here, and whether it holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.records.comparison import Interval
from workbench.records.part import SCHEMA_VERSION, Part
from workbench.records.prediction import PredictedValue

ClaimVerdict = Literal["holds", "does not hold", "cannot be told"]


class Claim(Part):
    """Something that was said to be so."""

    name: str
    said: str = Field(description="the claim, as a sentence without a final stop")
    quoted: str = Field(description="the figures that it was said with")
    source: str = Field(description="what it rested on")


class Finding(Part):
    """A claim held against what was measured."""

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
    questions: list[str]
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
