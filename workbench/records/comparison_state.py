"""`state.json`: what a comparison has done so far, so that it can go on after a stop.

Each trial is appended to `trials.jsonl` beside it. Whatever else changes, the file is written whole, with all trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.joined import RecordedKnobs
from workbench.records.inside import RunId
from workbench.records.parts import SCHEMA_VERSION, Node, Part, Policy

#: Why no further block is run: every verdict is clear; all blocks are done; the time is up; it was cancelled; a trial
#: of the baseline failed; the last of the nodes that ran its blocks was lost.
Stop = Literal["clear", "blocks", "budget", "cancelled", "failed", "lost"]


class Program(Part):
    """Which workbench measures a variant, where it isn't the one that runs the comparison."""

    name: str = Field(description="what a person calls it: a git revision, an interpreter")
    python: str = Field(description="path of the interpreter")
    source: str | None = Field(None, description="source tree that it takes the package from; None: what it has")

    def environment(self) -> dict[str, str]:
        """The variables that make its interpreter find its own package.

        Without them a workbench in the current folder, or in the PYTHONPATH that is inherited, would be found first,
        and would be compared with itself.
        """
        return {"PYTHONPATH": self.source or "", "PYTHONSAFEPATH": "1"}


class VariantTrial(Part):
    """One trial of a comparison."""

    block: int
    variant: str
    run_id: RunId
    disturbed: list[str] = Field(default_factory=list, description="what else the machine did meanwhile, in words")
    files_cached_share: float | None = Field(
        None, description="share of the data set's files in the file cache when the trial began; None: not known"
    )
    repeated: bool = Field(False, description="a later trial of the same block counts in its place")
    node: Node | None = Field(None, description="where it ran; None: on the machine of whoever ran the comparison")


class ComparisonState(BaseModel):
    """`state.json`."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    variants: dict[str, RecordedKnobs] = Field(description="the first one is the baseline")
    programs: dict[str, Program] = Field(default_factory=dict, description="by variant; none: this workbench")
    seed: int
    policy: Policy = Policy()
    most_blocks: int = Field(ge=1, description="after this many blocks sampling ends, clear or not")
    cold_cache: bool = Field(False, description="the data set's files leave the file cache before every trial")
    runs: str = Field(description="folder of the run folders")
    warmup_run_id: RunId | None = Field(None, description="the first trial, which counts nowhere")
    trials: list[VariantTrial] = Field(default_factory=list, description="in the order they ran")
    dropped: dict[str, int] = Field(
        default_factory=dict, description="by variant that was clearly a loser: the last block in which it ran"
    )
    whole_because: str = Field("", description="why trials run one after the other, where they were to take turns")
    stop: Stop | None = Field(None, description="None: it was interrupted, or is still running")

    def with_trials(self, later: Sequence[VariantTrial]) -> Self:
        """The same after further trials. One of a variant and block stands in for those that came before it.

        Args:
            later: In the order they ran. Those that are known are passed over.
        """
        known = {trial.run_id for trial in self.trials}
        trials = [*self.trials, *(trial for trial in later if trial.run_id not in known)]
        if len(trials) == len(self.trials):
            return self
        last = {(trial.block, trial.variant): number for number, trial in enumerate(trials)}
        for number, trial in enumerate(trials):
            if not trial.repeated and last[trial.block, trial.variant] != number:
                trials[number] = trial.model_copy(update={"repeated": True})
        return self.model_copy(update={"trials": trials})
