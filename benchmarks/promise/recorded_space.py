"""Trials of every setting of a small space, recorded once; and a machine that gives them back in no time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from workbench.explain.prediction.predictor import Confidence, Predictor
from workbench.explain.tuning.screening import name_of
from workbench.explain.verdicts.effect import rate
from workbench.knobs.knobs import Knobs
from workbench.knobs.space import Space
from workbench.measure.comparison.order import blocks as blocks_of
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record, Slice, Slicing
from workbench.records.run_folder import read_record, read_spans
from workbench.units import NS_PER_S

_INDEX, _TURNS = "space.json", "turns.json"

#: Settings that run in turns beside the baseline, and in how many blocks.
_TURNING, _BLOCKS_IN_TURNS = 4, 8


@dataclass
class RecordedSpace:
    """Trials of a whole space.

    Attributes:
        space: It.
        runs: Folder of the run folders.
        settings: All that can run, the baseline first.
        records: By the setting's name: its trials, block by block.
        turns: By setting, of some: logs of its throughput over the baseline's, in blocks in turns.
    """

    space: Space
    runs: Path
    settings: list[dict[str, Any]]
    records: dict[str, list[Record]]
    turns: list[list[float]]
    _predictors: dict[str, Predictor | None] = field(default_factory=dict)

    def log_rates(self) -> dict[str, np.ndarray]:
        """float64 [blocks] by setting: logs of samples per second over those of the baseline in the same block."""
        base = np.array([np.log(rate(record)) for record in self.records[name_of({})]])
        return {
            name: np.array([np.log(rate(record)) for record in trials]) - base for name, trials in self.records.items()
        }

    @property
    def true(self) -> dict[str, float]:
        """By setting: the mean of that, which is the truth in what is replayed."""
        return {name: float(ratios.mean()) for name, ratios in self.log_rates().items()}

    @property
    def trial_s(self) -> float:
        """What a trial took, on the average."""
        walls = [record.machine.wall_s for trials in self.records.values() for record in trials if record.machine]
        return float(np.mean(walls))

    def without(self, name: str, value: object) -> RecordedSpace:
        """The part of it in which a knob never has a value."""
        settings = [setting for setting in self.settings if setting.get(name) != value]
        return replace(self, space=self.space.without(name, value), settings=settings)

    def residuals(self) -> np.ndarray:
        """float64 [trials]: how far a trial in turns was from its setting's mean, corrected for few blocks.

        In the blocks of a search trials take turns of seconds. Those of the whole space ran minutes apart, and scatter
        by what the machine did in between as well.
        """
        parts = [np.array(ratios) - np.mean(ratios) for ratios in self.turns]
        blocks = len(parts[0])
        return np.concatenate(parts) * (blocks / (blocks - 1)) ** 0.5

    @property
    def scatter(self) -> float:
        """Standard deviation of the log ratio of trials of the whole space, which ran minutes apart."""
        parts = [ratios - ratios.mean() for name, ratios in self.log_rates().items() if name != name_of({})]
        return float(np.concatenate(parts).std() * (len(parts[0]) / (len(parts[0]) - 1)) ** 0.5)

    def predictor(self, record: Record) -> Predictor | None:
        """What answers questions to one of these trials, calibrated once."""
        if record.run_id not in self._predictors:
            try:
                folder = self.runs / record.run_id
                found = Predictor(read_record(folder), read_spans(folder), confidence=Confidence(draws=3))
                self._predictors[record.run_id] = found
            except Exception:
                self._predictors[record.run_id] = None
        return self._predictors[record.run_id]


def record_space(space: Space, folder: Path, *, blocks: int, say: Callable[[str], None] = print) -> RecordedSpace:
    """Run every setting of a space in blocks, or go on where that was stopped.

    Args:
        space: What is recorded.
        folder: Where the trials go.
        blocks: Trials of each setting.
        say: Told how far it is.
    """
    runs = folder / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    index = folder / _INDEX
    done: dict[str, list[str]] = json.loads(index.read_text()) if index.exists() else {}
    if not done:
        run_trial(space.baseline, runs)  # warms up
    first = run_trial(space.baseline, runs) if not done else read_record(runs / done[name_of({})][0])
    settings = space.settings(first.situation).possible
    for block in range(blocks):
        order = np.random.default_rng(block).permutation(len(settings))
        for count, place in enumerate(order):
            name = name_of(settings[place])
            if len(done.get(name, [])) > block:
                continue
            record = run_trial(space.knobs(settings[place]), runs)
            if record.status != "ok":
                raise SystemExit(f"'{name}' failed: {record.failure}")
            done.setdefault(name, []).append(record.run_id)
            index.write_text(json.dumps(done))
            say(f"block {block + 1} of {blocks}: {count + 1} of {len(settings)}: {name or 'baseline'}")
    records = {name: [read_record(runs / run_id) for run_id in names] for name, names in done.items()}
    return RecordedSpace(space, runs, settings, records, _record_turns(space, settings, folder, say))


def _record_turns(
    space: Space, settings: Sequence[dict[str, Any]], folder: Path, say: Callable[[str], None]
) -> list[list[float]]:
    """Some settings beside the baseline in blocks in turns, as a search runs them."""
    path = folder / _TURNS
    if not path.exists():
        drawn = np.random.default_rng(0).permutation(len(settings) - 1)[:_TURNING] + 1
        names = ["baseline", *(name_of(settings[place]) for place in drawn)]
        variants = dict(zip(names, map(space.knobs, [{}, *(settings[place] for place in drawn)]), strict=True))
        found: list[list[float]] = [[] for _ in drawn]
        for block in range(_BLOCKS_IN_TURNS):
            orders = list(islice(blocks_of(names, seed=block), Slicing().rounds))
            records = run_sliced_block(variants, folder / "runs", orders, Slicing(), seed=block)
            for ratios, name in zip(found, names[1:], strict=True):
                ratios.append(float(np.log(rate(records[name]) / rate(records["baseline"]))))
            say(f"block in turns {block + 1} of {_BLOCKS_IN_TURNS}")
        path.write_text(json.dumps(found))
    turns: list[list[float]] = json.loads(path.read_text())
    return turns


class Replay:
    """Gives recorded trials in the place of real ones.

    A trial by itself is one that was recorded. In a block it is as fast as its setting is on the average, times what
    was left over in one of the trials in turns, drawn at random. The clock moves on by what such trials took.

    Where two settings are the same, either might have been the other: what is left over is as often so much above as
    below. A few recorded blocks are not so by themselves.

    Args:
        recorded: The trials.
        seed: Of the drawing.
        identical: Whether every setting is the baseline, whatever it sets.
        startup_s: What every trial takes longer to begin than those that were recorded ("simulated").
    """

    def __init__(self, recorded: RecordedSpace, seed: int, *, identical: bool = False, startup_s: float = 0.0) -> None:
        self._recorded = recorded
        self._random = np.random.default_rng(seed)
        self._identical = identical
        self._startup_s = startup_s
        self._residuals = recorded.residuals()
        self._true = recorded.true
        self._base = float(np.mean([np.log(rate(record)) for record in recorded.records[name_of({})]]))
        self.now_ns = 0

    @property
    def trial_s(self) -> float:
        """What a trial takes, on the average."""
        return self._recorded.trial_s + self._startup_s

    def clock(self) -> int:
        """Nanoseconds of the replayed machine."""
        return self.now_ns

    def true(self, setting: Mapping[str, Any]) -> float:
        """Log of a setting's throughput over the baseline's."""
        return 0.0 if self._identical else self._true[name_of(setting)]

    def launch(self, knobs: Knobs, runs: Path, **_: object) -> Record:
        """A trial by itself: one that was recorded, as it was."""
        record = self._drawn(knobs)
        assert record.machine is not None
        self.now_ns += int(record.machine.wall_s * NS_PER_S)
        return record

    def run_slices(self, variants: Mapping[str, Knobs], runs: Path, *_: object, **__: object) -> dict[str, Record]:
        """A block: trials of the setting's own speed, with what is left over drawn from all trials."""
        found = {}
        common = float(self._random.normal(0.0, 0.05))  # the machine's own speed, which all trials of a block share
        for name, knobs in variants.items():
            record = self._drawn(knobs)
            log_rate = self._base + self.true(self._setting(knobs)) + common
            # The baseline's own scatter is in the ratios that were recorded.
            log_rate += 0.0 if not self._setting(knobs) else self._left_over()
            found[name] = _as_fast(record, float(np.exp(log_rate)))
            self.now_ns += int(self.trial_s * NS_PER_S)
        return found

    def _left_over(self) -> float:
        found = float(self._random.choice(self._residuals))
        return found * float(self._random.choice([-1.0, 1.0])) if self._identical else found

    def _setting(self, knobs: Knobs) -> dict[str, Any]:
        own = {axis.name: axis.values[0] for axis in self._recorded.space.axes}
        return {name: value for name in own if (value := getattr(knobs, name)) != own[name]}

    def _drawn(self, knobs: Knobs) -> Record:
        own = self._setting(knobs)
        setting = {} if self._identical else own
        trials = self._recorded.records[name_of(setting)]
        record = trials[int(self._random.integers(len(trials)))]
        assert record.machine is not None
        machine = record.machine.model_copy(update={"wall_s": record.machine.wall_s + self._startup_s})
        record = record.model_copy(update={"machine": machine})
        # The knobs of a script's record are those in force, and not those that were asked for.
        return record.model_copy(update={"knobs": record.knobs.unchecked(**own)}) if self._identical else record


def _as_fast(record: Record, samples_per_s: float) -> Record:
    """A record whose counted steps took as long as this throughput asks for, all else being equal."""
    assert record.steady is not None
    steady = record.steady
    wall_s = steady.num_samples / samples_per_s
    end_ns = steady.begin_ns + int(wall_s * NS_PER_S)
    changed = steady.model_copy(update={"wall_s": wall_s, "end_ns": end_ns, "samples_per_s": samples_per_s})
    slices: list[Slice] = []
    return record.model_copy(update={"steady": changed, "slices": slices})
