"""The comparisons of a search: settings and baseline share blocks, which losers leave; and one that confirms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.explain.tuning.elimination import is_settled, losers
from workbench.explain.tuning.limits import broken
from workbench.explain.verdicts.comparison import has_failed, is_clear
from workbench.explain.verdicts.effect import estimate, more_blocks, paired_log_ratios, verdict_of
from workbench.knobs.knobs import Knobs
from workbench.knobs.space import Setting, Space, setting_name
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun
from workbench.measure.comparison.variants import BASELINE
from workbench.records import Comparison, ComparisonState, Interval, Policy, Record, Slicing, TuneLimits, Verdict
from workbench.records.run_folder import COMPARISON, is_there, read_comparison, read_state
from workbench.report.outcome import COMPARISONS, fresh_name, save_comparison
from workbench.report.predictions import add_predictions
from workbench.report.rules import rules_here
from workbench.report.tuning.chosen import Chosen
from workbench.report.tuning.state import Cancelled, TuningFolder
from workbench.report.verdicts import compare_run

#: Blocks of a comparison that chooses, and of the last one, at least and at most.
LEAST_TO_CHOOSE, _MOST_TO_CHOOSE = 2, 8
LEAST_TO_CONFIRM, _MOST_TO_CONFIRM = 3, 12

#: On several nodes a verdict takes more blocks, one for each further node; of more nodes than this it may take longer.
_MORE_ON_NODES = 4

#: The last comparison goes on until the upper end of its interval is no more than this many times the lower one, though
#: its verdict is clear before: what it gains is what a person wants to know.
_NARROW = 1.08

Records = Mapping[str, Sequence[Record]]

#: Runs a comparison: here, or on nodes (`measure.comparison.run.run_comparison`).
RunComparison = Callable[..., ComparisonRun]


@dataclass
class Compared:
    """A comparison of settings that is over.

    Attributes:
        comparison: It.
        records: The records of each variant, by its name.
        settings: What each variant sets otherwise than the baseline.
        dropped: By variant that has left: its last block.
    """

    comparison: Comparison
    records: dict[str, list[Record]]
    settings: dict[str, dict[str, Any]]
    dropped: dict[str, int]


@dataclass
class Blocks:
    """Runs the comparisons of a search.

    Args:
        state: The search.
        run_comparison: Runs one.
        num_steps: Counted steps of a trial; None: as the knobs say.
        on_trial: As for `run_comparison`.
    """

    state: TuningFolder
    run_comparison: RunComparison
    num_steps: int | None
    on_trial: Callable[[int, int, str, Record], None]

    def choose(self, settings: Sequence[Setting], seconds: float, block_s: float) -> Compared:
        """Compare settings with the baseline until the best is clear, or the time is over.

        Args:
            settings: Of the variants.
            seconds: What there is.
            block_s: About what a block takes.
        """
        blocks = max(LEAST_TO_CHOOSE, min(_MOST_TO_CHOOSE, math.floor(seconds / max(block_s, 1e-9))))
        name = fresh_name()
        self.state.change(comparisons=[*self.state.tuning.comparisons, name])
        return self.go_on(self._begin(name, settings, blocks), seconds)

    def go_on(self, journal: Journal, seconds: float) -> Compared:
        """Run what is left of a comparison that chooses.

        Args:
            journal: It.
            seconds: No block begins that would probably end later than this from now, but for the first two.
        """
        limits = self.state.tuning.limits
        compared = self.run_comparison(
            journal,
            is_clear=lambda records: is_settled(_alive(records), journal.state.policy),
            is_over=self._deadline(seconds, LEAST_TO_CHOOSE),
            losers=lambda records: losers(_alive(records), journal.state.policy) | _over(records, limits),
            on_trial=self.on_trial,
        )
        return self._kept(journal, compared)

    @property
    def least_to_confirm(self) -> int:
        """Blocks that the last comparison is planned for, at least."""
        return LEAST_TO_CONFIRM + (_MORE_ON_NODES if self.state.tuning.nodes else 0)

    def to_confirm(self, last: Compared | None, is_settled: Callable[[Interval, Verdict], bool]) -> int:
        """How many blocks a fresh comparison probably takes.

        Args:
            last: One that left it open; None: there was none.
            is_settled: Whether a speed-up with its verdict leaves nothing open.
        """
        if last is None:
            return self.least_to_confirm
        policy = last.comparison.policy
        base, variant = last.records.values()
        ratios = paired_log_ratios(variant, base)
        more = more_blocks(ratios, policy, is_decided=lambda found: is_settled(found, verdict_of(found, policy)))
        return (
            _MOST_TO_CONFIRM if more is None else max(self.least_to_confirm, min(_MOST_TO_CONFIRM, len(ratios) + more))
        )

    def confirm(self, setting: Setting, seconds: float, block_s: float) -> Compared:
        """Compare the winner with the baseline afresh: trials that had no part in choosing it."""
        blocks = max(self.least_to_confirm, min(_MOST_TO_CONFIRM, math.floor(seconds / max(block_s, 1e-9))))
        name = fresh_name()
        self.state.change(confirmation=name)
        return self.go_on_confirming(self._begin(name, [setting], blocks), seconds)

    def go_on_confirming(self, journal: Journal, seconds: float) -> Compared:
        """Run what is left of it; as many blocks as an interval takes in any case."""
        policy = journal.state.policy
        compared = self.run_comparison(
            journal,
            is_clear=lambda records: _is_narrow(records, journal.state.policy),
            is_over=self._deadline(seconds, policy.min_blocks + (_MORE_ON_NODES if self.state.tuning.nodes else 0)),
            on_trial=self.on_trial,
        )
        return self._kept(journal, compared)

    def _deadline(self, seconds: float, least: int) -> Callable[[Records], bool]:
        """Whether the next block would probably end after some seconds from now; the fewest blocks run in any case."""
        until_s, asked_s = self.state.spent_s + seconds, [self.state.spent_s]

        def is_over(records: Records) -> bool:
            block_s = self.state.spent_s - asked_s[-1]
            asked_s.append(self.state.spent_s)
            return len(next(iter(records.values()))) >= least and asked_s[-1] + block_s > until_s

        return is_over

    def open(self, name: str) -> Compared | Journal | None:
        """A comparison that was begun: as it ended, or its journal; None where it never got so far."""
        folder = self.state.results / COMPARISONS / name
        if not is_there(folder / "state.json"):
            return None
        if is_there(folder / COMPARISON):
            return self._read(folder)
        return Journal.resume(folder)

    def _begin(self, name: str, settings: Sequence[Setting], blocks: int) -> Journal:
        space = self.state.space
        variants = {BASELINE: self._knobs(space, {})}
        variants |= {setting_name(setting): self._knobs(space, setting) for setting in settings}
        slicing = Slicing()
        return Journal.begin(
            self.state.results / COMPARISONS / name,
            variants,
            runs=self.state.runs,
            seed=self.state.tuning.seed,
            num_blocks=blocks,
            policy=rules_here(
                self.state.results,
                space.baseline,
                planned_blocks=blocks,
                slicing=None if self.state.tuning.nodes else slicing,  # what is known of the spread is of this machine
            ),
            slicing=slicing,
        )

    def _knobs(self, space: Space, setting: Setting) -> Knobs:
        steps = {} if self.num_steps is None else {"num_steps": self.num_steps}
        return space.baseline.changed(**{**setting, **steps})

    def _kept(self, journal: Journal, compared: ComparisonRun) -> Compared:
        if compared.state.stop == "cancelled":
            raise Cancelled("the search was cancelled")
        if compared.state.stop == "lost":
            raise Cancelled("all nodes were lost; what has run is kept, and --resume goes on when there are some again")
        comparison = add_predictions(compare_run(compared), compared)
        save_comparison(comparison, journal.folder)
        return self._compared(comparison, compared.records, journal.state)

    def _read(self, folder: Path) -> Compared:
        comparison, state = read_comparison(folder), read_state(folder)
        records: dict[str, list[Record]] = {name: [] for name in state.variants}
        for variant in comparison.variants:
            for run_id in variant.run_ids:
                record = self.state.record_named(run_id)
                if record is not None:
                    records[variant.name].append(record)
        return self._compared(comparison, records, state)

    def _compared(self, comparison: Comparison, records: Records, state: ComparisonState) -> Compared:
        own = {axis.name: axis.values[0] for axis in self.state.space.axes}
        settings = {
            variant: {name: value for name in own if (value := getattr(knobs, name)) != own[name]}
            for variant, knobs in state.variants.items()
        }
        kept = {name: list(trials) for name, trials in records.items()}
        return Compared(comparison, kept, settings, dict(state.dropped))


def _is_narrow(records: Records, policy: Policy) -> bool:
    """Whether the verdict is clear, and the interval as narrow as a reader wants it."""
    base, variant = records.values()
    speedup = estimate(paired_log_ratios(variant, base), policy)
    is_wide = speedup is None or speedup.ci95 is None or speedup.ci95[1] > _NARROW * speedup.ci95[0]
    return is_clear(records, policy) and (not is_wide or has_failed(variant))


def _alive(records: Records) -> dict[str, Sequence[Record]]:
    """The variants that are still there, with the baseline."""
    base = next(iter(records))
    most = len(records[base])
    return {name: trials for name, trials in records.items() if name == base or len(trials) == most}


def _over(records: Records, limits: TuneLimits) -> set[str]:
    """The variants whose own trials break the limits of memory or start-up, or have failed."""
    _, *others = ((name, Chosen({}, None, records=list(trials))) for name, trials in records.items())
    return {name for name, one in others if one.failure or broken(limits, one.memory_bytes, one.startup_s, None)[0]}
