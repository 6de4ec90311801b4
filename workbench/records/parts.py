"""What records are made of: the frozen part, the rules of a comparison, predictions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from workbench.records.inside import RunId

SCHEMA_VERSION = 2


class Part(BaseModel):
    """A frozen part of a record; a field that it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(Part):
    """Where a trial of a comparison on several machines ran."""

    name: str = Field(description="what reports call it: its host, or one of several processes on it")
    host: str = Field(description="name of the machine")
    address: str = Field(description="of the process that has started the trial: tcp://10.0.0.2:40001")


class Slicing(Part):
    """How the trials of a block take turns: each runs for some seconds at a time, while the others are frozen."""

    slice_s: float = Field(2.0, gt=0.0, description="a slice; longer for a trial whose steps are slow")
    rounds: int = Field(3, ge=1, description="slices of every variant in a block")
    least_steps: int = Field(6, ge=2, description="a slice is long enough for this many steps")


class KnownSpread(Part):
    """How far two trials of a block were apart in earlier comparisons on the same machine."""

    value: float = Field(gt=0.0, description="standard deviation of a block's log ratio, of all of them together")
    num_comparisons: int
    num_blocks: int


class Policy(Part):
    """The rules of a comparison, fixed before its first trial. Printed in every report."""

    confidence: float = Field(0.95, description="of all intervals of a comparison together, however often one looks")
    min_effect: float = Field(0.02, description="a ratio nearer to 1 than this is no difference that matters")
    min_blocks: int = Field(3, ge=2, description="with fewer complete blocks there is no verdict")
    planned_blocks: int = Field(5, ge=1, description="blocks over which the error budget is laid out")
    budget_s: float | None = Field(
        None, description="no block begins that would probably end later than this after the start; None: no limit"
    )
    kept_error: float = Field(0.2, description="share of the error budget kept for blocks that are added later")
    disturbed_share: float = Field(
        0.1, description="a trial beside which other processes kept this share of the cores busy was disturbed"
    )
    disturbed_steal: float = Field(0.05, description="likewise where this share of the cores was taken by the host")
    repeats: int = Field(1, ge=0, description="how often a disturbed trial is repeated within its block")
    slicing: Slicing | None = Field(None, description="None: one trial runs after the other, whole")
    known_spread: KnownSpread | None = Field(None, description="None: too few earlier comparisons say")
    busy_share: float = Field(
        0.5, description="where more than this share of the trials was disturbed, none is repeated: it is never quiet"
    )


class PredictedValue(Part):
    """A figure from the simulator, with the interval in which 9 of 10 measured ones should lie."""

    estimate: float
    low: float
    high: float


class Prediction(Part):
    """What a change would do to a run. All figures but the measured one are simulated."""

    run_id: RunId = Field(description="the run that it rests on")
    changes: list[str] = Field(description="what is changed, as a person asks for it; together they are one change")
    settings: dict[str, Any] = Field(default_factory=dict, description="the knobs that would do it, where knobs do")
    measured_samples_per_s: float = Field(description="of the run that it rests on")
    samples_per_s: PredictedValue
    gain: PredictedValue = Field(description="throughput after the change over that before, less 1: 0.05 for 5 %")
    limited_by: str = Field(description="what bounds the run after the change, as text")
    assumptions: list[str] = Field(default_factory=list)
