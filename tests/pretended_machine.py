"""A machine without processes for searches: each trial ends at once, is as fast as it is said to be, and takes time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FakeTrials

from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.knobs.space import space_of
from workbench.measure.comparison.run import run_comparison
from workbench.records import Memory, Record, Tuning
from workbench.report.tuning.search import begin_search, run_search
from workbench.report.tuning.state import TuningFolder
from workbench.units import NS_PER_S

#: Three axes of knobs that fakes know: 18 settings.
GRID = ("cache=none,decoded,prepared", "num_workers=2,1,4", "transport=torch,ring")

Speed = Callable[[Knobs], float]


def product_of(factors: Mapping[tuple[str, Any], float]) -> Speed:
    """A speed that is the product of what values are worth."""

    def speed(knobs: Knobs) -> float:
        found = 1.0
        for (name, value), factor in factors.items():
            found *= factor if getattr(knobs, name) == value else 1.0
        return found

    return speed


class Machine:
    """Runs trials of a search.

    Args:
        speed: How fast knobs are, over the baseline.
        noise: Standard deviation of the log of a trial's throughput.
        trial_s: What a trial takes.
        seed: Of the noise.
        bytes_of: What a trial takes of memory.
    """

    def __init__(
        self,
        speed: Speed = lambda knobs: 1.0,
        *,
        noise: float = 0.01,
        trial_s: float = 8.0,
        seed: int = 0,
        bytes_of: Callable[[Knobs], int] = lambda knobs: 10**9,
    ) -> None:
        self._speed, self._noise, self._trial_s = speed, noise, trial_s
        self._random = np.random.default_rng(seed)
        self._bytes_of = bytes_of
        self.now_ns = 0
        self.trials = FakeTrials(self._rate)

    def clock(self) -> int:
        return self.now_ns

    def launch(self, knobs: Knobs, runs: Path, **_: object) -> Record:
        record = self.trials(knobs, runs)
        assert record.machine is not None
        machine = record.machine.model_copy(update={"wall_s": self._trial_s})
        return record.model_copy(update={"memory": Memory(peak_pss_bytes=self._bytes_of(knobs)), "machine": machine})

    def run_slices(self, variants: Mapping[str, Knobs], runs: Path, *_: object, **__: object) -> dict[str, Record]:
        return {name: self.launch(knobs, runs) for name, knobs in variants.items()}

    def _rate(self, knobs: Knobs, number: int) -> float:
        self.now_ns += int(self._trial_s * NS_PER_S)
        return 50.0 * self._speed(knobs) * float(np.exp(self._random.normal(0.0, self._noise)))

    def begin(self, results: Path, grid: Sequence[str] = GRID, *, minutes: float = 20.0, **how: Any) -> TuningFolder:
        """A search that has not begun."""
        space = space_of(parse_knobs({"num_pages": 8}), axes=grid, cores=4)
        return begin_search(results, space, minutes=minutes, clock=self.clock, **how)

    def run(self, state: TuningFolder, **how: Any) -> Tuning:
        """Run a search, or what is left of one."""
        compare = partial(
            run_comparison,
            clock=self.clock,
            launch=self.launch,
            run_slices=self.run_slices,
            make_template=lambda to_import: None,
        )
        return run_search(state, launch=self.launch, compare=compare, **how)
