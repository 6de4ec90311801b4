"""`selftest.json`: how often the verdicts of this machine are wrong, and which differences it can tell."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs import Knobs
from workbench.records.part import SCHEMA_VERSION, Part
from workbench.records.policy import Policy


class Share(Part):
    """How many of so many, with the interval of the share behind it (Clopper and Pearson 1934, 95 %)."""

    count: int
    of: int
    share: float | None = Field(description="None of nothing")
    ci95: tuple[float, float]


class FalseVerdicts(Part):
    """Comparisons of identical variants: how many of them ended in 'faster' or 'slower'."""

    real: Share = Field(description="comparisons that were run as they stand")
    resampled: Share = Field(description="comparisons whose blocks were drawn from those that were run")
    median_blocks: float = Field(description="blocks until the resampled ones were clear, or gave up")


class Planted(Part):
    """Comparisons with a variant that was slowed down on purpose; resampled from blocks that were run."""

    stage: str
    asked: float = Field(description="slow-down that was asked for, as a share")
    planted: float = Field(description="slow-down that was planted: the added time over the time without it, a share")
    num_blocks: int = Field(description="blocks that were run")
    found: Share = Field(description="ended in 'slower'")
    covered: Share = Field(description="the interval at the end holds the planted size")
    estimate: float = Field(description="median of the estimated slow-downs, as a share")
    median_blocks: float


class Tellable(Part):
    """The smallest difference that is found in nine of ten comparisons of two variants that take so long."""

    minutes: float
    num_blocks: int
    effect: float | None = Field(description="as a share; None where the time is too short for a verdict")


class SelfTest(BaseModel):
    """`selftest.json`."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    created_at: str
    cpu: str
    cores: int
    knobs: Knobs = Field(description="of the variant that is compared with itself")
    policy: Policy
    most_blocks: int
    num_blocks: int = Field(description="blocks that were run")
    trial_s: float = Field(description="median time of a trial, start-up and all")
    spread: float = Field(description="standard deviation of the log ratio of two identical variants in a block")
    false_verdicts: FalseVerdicts
    pinned: FalseVerdicts = Field(description="the same, if one of the two had always run first in its block")
    planted: list[Planted]
    tellable: list[Tellable]
    disturbed: int = Field(description="trials beside which other processes were busy")
    notes: list[str] = Field(default_factory=list)
