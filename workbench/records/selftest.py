"""`selftest.json`: how often the verdicts of this machine are wrong, and which differences it can detect."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.joined import RecordedKnobs
from workbench.records.comparison import Interval
from workbench.records.parts import SCHEMA_VERSION, Part, Policy


class Share(Part):
    """A count out of a total, with the 95 % interval of the share behind it."""

    count: int
    of: int
    share: float | None = Field(description="None where the total is 0")
    ci95: tuple[float, float]


class FalseVerdicts(Part):
    """Comparisons of identical variants: how many of them ended in 'faster' or 'slower'."""

    most_blocks: int = Field(description="blocks of a comparison at most; the error budget was laid out over them")
    real: Share = Field(description="comparisons of blocks as they were run, no trial in two of them; exact interval")
    resampled: Share = Field(description="comparisons of blocks drawn from those; interval by jackknife over blocks")
    median_blocks: float = Field(description="blocks until the resampled ones were clear, or gave up")


class Planted(Part):
    """Comparisons with a variant that was slowed down on purpose."""

    stage: str
    asked: float = Field(description="slow-down that was asked for, as a share")
    planted: float = Field(description="slow-down that was planted: the added time over the time without it, a share")
    num_blocks: int = Field(description="blocks that were run")
    real: Share = Field(description="comparisons of blocks as they were run, that ended in 'slower'")
    found: Share = Field(description="resampled comparisons that ended in 'slower'")
    covered: Share = Field(description="resampled comparisons whose interval at the end holds the planted size")
    estimate: float = Field(description="median of the estimated slow-downs, as a share")
    median_blocks: float


class Detectable(Part):
    """The smallest difference that is found in nine of ten comparisons of two variants within a time."""

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
    knobs: RecordedKnobs = Field(description="of the variant that is compared with itself")
    policy: Policy
    most_blocks: int = Field(description="blocks of a comparison with a slowed variant, at most")
    num_blocks: int = Field(description="blocks that were run")
    num_identical: int = Field(description="identical variants in each of them")
    trial_s: float = Field(description="median time of a trial, start-up and all")
    spread: float = Field(description="standard deviation of the log ratio of two identical variants in a block")
    false_verdicts: list[FalseVerdicts] = Field(description="for short comparisons, and for long ones")
    pinned: FalseVerdicts = Field(description="long ones, if one of the two had always run first in its block")
    first_slot: Interval = Field(description="throughput of the first identical trial of a block over the last one's")
    planted: list[Planted]
    detectable: list[Detectable]
    disturbed: int = Field(description="trials beside which other processes were busy")
    notes: list[str] = Field(default_factory=list)
