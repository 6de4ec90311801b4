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

from workbench.explain.tuning.forecast import Forecast, Forecaster
from workbench.explain.tuning.limits import broken, expected_to_break
from workbench.explain.tuning.points import Point
from workbench.explain.tuning.screening import errors_of, finalists, kept, name_of, outside, spread_of
from workbench.explain.verdicts.effect import ended_well, paired_log_ratios
from workbench.knobs.format import format_settings
from workbench.knobs.space import MOST_SETTINGS, Setting, Space, setting_name
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import Launch, run_comparison
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record, TuneLimits, Tuning
from workbench.records.tuning import Fate, Sampler
from workbench.report.outcome import fresh_name
from workbench.report.rules import comparisons_here
from workbench.report.tuning.answer import describe_answer
from workbench.report.tuning.blocks import Blocks, Compared, RunComparison
from workbench.report.tuning.candidates import Refused, candidates_of, count_fates
from workbench.report.tuning.chosen import Chosen
from workbench.report.tuning.state import TUNINGS, TuningFolder
from workbench.report.tuning.values import ValueTrials, predictor_of
from workbench.report.verdicts import typical_run

#: Shares of the time: after these no further prediction is made, and no further block begins that chooses.
_PREDICTIONS_SHARE, _CHOOSING_SHARE = 0.10, 0.70

#: Settings that are compared at once, at most; and in how many blocks each of them should be, at least.
_MOST_AT_ONCE, _LEAST_BLOCKS = 6, 3

#: Share of the time for choosing that one comparison takes, where others are to follow.
_FIRST_SHARE = 0.5

#: What two settings differ by at least to be worth another knob.
_INDIFFERENT = 0.01

#: Candidates that are written down, best first.
_MOST_WRITTEN = 400

#: Of comparisons on this machine that are asked how good predictions were.
_MOST_ASKED = 20


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
) -> Tuning:
    """Run a search, or what is left of one.

    Args:
        state: The search.
        on_trial: Called after each trial with: trials done, trials at most, what it was, its record.
        on_text: Called with a sentence when something has been found.
        launch: Runs a short trial.
        compare: Runs a comparison.

    Raises:
        BaselineFailed: Where the baseline fails.
        KeyboardInterrupt: On an interrupt. What has run until then is on disk.
    """
    return Search(state, on_trial, on_text, launch, compare).run()


