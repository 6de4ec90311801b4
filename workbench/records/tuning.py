"""`tune.json`: a search for the best set of knobs, written after every step, so that it can go on after a stop."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.joined import RecordedKnobs
from workbench.records.checks import CheckStatus
from workbench.records.comparison import Interval, Verdict
from workbench.records.inside import RunId
from workbench.records.parts import SCHEMA_VERSION, Part, PredictedValue

#: What became of a setting.
#:
#: - `memory`, `startup`, `result`: a limit rules it out, by its own trial or by those of its values.
#: - `unpredicted`: nobody can say what it makes. `left_out`: it holds a value that was left out (see `left_out`).
#: - `not_kept`: even its upper end lies below the best lower end. `no_time`: it was kept, but the time was over.
#: - `outside`: not kept, and compared as well, drawn at random, to see whether predictions are biased.
#: - `compared`: in the blocks until they ended. `dropped`: in the blocks until it was clearly slower than another.
#: - `failed`: its trial failed.
Fate = Literal[
    "memory", "startup", "result", "unpredicted", "left_out", "not_kept", "no_time", "outside", "compared", "dropped",
    "failed",
]  # fmt: skip

#: What settings are found by: by predictions, or by Optuna's sampler.
Sampler = Literal["model", "optuna"]

#: Why a search has ended: all is done; the time was up before it was; the baseline failed.
TuneStop = Literal["done", "no_time", "failed"]


class TuneLimits(Part):
    """What a setting has to keep to."""

    memory_bytes: int | None = Field(None, description="the most that all processes may take; None: no limit")
    startup_s: float | None = Field(None, description="the longest start-up; None: no limit")
    result: Literal["same", "within_tolerance"] = Field(
        "within_tolerance", description="what the checks have to say of the result, at least"
    )


class MeasuredValue(Part):
    """A short trial of a few settings: what a value does to the times."""

    settings: dict[str, Any] = Field(description="otherwise than the baseline")
    run_id: RunId | None = Field(description="None where the trial could not begin")
    samples_per_s: float | None = None
    startup_s: float | None = None
    memory_bytes: int | None = None
    result: CheckStatus | None = Field(None, description="beside the baseline's; None: nothing was compared")
    wall_s: float = 0.0
    failure: str = ""


class Candidate(Part):
    """A setting that was looked at closely."""

    settings: dict[str, Any] = Field(description="otherwise than the baseline")
    fate: Fate
    why: str = Field("", description="the figures behind its fate, in words")
    predicted: PredictedValue | None = Field(None, description="samples per second, before it was compared")
    measured: Interval | None = Field(
        None, description="throughput over the baseline's, of the blocks; chosen from many, so too good for a winner"
    )
    num_blocks: int = 0
    memory_bytes: int | None = None
    startup_s: float | None = None
    result: CheckStatus | None = None


class Trade(Part):
    """A row of the answer: a setting that no other one beats in everything."""

    settings: dict[str, Any]
    speedup: Interval = Field(description="throughput over the baseline's")
    is_confirmed: bool = Field(description="by a comparison of its own; else by the blocks that chose it")
    memory_bytes: int | None = None
    startup_s: float | None = None
    break_even_epochs: float | None = Field(None, description="epochs until the extra start-up has paid; None: none")
    result: CheckStatus | None = None


class Spent(Part):
    """Seconds of the search, by what they were for."""

    values_s: float = 0.0
    predictions_s: float = 0.0
    blocks_s: float = 0.0
    confirmation_s: float = 0.0

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.values_s + self.predictions_s + self.blocks_s + self.confirmation_s


class Tuning(BaseModel):
    """`tune.json`."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    created_at: str
    baseline: RecordedKnobs
    axes: dict[str, list[Any]] = Field(description="values by knob, the baseline's own first")
    limits: TuneLimits = TuneLimits()
    sampler: Sampler = "model"
    nodes: str = Field("", description="where the blocks ran; empty: on this machine")
    budget_s: float
    seed: int
    runs: str = Field(description="folder of the run folders")
    spent: Spent = Spent()
    num_steps: int | None = Field(None, description="counted steps of its trials; None: as the knobs say")
    values: list[MeasuredValue] = Field(default_factory=list, description="in the order they ran; first the baseline")
    comparisons: list[RunId] = Field(default_factory=list, description="names of the comparisons that chose, in order")
    confirmation: RunId | None = Field(None, description="name of the comparison of winner and baseline")
    num_settings: int = Field(0, description="combinations of the values")
    num_impossible: int = 0
    impossible: dict[str, int] = Field(default_factory=dict, description="combinations that cannot run, by reason")
    num_same: int = Field(0, description="combinations that are the same as another one")
    fates: dict[Fate, int] = Field(default_factory=dict, description="of all that could run, how many ended how")
    left_out: dict[str, str] = Field(default_factory=dict, description="values that were not tried, and why")
    candidates: list[Candidate] = Field(default_factory=list, description="those of the highest predictions")
    spread: float | None = Field(None, description="standard deviation of the log of measured over predicted, as used")
    bias: float | None = Field(None, description="mean of that log, of what was compared; None: nothing was")
    outside: dict[str, Any] | None = Field(None, description="the setting that was drawn from those not kept")
    winner: dict[str, Any] | None = Field(None, description="otherwise than the baseline; None: the baseline itself")
    verdict: Verdict | None = Field(None, description="of the confirmation; None: none was needed, or no time was left")
    gain: Interval | None = Field(None, description="of the confirmation: throughput over the baseline's")
    trades: list[Trade] = Field(default_factory=list)
    stop: TuneStop | None = Field(None, description="None: it was interrupted, or is still running")
    more_s: float | None = Field(
        None, description="what an answer takes beyond what was spent, at least, by the trials so far; None: no more"
    )
    notes: list[str] = Field(default_factory=list)
