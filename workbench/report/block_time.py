"""The time that a self-test has: how many blocks it will do for, and when to stop because it cannot do for enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.timing.spans import Clock
from workbench.records import Record, Slicing
from workbench.units import NS_PER_S, format_duration

_S_PER_MIN = 60.0

#: What is asked for is a little more than what it took here, in steps of this many minutes.
_MARGIN, _STEP_MIN = 1.1, 0.5


class TooShort(WorkbenchError):
    """There is no time for as many blocks as a result takes.

    Attributes:
        found: What there is to say of what was measured until then, in sentences.
    """

    def __init__(self, found: Sequence[str], why: str) -> None:
        self.found = tuple(found)
        super().__init__(why)


class BlockTime:
    """Keeps the time of a self-test, from the moment at which it is made.

    Args:
        budget_s: The time that there is; None: no limit.
        num_trials: Trials of a block.
        least_blocks: With fewer there is no result.
        most_blocks: More are not run.
        slicing: How the trials of a block take turns; None: each runs whole, after one that warms up.
        clock: Reads the time.
    """

    def __init__(
        self,
        budget_s: float | None,
        *,
        num_trials: int,
        least_blocks: int,
        most_blocks: int,
        slicing: Slicing | None = None,
        clock: Clock,
    ) -> None:
        self._budget_s = budget_s
        self._num_trials = num_trials
        self._least = least_blocks
        self._most = most_blocks
        self._turns_s = 0.0 if slicing is None else slicing.rounds * slicing.slice_s
        self._warm_ups = 1 if slicing is None else 0
        self._clock = clock
        self._began_ns = clock()
        self._asked_s: list[float] = []
        self._trial_s: float | None = None
        self._complete = 0

    @property
    def spent_s(self) -> float:
        """Time since the beginning."""
        return (self._clock() - self._began_ns) / NS_PER_S

    def trials(self) -> int:
        """How many trials there are going to be, by what they have taken so far."""
        blocks = self._most
        if self._budget_s is not None and self._block_s is not None:
            fit = math.floor((self._budget_s - self._since_s) / self._block_s)
            blocks = min(self._most, max(self._least, self._complete + fit))
        return blocks * self._num_trials

    def calibrate(self, trials_s: Sequence[float]) -> None:
        """Look whether there is time for enough blocks, before any is run.

        Args:
            trials_s: What trials have taken so far; the first one is cold, and decides nothing.

        Raises:
            TooShort: Where there is not.
        """
        trial_s = self._trial_s = float(np.median(trials_s[1:] or trials_s)) + self._turns_s
        if len(trials_s) > 1 and self._budget_s is not None and self._needed_s > self._budget_s:
            raise self.too_short([f"No block was run: a trial takes {format_duration(trial_s)}."])

    def is_over(self, records: Mapping[str, Sequence[Record]]) -> bool:
        """Whether there is no time for a further block. Asked before each of them.

        With one block short of a result, that one is run, however long it takes: without it all would be lost.
        """
        self._complete = min(map(len, records.values()))
        self._asked_s.append(self.spent_s)
        if self._budget_s is None or self._complete == 0 or self._complete == self._least - 1:
            return False
        to_go = max(self._least - self._complete, 1)
        return self.spent_s + to_go * (self._block_s or 0.0) > self._budget_s

    def too_short(self, found: Sequence[str]) -> TooShort:
        """The error that says how much time would do.

        Args:
            found: What there is to say of what was measured.
        """
        needed_min = self._needed_s / _S_PER_MIN
        enough_min = math.ceil(_MARGIN * needed_min / _STEP_MIN) * _STEP_MIN
        given = f"{round((self._budget_s or 0.0) / _S_PER_MIN, 2):g} min"
        blocks = f"{self._least} blocks of {self._num_trials} trials"
        why = f"a self-test needs {blocks}, here about {needed_min:.1f} min, and was given {given}"
        return TooShort(found, f"{why}. Take --minutes {enough_min:g}")

    @property
    def _block_s(self) -> float | None:
        """What a block takes: the median of those so far; before any, as many trials as it has."""
        if len(self._asked_s) > 1:
            took_s = np.diff(self._asked_s)
            took_s[0] *= self._num_trials / (self._num_trials + self._warm_ups)
            return float(np.median(took_s))
        return None if self._trial_s is None else self._trial_s * self._num_trials

    @property
    def _since_s(self) -> float:
        """When the blocks so far were complete."""
        return self._asked_s[-1] if self._asked_s else self.spent_s

    @property
    def _needed_s(self) -> float:
        """Time that as few blocks as possible take, with what comes before: the calibration, and what warms up."""
        before_s = self._asked_s[0] if self._asked_s else self.spent_s
        return before_s + self._warm_ups * (self._trial_s or 0.0) + self._least * (self._block_s or 0.0)