class Search:
    """One search. See `run_search`."""

    def __init__(
        self,
        state: TuningFolder,
        on_trial: Callable[[int, int, str, Record], None],
        on_text: Callable[[str], None],
        launch: Launch,
        compare: RunComparison,
    ) -> None:
        self._state = state
        self._on_trial = on_trial
        self._on_text = on_text
        self._launch = launch
        self._compare = compare
        self._chosen: dict[str, Chosen] = {}
        self._refused: list[Refused] = []
        self._uncounted: dict[Fate, int] = {}
        self._forecasts: list[Forecast] = []
        self._errors: list[float] = []
        self._block_s: float | None = None
        self._trial_s: float | None = None

    def run(self) -> Tuning:
        """Run it."""
        state = self._state
        if state.tuning.stop is not None:
            return state.tuning
        with state.spending("values_s"):
            self._found = ValueTrials(state, self._launch, self._on_trial).run()
        self._blocks = Blocks(state, self._compare, self._found.num_steps, self._on_trial)
        self._history = errors_of(comparisons_here(state.results))
        with state.spending("predictions_s"):
            self._predict()
        self._write()
        with state.spending("blocks_s"):
            self._choose()
        winner = self._winner()
        self._write(winner)
        with state.spending("confirmation_s"):
            confirmed = self._confirm(winner)
        compared = self._chosen.values()
        state.change(**describe_answer(self._found.baseline, compared, winner, confirmed, state.tuning.limits))
        return state.tuning

    # Predictions

    def _forecaster(self) -> Forecaster:
        points = [*self._found.points, *self._points_of_blocks()]
        errors = [*self._history, *self._errors]
        bias = float(np.sum(self._errors)) / (len(self._errors) + 3.0)
        return Forecaster(points, self._found.simulated, spread_of(errors), bias, self._found.baseline_values)

    def _points_of_blocks(self) -> list[Point]:
        """What was compared, as points: as fast as on the machine of the baseline's short trial."""
        points = []
        for chosen in self._chosen.values():
            record = typical_run([r for r in chosen.records if ended_well(r)]) if len(chosen.ratios) else None
            if record is not None and ended_well(record):
                log_rate = self._found.baseline.log_rate + chosen.log_ratio
                points.append(Point(chosen.setting, record, log_rate, predictor_of(record, self._state)))
        return points

    def _predict(self) -> None:
        """Predict every setting, as far as there is time, those first of which most can be hoped."""
        state = self._state
        space = self._small_enough(self._found.space)
        settings = space.settings(self._found.baseline.record.situation)
        forecaster = self._forecaster()
        hopes = self._hopes(space, forecaster)
        ordered = sorted(settings.possible, key=lambda s: -sum(hopes.get((k, repr(v)), 0.0) for k, v in s.items()))
        until_s = state.spent_s + _PREDICTIONS_SHARE * state.tuning.budget_s
        self._forecasts, self._refused, cut = [], [], 0
        for number, setting in enumerate(ordered):
            if state.spent_s > until_s and setting:
                cut = len(ordered) - number
                break
            self._forecast(forecaster, setting)
        whole = state.space
        self._uncounted = {"no_time": cut, "no_gain": whole.size - space.size}
        state.change(
            num_settings=whole.size,
            num_impossible=settings.impossible.total(),
            impossible=dict(settings.impossible.most_common(5)),
            num_same=settings.same,
        )
        self._on_text(
            f"{len(self._forecasts)} of {whole.size} combinations were predicted; "
            f"{len(kept(self._forecasts))} could be the best."
        )

    def _forecast(self, forecaster: Forecaster, setting: Setting) -> None:
        forecast = forecaster.forecast(setting)
        if forecast is None:
            self._refused.append((setting, "unpredicted", "what it does could not be known from the short trials"))
            return
        fate, why = expected_to_break(self._state.tuning.limits, forecast) if setting else (None, "")
        if fate is not None:
            self._refused.append((setting, fate, why))
        else:
            self._forecasts.append(forecast)

    def _hopes(self, space: Space, forecaster: Forecaster) -> dict[tuple[str, str], float]:
        """By value: what it gains by itself, as a log; where that is not known, nothing."""
        own = forecaster.forecast({})
        found: dict[tuple[str, str], float] = {}
        if own is None:
            return found
        for axis in space.axes:
            for value in axis.others:
                forecast = forecaster.forecast({axis.name: value})
                if forecast is not None:
                    found[axis.name, repr(value)] = forecast.log_rate - own.log_rate
        return found

    def _small_enough(self, space: Space) -> Space:
        """A space of so many combinations that all can be looked at: the values of least hope are left out."""
        if space.size <= MOST_SETTINGS:
            return space
        hopes = self._hopes(space, self._forecaster())
        values = [(axis.name, value) for axis in space.axes for value in axis.others]
        for name, value in sorted(values, key=lambda pair: hopes.get((pair[0], repr(pair[1])), 0.0)):
            axis = next((axis for axis in space.axes if axis.name == name), None)
            if space.size <= MOST_SETTINGS or axis is None:
                break
            space = space.without(name, [other for other in axis.others if other != value])
            why = "there are too many combinations to try it in, and others promise more"
            self._state.change(left_out={**self._state.tuning.left_out, format_settings({name: value}): why})
        return space

    # Blocks

    def _choose(self) -> None:
        state = self._state
        for name in state.tuning.comparisons:
            self._enter(self._opened(name))
        until_s = _CHOOSING_SHARE * state.tuning.budget_s
        while True:
            left_s = until_s - state.spent_s
            ranked = [forecast for forecast in kept(self._reforecast()) if forecast.setting]
            number = self._fitting(left_s)
            chosen = finalists(ranked, number, self._chosen)
            is_first = not self._chosen
            if is_first and len(chosen) < 2:
                # Nothing was kept but the baseline: the best of the others are looked at all the same.
                others = sorted(self._forecasts, key=lambda forecast: -forecast.log_rate)
                chosen = finalists([f for f in others if f.setting], min(2, number), self._chosen)
            if not chosen or number < 1:
                break
            drawn = outside(self._forecasts, [*ranked, *chosen], state.tuning.seed) if is_first and number > 2 else None
            if drawn is not None:
                chosen = [*chosen[: number - 1], drawn]
            best = self._winner() if not is_first else None
            settings = [dict(forecast.setting) for forecast in chosen]
            if best is not None and best.setting:
                settings = [best.setting, *settings[: max(1, number - 1)]]
            for forecast in chosen:
                is_outside = drawn is not None and forecast is drawn
                self._chosen.setdefault(
                    name_of(forecast.setting), Chosen(dict(forecast.setting), forecast, is_outside=is_outside)
                )
            names = ", ".join(f"'{setting_name(setting)}'" for setting in settings)
            self._on_text(f"Compared with the baseline: {names}.")
            block_s = self._block(len(settings))
            is_all = len(ranked) <= len(chosen)  # else some of the time is for those that come next
            seconds = left_s if is_all else max(_FIRST_SHARE * left_s, _LEAST_BLOCKS * block_s)
            self._enter(self._blocks.choose(settings, seconds, block_s))
            self._write()

    def _opened(self, name: str) -> Compared | None:
        found = self._blocks.open(name)
        return self._blocks.go_on(found) if isinstance(found, Journal) else found

    def _enter(self, compared: Compared | None) -> None:
        """Take what blocks have shown."""
        if compared is None:
            return
        base, *others = compared.records
        expected = {name_of(forecast.setting): forecast for forecast in self._forecasts}
        results = {variant.name: variant.checks.status for variant in compared.comparison.others if variant.checks}
        for name in others:
            setting = compared.settings[name]
            key = name_of(setting)
            chosen = self._chosen.setdefault(key, Chosen(setting, expected.get(key)))
            ratios = paired_log_ratios(compared.records[name], compared.records[base])
            is_new = not len(chosen.ratios)
            chosen.ratios = np.append(chosen.ratios, ratios)
            chosen.records += compared.records[name]
            chosen.dropped = name in compared.dropped
            chosen.result = results.get(name, chosen.result)
            if is_new and len(ratios) and chosen.forecast is not None and not chosen.forecast.is_measured:
                measured = self._found.baseline.log_rate + chosen.log_ratio
                self._errors.append(measured - chosen.forecast.log_rate)
        if compared.comparison.block_s is not None and compared.comparison.num_blocks:
            walls = [
                record.machine.wall_s for trials in compared.records.values() for record in trials if record.machine
            ]
            self._trial_s = float(np.median(walls)) if walls else None
        self._state.change(bias=float(np.mean(self._errors)) if self._errors else None)

    def _reforecast(self) -> list[Forecast]:
        """The forecasts by all that is known now: of those that were kept, and of as many others as were near."""
        if not self._errors:
            return self._forecasts
        forecaster = self._forecaster()
        near = sorted(self._forecasts, key=lambda forecast: -forecast.high)[:_MOST_WRITTEN]
        found = []
        for forecast in near:
            again = forecaster.forecast(forecast.setting)
            found.append(forecast if again is None else again)
        return found

    def _fitting(self, left_s: float) -> int:
        """How many settings there is time for beside the baseline, in as many blocks as a choice takes."""
        trials = left_s / (_LEAST_BLOCKS * self._trial())
        return max(0, min(_MOST_AT_ONCE, int(trials) - 1))

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

    def _confirm(self, winner: Chosen | None) -> Compared | None:
        """Compare the winner afresh; not where it is below the baseline by the blocks that chose it."""
        state = self._state
        if state.tuning.confirmation is not None:
            found = self._blocks.open(state.tuning.confirmation)
            if isinstance(found, Journal):
                return self._blocks.go_on_confirming(found)
            if found is not None:
                return found
        if winner is None or winner.log_ratio <= 0.0:
            return None
        self._on_text(
            f"The best by these blocks is '{setting_name(winner.setting)}'; a fresh comparison says what it gains."
        )
        return self._blocks.confirm(winner.setting, max(state.left_s, 0.0), self._block(1))

    def _write(self, winner: Chosen | None = None) -> None:
        """Write down what became of the settings."""
        limits = self._state.tuning.limits
        candidates = candidates_of(self._reforecast(), self._chosen, self._refused, limits)
        fates = count_fates(candidates)
        for fate, number in self._uncounted.items():
            fates[fate] = fates.get(fate, 0) + number
        self._state.change(
            candidates=candidates[:_MOST_WRITTEN],
            fates={fate: number for fate, number in fates.items() if number},
            spread=self._forecaster().spread,
            winner=None if winner is None else winner.setting,
        )
