"""The journal of a comparison: what has run so far, on disk after every trial."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.turns import why_no_turns
from workbench.records import ComparisonState, Policy, Program, Slicing, Stop, VariantTrial
from workbench.records.in_use import Hold
from workbench.records.run_folder import append_trial, read_state, write_state


class Journal:
    """A comparison in its folder.

    Attributes:
        folder: Where `state.json` and `trials.jsonl` lie; the comparison goes there as well.
        state: What has run so far.
    """

    def __init__(self, folder: Path, state: ComparisonState) -> None:
        self.folder = folder
        self.replace(state)
        self._hold = Hold(folder)  # as long as anybody has it: what is found in its trials comes after the last one

    @classmethod
    def begin(
        cls,
        folder: Path,
        variants: Mapping[str, Knobs],
        *,
        runs: Path,
        seed: int,
        num_blocks: int,
        policy: Policy | None = None,
        programs: Mapping[str, Program] | None = None,
        budget_s: float | None = None,
        cold_cache: bool = False,
        slicing: Slicing | None = None,
    ) -> Journal:
        """A comparison that has not begun.

        Args:
            folder: Where the journal goes.
            variants: The knobs of each variant; the first is the baseline.
            runs: Folder of run folders.
            seed: Seed of the order.
            num_blocks: After this many blocks it ends, clear or not.
            policy: The rules; the error budget is laid out over these blocks unless it says otherwise.
            programs: By variant: which workbench measures it, where it isn't this one.
            budget_s: No block begins that would probably end later than this; None: no limit.
            cold_cache: Whether the data set's files are put out of the file cache before every trial.
            slicing: How the trials of a block take turns, where they can; None: one runs after the other.
        """
        why_whole = why_no_turns(variants, programs=programs, cold_cache=cold_cache) if slicing is not None else ""
        rules = (policy or Policy(planned_blocks=num_blocks)).model_copy(update={"budget_s": budget_s})
        state = ComparisonState(
            variants=dict(variants),
            programs=dict(programs or {}),
            seed=seed,
            policy=_whole(rules) if slicing is None or why_whole else rules.model_copy(update={"slicing": slicing}),
            most_blocks=num_blocks,
            cold_cache=cold_cache,
            runs=str(runs.resolve()),
            whole_because=why_whole,
        )
        return cls(folder, state)

    @classmethod
    def resume(cls, folder: Path, *, num_blocks: int = 1, budget_s: float | None = None) -> Journal:
        """A comparison that was interrupted, or is to have more blocks.

        Args:
            folder: Where its journal lies.
            num_blocks: After this many blocks it ends now, where that is more than was planned.
            budget_s: As for `begin`, from now on.

        Raises:
            BadInput: Where there is no journal, or a damaged one.
        """
        state = read_state(folder)
        if not Path(state.runs).is_dir():
            remedy = "Move it back to where it was"
            raise BadInput(str(folder), [Problem("the folder of its trials is gone", state.runs, remedy)])
        problems = [
            Problem(f"what '{name}' was measured with is gone", path, "Begin a new comparison")
            for name, program in state.programs.items()
            for path in (program.python, program.source)
            if path and not Path(path).exists()
        ]
        if problems:
            raise BadInput(str(folder), problems)
        most = max(num_blocks, state.most_blocks)
        policy = state.policy.model_copy(update={"budget_s": budget_s})
        return cls(folder, state.model_copy(update={"most_blocks": most, "policy": policy, "stop": None}))

    @property
    def runs(self) -> Path:
        """Folder of the run folders."""
        return Path(self.state.runs)

    def accepted(self, block: int, variant: str) -> VariantTrial | None:
        """The trial of a variant that counts in a block, where there is one."""
        found = [trial for trial in self.trials_of(block, variant) if not trial.repeated]
        return found[-1] if found else None

    def trials_of(self, block: int, variant: str) -> list[VariantTrial]:
        """All trials of a variant in a block, in the order they ran."""
        return [self.state.trials[number] for number in self._places.get((block, variant), ())]

    @property
    def num_accepted(self) -> int:
        """How many trials count."""
        return len(self._places)

    def is_mostly_busy(self) -> bool:
        """Whether such a share of the trials was disturbed that repeating one would hardly find the machine quiet."""
        return self._num_disturbed > self.state.policy.busy_share * len(self.state.trials)

    def replace(self, state: ComparisonState) -> None:
        """Another state in the place of this one, with trials of its own."""
        self.state = state
        # Who asks, asks after every trial: of thousands, none can be looked for among all.
        self._places: dict[tuple[int, str], list[int]] = {}
        for number, trial in enumerate(state.trials):
            self._places.setdefault((trial.block, trial.variant), []).append(number)
        self._num_disturbed = sum(bool(trial.disturbed) for trial in state.trials)
        self._write()

    def warmed_up(self, run_id: str) -> None:
        """A trial that counts nowhere is done: the first one, or the first after a stop."""
        self._change(warmup_run_id=run_id)

    def add(self, trial: VariantTrial) -> None:
        """A trial is done. It stands in for an earlier one of its variant and block, where there is one."""
        append_trial(self.folder, trial)
        trials = [*self.state.trials, trial]
        ran = self._places.setdefault((trial.block, trial.variant), [])
        for number in ran:
            trials[number] = trials[number].model_copy(update={"repeated": True})
        ran.append(len(trials) - 1)
        self._num_disturbed += bool(trial.disturbed)
        self.state = self.state.model_copy(update={"trials": trials})

    def add_block(self, done: Sequence[VariantTrial]) -> None:
        """Trials of a block are done, and enter together."""
        for trial in done:
            self.add(trial)

    def take_no_turns(self, because: str) -> None:
        """From here on one trial runs after the other."""
        self._change(policy=_whole(self.state.policy), whole_because=because)

    def drop(self, names: Collection[str], *, after: int) -> None:
        """Variants that run in no block after this one; the baseline always runs."""
        baseline = next(iter(self.state.variants))
        new = {name: after for name in names if name not in self.state.dropped and name != baseline}
        if new:
            self._change(dropped={**self.state.dropped, **new})

    def stopped(self, why: Stop) -> None:
        """No further block is run."""
        self._change(stop=why)

    def _change(self, **fields: Any) -> None:
        self.state = self.state.model_copy(update=fields)
        self._write()

    def _write(self) -> None:
        write_state(self.folder, self.state)


def _whole(policy: Policy) -> Policy:
    """The same rules for trials that run one after the other: what is known of the spread is of trials in turns."""
    return policy.model_copy(update={"slicing": None, "known_spread": None})
