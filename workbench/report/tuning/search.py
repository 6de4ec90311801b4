"""Searches the best set of knobs: short trials, predictions of all, blocks for the best, and a last comparison.

1. One short trial of the baseline, and one for each value that changes what stages take.
2. Every combination is predicted (`explain.tuning.forecast`), and kept unless even its upper end is below the best
   lower end. Limits come first.
3. The best that were kept, and one from outside, share blocks with the baseline; losers leave. What is measured
   corrects the predictions, and more are taken as long as there is time.
4. The winner was chosen from many, so its figures are too good. What it gains, a fresh comparison says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from workbench.explain.tuning.limits import broken
from workbench.explain.tuning.screening import name_of
from workbench.explain.verdicts.effect import ended_well, paired_log_ratios
from workbench.knobs.space import Space, setting_name
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import Launch, run_comparison
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record, TuneLimits, Tuning
from workbench.records.tuning import Sampler
from workbench.report.outcome import TUNINGS, describe_failure, fresh_name
from workbench.report.tuning.answer import describe_answer, is_answer, settles
from workbench.report.tuning.blocks import LEAST_TO_CHOOSE, LEAST_TO_CONFIRM, Blocks, Compared, RunComparison
from workbench.report.tuning.candidates import count_fates
from workbench.report.tuning.chosen import Chosen
from workbench.report.tuning.optuna_sampler import OptunaSampler
from workbench.report.tuning.predictions import Predictions
from workbench.report.tuning.proposals import Proposer
from workbench.report.tuning.state import TuningFolder
from workbench.report.tuning.values import SHARE, BaselineFailed, OpenPredictor, ValueTrials, predictor_from
from workbench.units import format_duration

#: Share of the time after which no further block begins that chooses.
_CHOOSING_SHARE = 0.70

#: Settings that are compared at once, at most; and in how many blocks each of them should be, at least.
_MOST_AT_ONCE, _LEAST_BLOCKS = 6, 3

#: Share of the time for choosing that one comparison takes, where others are to follow.
_FIRST_SHARE = 0.5

#: What two settings differ by at least to be worth another knob.
_INDIFFERENT = 0.01

#: Candidates that are written down, best first.
_MOST_WRITTEN = 400


def begin_search(
    results: Path,
    space: Space,
    *,
    minutes: float,
    limits: TuneLimits | None = None,
    sampler: Sampler = "model",
    nodes: str = "",
    clock: Clock = monotonic_ns,
) -> TuningFolder:
    """A search that has not begun.

    Args:
        results: Folder for results.
        space: What is searched.
        minutes: What it may take.
        limits: What a setting has to keep to.
        sampler: What proposes settings.
        nodes: Where blocks run; empty: here.
        clock: Reads the time.
    """
    tuning = Tuning(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        baseline=space.baseline,
        axes={axis.name: list(axis.values) for axis in space.axes},
        limits=limits or TuneLimits(),
        sampler=sampler,
        nodes=nodes,
        budget_s=minutes * 60.0,
        seed=space.baseline.seed,
        runs=str((results / "runs").resolve()),
        num_settings=space.size,
    )
    return TuningFolder(results / TUNINGS / fresh_name(), tuning, clock)


def run_search(
    state: TuningFolder,
    *,
    on_trial: Callable[[int, int, str, Record], None] = lambda done, total, name, record: None,
    on_text: Callable[[str], None] = lambda text: None,
    launch: Launch = run_trial,
    compare: RunComparison = run_comparison,
    open_predictor: OpenPredictor | None = None,
) -> Tuning:
    """Run a search, or what is left of one.

    Args:
        state: The search.
        on_trial: Called after each trial with: trials done, trials at most, what it was, its record.
        on_text: Called with a sentence when something has been found.
        launch: Runs a short trial.
        compare: Runs a comparison.
        open_predictor: Gives what answers questions to a trial; by default from its run folder.

    Raises:
        Cancelled: Where a trial was cancelled, likewise.
        KeyboardInterrupt: On an interrupt. What has run until then is on disk.
    """
    return Search(state, on_trial, on_text, launch, compare, open_predictor).run()


class Search:
    """One search. See `run_search`."""

    def __init__(
        self,
        state: TuningFolder,
        on_trial: Callable[[int, int, str, Record], None],
        on_text: Callable[[str], None],
        launch: Launch,
        compare: RunComparison,
        open_predictor: OpenPredictor | None,
    ) -> None:
        self._state = state
        self._on_trial = on_trial
        self._on_text = on_text
        self._launch = launch
        self._compare = compare
        self._open_predictor = open_predictor or predictor_from(state.runs)
        self._chosen: dict[str, Chosen] = {}
        self._base_records: list[Record] = []
        self._trial_s: float | None = None

    def run(self) -> Tuning:
        """Run it."""
        state = self._state
        if state.tuning.stop is not None:
            return state.tuning
        try:
            with state.spending("values_s"):
                self._found = ValueTrials(state, self._launch, self._on_value, self._open_predictor).run()
        except BaselineFailed as error:
            failure = error.record.failure
            state.change(stop="failed", notes=[describe_failure(failure) if failure is not None else "no reason given"])
            return state.tuning
        self._blocks = Blocks(state, self._compare, self._found.num_steps, self._on_trial)
        self._proposer = self._make_proposer()
        with state.spending("predictions_s"):
            self._on_text(self._proposer.begin())
        self._write()
        with state.spending("blocks_s"):
            self._choose()
        winner = self._winner()
        self._write(winner)
        with state.spending("confirmation_s"):
            confirmed = self._confirm(winner)
        compared = self._chosen.values()
        is_short = self._found.num_cut > 0 or self._proposer.has_more(self._chosen)
        limits = state.tuning.limits
        answer = describe_answer(self._baseline(), compared, winner, confirmed, limits, is_short=is_short)
        state.change(**answer, more_s=self._more_s(winner, confirmed) if answer["stop"] == "no_time" else None)
        return state.tuning

    def _on_value(self, done: int, total: int, name: str, record: Record) -> None:
        """Tell of a short trial; after the first one, of what a search of such trials takes, if that is too much."""
        self._on_trial(done, total, name, record)
        if done > 1 or record.machine is None:
            return
        trial_s, given_s = record.machine.wall_s, self._state.tuning.budget_s
        least_s = trial_s * (2 + 2 * LEAST_TO_CHOOSE + 2 * LEAST_TO_CONFIRM)
        if least_s > given_s:
            self._on_text(
                f"A trial takes {format_duration(trial_s)}: an answer probably takes {format_duration(least_s)} "
                f"at least, and {format_duration(given_s)} are given."
            )

    def _make_proposer(self) -> Proposer:
        if self._state.tuning.sampler == "optuna":
            return OptunaSampler(self._state, self._found)
        return Predictions(self._state, self._found, self._open_predictor)

    # Blocks

    def _choose(self) -> None:
        state = self._state
        for name in state.tuning.comparisons:
            self._enter(self._opened(name))
        until_s = _CHOOSING_SHARE * state.tuning.budget_s
        while (number := self._fitting(until_s - state.spent_s)) > 0:
            proposals = self._proposer.propose(number, self._chosen)
            if not proposals:
                break
            best = self._winner()
            if best is not None and len(proposals) >= number > 1:
                proposals = proposals[: number - 1]
            for proposal in proposals:
                key = name_of(proposal.setting)
                self._chosen[key] = Chosen(proposal.setting, proposal.forecast, is_outside=proposal.is_outside)
                if proposal.is_outside:
                    state.change(outside=proposal.setting)
            settings = [*([best.setting] if best is not None else []), *(proposal.setting for proposal in proposals)]
            names = ", ".join(f"'{setting_name(setting)}'" for setting in settings)
            self._on_text(f"Compared with the baseline: {names}.")
            left_s, block_s = until_s - state.spent_s, self._block(len(settings))
            is_last = not self._proposer.has_more(self._chosen)  # else some of the time is for those that come next
            seconds = left_s if is_last else max(_FIRST_SHARE * left_s, _LEAST_BLOCKS * block_s)
            self._enter(self._blocks.choose(settings, seconds, block_s))
            self._write()

    def _opened(self, name: str) -> Compared | None:
        found = self._blocks.open(name)
        return (
            self._blocks.go_on(found, _CHOOSING_SHARE * self._state.tuning.budget_s - self._state.spent_s)
            if isinstance(found, Journal)
            else found
        )

    def _enter(self, compared: Compared | None) -> None:
        """Take what blocks have shown."""
        if compared is None:
            return
        base, *others = compared.records
        self._base_records += compared.records[base]
        results = {variant.name: variant.checks.status for variant in compared.comparison.others if variant.checks}
        for name in others:
            setting = compared.settings[name]
            chosen = self._chosen.setdefault(name_of(setting), Chosen(setting, None))
            chosen.is_outside = chosen.is_outside or setting == self._state.tuning.outside
            ratios = paired_log_ratios(compared.records[name], compared.records[base])
            chosen.ratios = np.append(chosen.ratios, ratios)
            chosen.records += compared.records[name]
            chosen.dropped = name in compared.dropped
            chosen.result = results.get(name, chosen.result)
            self._proposer.learn(chosen, ratios.tolist())
        walls = [r.machine.wall_s for trials in compared.records.values() for r in trials if r.machine is not None]
        self._trial_s = float(np.median(walls)) if walls else self._trial_s
        self._state.change(**self._proposer.facts())

    def _fitting(self, left_s: float) -> int:
        """How many settings there is time for beside the baseline, in as many blocks as a choice takes."""
        trials = left_s / self._trial()
        number = min(_MOST_AT_ONCE, int(trials / _LEAST_BLOCKS) - 1)
        if number < 1 and not self._chosen:  # one at least, which the fresh comparison looks at again
            number = min(1, int(trials / LEAST_TO_CHOOSE) - 1)
        return max(0, number)

    def _trial(self) -> float:
        """About what a trial takes, in seconds."""
        if self._trial_s is not None:
            return max(self._trial_s, 0.1)
        walls = [value.wall_s for value in self._state.tuning.values if value.wall_s > 0.0]
        return max(float(np.median(walls)), 0.1) if walls else 10.0

    def _block(self, num_settings: int) -> float:
        return self._trial() * (num_settings + 1)

    # The answer

    def _winner(self) -> Chosen | None:
        """The best of what was compared and keeps to the limits; None where none did, or none is above the baseline.

        Of those that are as good as the best, the one of the fewest knobs.
        """
        limits = self._state.tuning.limits
        sound = [
            chosen
            for chosen in self._chosen.values()
            if len(chosen.ratios)
            and not chosen.failure
            and broken(limits, chosen.memory_bytes, chosen.startup_s, chosen.result)[0] is None
        ]
        if not sound:
            return None
        least = min(_LEAST_BLOCKS, max(len(chosen.ratios) for chosen in sound))
        ripe = [chosen for chosen in sound if len(chosen.ratios) >= least]
        best = max(chosen.log_ratio for chosen in ripe)
        near = [chosen for chosen in ripe if chosen.log_ratio >= best - _INDIFFERENT]
        return min(near, key=lambda chosen: (len(chosen.setting), -chosen.log_ratio))

    def _baseline(self) -> Chosen:
        """The baseline with its trials in blocks, which the others are beside; without any its short trial."""
        alone = [record for record in self._base_records if ended_well(record) and not record.forked]
        return Chosen({}, None, records=alone or [self._found.baseline.record])

    def _confirm(self, winner: Chosen | None) -> Compared | None:
        """Compare the winner afresh; not where it is below the baseline by the blocks that chose it."""
        state = self._state
        if state.tuning.confirmation is not None:
            found = self._blocks.open(state.tuning.confirmation)
            if isinstance(found, Journal):
                return self._blocks.go_on_confirming(found, state.left_s)
            if found is not None and all(map(is_answer, found.comparison.others)):
                return found
        if winner is None or winner.log_ratio <= 0.0:
            return None
        self._on_text(
            f"The best by these blocks is '{setting_name(winner.setting)}'; a fresh comparison says what it gains."
        )
        return self._blocks.confirm(winner.setting, max(state.left_s, 0.0), self._block(1))

    def _more_s(self, winner: Chosen | None, confirmed: Compared | None) -> float:
        """What an answer takes beyond what was spent, at least: of one setting, where none was compared."""
        spent_s = self._state.spent_s
        confirmed_s = self._block(1) * self._blocks.to_confirm(confirmed, is_settled=settles)
        if winner is not None:
            return confirmed_s
        valued_s = spent_s + self._found.num_cut * self._trial()
        chosen_s = valued_s + self._block(1) * _LEAST_BLOCKS
        budgets = [chosen_s / _CHOOSING_SHARE, chosen_s + confirmed_s]
        if self._found.num_cut:
            budgets.append(valued_s / SHARE)
        return max(budgets) - spent_s

    def _write(self, winner: Chosen | None = None) -> None:
        """Write down what became of the settings."""
        candidates, uncounted = self._proposer.candidates(self._chosen)
        fates = count_fates(candidates)
        for fate, number in uncounted.items():
            fates[fate] = fates.get(fate, 0) + number
        self._state.change(
            candidates=candidates[:_MOST_WRITTEN],
            fates={fate: number for fate, number in fates.items() if number},
            winner=None if winner is None else winner.setting,
            **self._proposer.facts(),
        )
