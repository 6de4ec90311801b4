"""`comparison.json`: variants compared against a baseline, and the rules by which they were judged."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.joined import RecordedKnobs
from workbench.records.checks import Checks
from workbench.records.comparison_state import Stop, VariantTrial
from workbench.records.inside import RunId
from workbench.records.parts import SCHEMA_VERSION, Part, Policy, Prediction
from workbench.records.trial import Description, Failure, Memory

Verdict = Literal["faster", "slower", "no_difference", "inconclusive", "failed"]


class Interval(Part):
    """A figure with its interval; the interval is None where there are too few blocks for one."""

    estimate: float
    ci95: tuple[float, float] | None


class Throughput(Part):
    """Samples per second of a variant over the blocks. It describes the variant by itself, and decides nothing."""

    median: float
    geometric_mean: Interval = Field(
        description="with Student's 95 % interval, which is that of the geometric mean, and not of the median"
    )
    per_block: list[float | None] = Field(default_factory=list)


class Resolution(Part):
    """What a comparison can tell, judged by the spread between its own blocks."""

    effect: float = Field(description="smallest difference that is found in nine of ten such comparisons, as a share")
    num_blocks: int
    block_s: float = Field(description="median time of a block, by its trials")


class NodeRatio(Part):
    """What the blocks of one node say of a variant."""

    node: str = Field(description="its name")
    estimate: float = Field(description="geometric mean of the paired ratios of its blocks")
    num_blocks: int


class VariantResult(Part):
    """One variant against the baseline."""

    name: str
    knobs: RecordedKnobs
    run_ids: list[RunId] = Field(description="trials in the order of the blocks")
    samples_per_s: Throughput | None
    speedup: Interval | None = Field(description="geometric mean of the paired ratios per block; None for the baseline")
    verdict: Verdict | None = Field(description="None for the baseline")
    by_node: list[NodeRatio] = Field(
        default_factory=list, description="the speed-up on each node; empty where all blocks ran in one place"
    )
    more_blocks: int | None = Field(
        None,
        description="blocks that an undecided verdict probably needs yet; None: decided, or ten thousand would not do",
    )
    checks: Checks | None = Field(None, description="None: nothing was compared")
    simulated: bool = False
    memory: Memory = Memory()
    startup_s: float | None = Field(None, description="median of the trials' total start-up")
    cache_fill_s: float | None = None
    break_even_epochs: float | None = Field(
        None, description="epochs until the extra start-up has paid; None: there is none, or the variant isn't faster"
    )
    predicted: Prediction | None = Field(None, description="what the first run of the baseline predicts")
    not_predicted: str | None = Field(None, description="why nothing is predicted")
    inactive: list[str] = Field(default_factory=list, description="knobs that can change nothing here, and why")
    failure: Failure | None = None


class Comparison(BaseModel):
    """`comparison.json`: several variants compared against a baseline."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    created_at: str
    item: str = Field("sample", description="what the workload calls its samples")
    baseline: str
    num_blocks: int
    seed: int
    order: list[list[str]] = Field(description="variant names in the order they ran, block by block")
    nodes: list[str] = Field(
        default_factory=list, description="names of the nodes that ran the blocks; empty: all ran where it was begun"
    )
    policy: Policy = Policy()
    variants: list[VariantResult]
    description: Description | None = Field(None, description="of the baseline's data set")
    stop: Stop | None = Field(None, description="why no further block was run")
    warmup_run_id: RunId | None = None
    cold_cache: bool = False
    disturbed: list[VariantTrial] = Field(default_factory=list, description="trials beside which others were busy")
    block_s: float | None = Field(None, description="median time of a block, by its trials; None: not known")
    files_cached: tuple[float, float] | None = Field(
        None, description="least and largest share of the data set's files in the file cache when trials began"
    )
    num_trials: int | None = Field(None, description="trials that count and that were repeated, without warm-up trials")
    resolution: Resolution | None = Field(None, description="None where there are too few blocks to tell")
    notes: list[str] = Field(default_factory=list)

    @property
    def base(self) -> VariantResult | None:
        """The baseline; None where it has not run."""
        return next((variant for variant in self.variants if variant.name == self.baseline), None)

    @property
    def others(self) -> list[VariantResult]:
        """All variants but the baseline."""
        return [variant for variant in self.variants if variant.name != self.baseline]
