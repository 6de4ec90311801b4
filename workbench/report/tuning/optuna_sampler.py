"""Proposes settings by Optuna's sampler, for spaces that cannot be predicted; the study is in Optuna's own storage.

Its objective is the throughput over the baseline's, as the blocks show it: trials of one block are compared with the
baseline of that block alone. `optuna-dashboard DIR/optuna.journal` opens the study.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import BadInput, Problem
from workbench.explain.tuning.screening import name_of
from workbench.knobs.format import format_value
from workbench.knobs.space import Space
from workbench.records import Candidate, Fate
from workbench.report.tuning.candidates import candidates_of
from workbench.report.tuning.chosen import Chosen
from workbench.report.tuning.proposals import Proposal
from workbench.report.tuning.state import TuningFolder
from workbench.report.tuning.values import Found

#: The file of the study, in the folder of the search.
JOURNAL = "optuna.journal"

STUDY = "workbench"

#: How often it is asked for another setting where it gives one that was compared, or that cannot run.
_ASKED = 50


class OptunaSampler:
    """Asks Optuna. See `proposals.Proposer`.

    Args:
        state: The search.
        found: The baseline's short trial.

    Raises:
        BadInput: Where Optuna is not installed.
    """

    def __init__(self, state: TuningFolder, found: Found) -> None:
        self._state = state
        self._space: Space = found.space
        self._situation = found.baseline.record.situation
        self._study = _open_study(state)
        self._asked: dict[str, Any] = {}

    def begin(self) -> str:
        """See `proposals.Proposer`."""
        self._state.change(num_settings=self._space.size)
        return f"Optuna proposes from {self._space.size} combinations."

    def propose(self, number: int, compared: Mapping[str, Chosen]) -> list[Proposal]:
        """Settings that the sampler asks for and that were not compared yet."""
        import optuna

        found: dict[str, Proposal] = {}
        for _ in range(_ASKED):
            if len(found) == number:
                break
            trial = self._study.ask()
            labels = {axis.name: [format_value(value) for value in axis.values] for axis in self._space.axes}
            chosen = {name: trial.suggest_categorical(name, texts) for name, texts in labels.items()}
            setting = {
                axis.name: axis.values[place]
                for axis in self._space.axes
                if (place := labels[axis.name].index(chosen[axis.name]))
            }
            why, setting = self._space.reduced(setting, self._situation)
            name = name_of(setting)
            if why or name in found:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            elif not setting or name in compared:
                self._study.tell(trial, compared[name].log_ratio if setting else 0.0)
            else:
                self._asked[name] = trial
                found[name] = Proposal(setting)
        return list(found.values())

    def has_more(self, compared: Mapping[str, Chosen]) -> bool:
        """A sampler never comes to its end: as long as not all was compared."""
        return len(compared) < self._space.size - 1

    def learn(self, chosen: Chosen, ratios: Sequence[float]) -> None:
        """Say to the study what blocks have shown."""
        import optuna

        trial = self._asked.pop(name_of(chosen.setting), None)
        values = [float(value) for value in ratios if np.isfinite(value)]
        if trial is None:  # of a search that goes on: the study has it, or a comparison that it had no part in
            return
        if values:
            self._study.tell(trial, float(np.mean(values)))
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def candidates(self, compared: Mapping[str, Chosen]) -> tuple[list[Candidate], dict[Fate, int]]:
        """See `proposals.Proposer`."""
        found = candidates_of([], compared, [], self._state.tuning.limits)
        return found, {"no_time": max(0, self._space.size - 1 - len(found))}

    def facts(self) -> dict[str, Any]:
        """Nothing is predicted."""
        return {}


def _open_study(state: TuningFolder) -> Any:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        problem = Problem("Optuna is not installed", "sampler", "pip install 'workbench[tune]', or take sampler=model")
        raise BadInput("search", [problem]) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of it call themselves experimental
        storage = JournalStorage(JournalFileBackend(str(state.folder / JOURNAL)))
        sampler = optuna.samplers.TPESampler(seed=state.tuning.seed, n_startup_trials=6, multivariate=True)
    return optuna.create_study(
        study_name=STUDY, storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
    )
