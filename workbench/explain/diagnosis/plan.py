"""The plan: the three changes of knobs with the largest gain for their cost, each with the command that compares it.

A gain is predicted where the simulator can be asked about a knob. Of other knobs nobody knows how fast they are before
they have run; for those there is what could be gained at most: the gain if the stages that they address were free.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadInput
from workbench.explain.diagnosis.cause import Cause, Thresholds
from workbench.explain.diagnosis.costs import Cost, cost_of
from workbench.explain.prediction.changes import set_knob
from workbench.explain.prediction.gain_map import format_gain
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.variants import can_take, suggestions
from workbench.knobs.format import format_settings, format_value, shell_settings
from workbench.knobs.knob import Effect
from workbench.records import LaneStats, Policy, PredictedValue, Record
from workbench.stages import Lane
from workbench.units import format_share

Settings = dict[str, Any]

#: A knob that addresses a stage takes some of its time; half of it is a guess, and ranks it among those that are known.
_OF_CEILING = 0.5

#: A change that takes more than this share of the machine's memory isn't offered.
_MOST_MEMORY = 0.8

#: A ceiling above this is that of nearly the whole run's time: of what the change would do it says nothing.
_MOST_CEILING = 1.0

_STEPS = 3

#: What makes the processes of a lane work with one thread each; worth a try where others do this share of the work.
_ONE_THREAD: dict[Lane, Settings] = {"main": {"blas_threads": 1}, "worker": {"opencv_threads": 0}}
_HELPED = 0.2

#: Causes that fewer processes and threads may be good against.
_OF_CORES = ("cores oversubscribed", "throttled by a quota")

#: Of this cause the simulator knows too little: all its workers are alike.
_NOT_MODELLED = ("one slow worker",)

#: Causes whose cost is that of moving bytes: what makes batches smaller saves no more of it than it saves of the bytes.
_OF_BYTES = ("heavy send and receive", "sending-thread-bound", "receiving-thread-bound", "transfer-bound")


@dataclass(frozen=True)
class PlanStep:
    """A change that is worth a comparison.

    Attributes:
        settings: What is set, by knob.
        cause: What it is good against.
        gain: Of the whole run, predicted (simulated); None where only a ceiling is known.
        at_most: What could be gained at most; None where the gain is predicted.
        is_simulated: Whether the figure is simulated, or taken from shares of the measured time.
        cost: What it costs, as text.
        command: What compares it with the run's knobs.
    """

    settings: Settings
    cause: str
    gain: PredictedValue | None
    at_most: float | None
    is_simulated: bool
    cost: str
    command: str

    @property
    def text(self) -> str:
        """The settings as a person writes them: ``"num_workers=4 in_order=false"``."""
        return format_settings(self.settings)

    @property
    def gain_text(self) -> str:
        """The gain as text."""
        if self.gain is not None:
            return f"{format_gain(self.gain)} (simulated)"
        origin = "simulated" if self.is_simulated else "from shares of the measured time"
        if self.at_most is not None and self.at_most > _MOST_CEILING:
            of_time = format_share(self.at_most / (1.0 + self.at_most))
            return f"not known before it has run; it concerns {of_time} of the time ({origin})"
        return f"at most {format_share(self.at_most)} ({origin})"


@dataclass(frozen=True)
class _Candidate:
    step: PlanStep
    value: float  # its gain, divided by what it costs


def plan(record: Record, predictor: Predictor | None, causes: Sequence[Cause]) -> list[PlanStep]:
    """The three changes that promise most for their cost.

    Args:
        record: The run.
        predictor: Predicts; None where the record doesn't tell enough.
        causes: What the diagnosis has found (`diagnose.diagnose`).
    """
    planning = _Planning(record, predictor and predictor.shortened(), causes)
    ranked = sorted(planning.candidates(), key=lambda candidate: -candidate.value)
    # What is best against the diagnosis leads, though a stage that suffers from it may seem to promise more.
    leading = [candidate for candidate in ranked if causes and candidate.step.cause == causes[0].title][:1]
    steps: list[PlanStep] = []
    for candidate in [*leading, *ranked]:
        # Of several values of a knob the best one is enough: the others are no further idea.
        if not any(candidate.step.settings.keys() & step.settings.keys() for step in steps):
            steps.append(candidate.step)
    return steps[:_STEPS]


def _words(command: str) -> str:
    """A recorded command as words that a shell takes as they are: what separates two commands is none of them."""
    try:
        return shlex.join(shlex.split(command))
    except ValueError:  # a quotation that does not end
        return shlex.quote(command)


def compare_command(record: Record, settings: Mapping[str, Any], name: str) -> str:
    """The command that compares a change with the run's own knobs, to be pasted into a shell."""
    knobs = record.knobs
    is_default = knobs.workload == knobs.rows()["workload"].default
    own = {**({} if is_default else {"workload": knobs.workload}), **knobs.compared()}
    behind = []
    if record.script is not None:
        own = {**record.asked, **{name: knobs.compared()[name] for name in ("args", "env") if name in knobs.compared()}}
        behind = ["--", _words(record.knobs.command)]  # type: ignore[attr-defined]
    variant = shlex.quote(f"{name}: {shell_settings(settings)}")
    common = [f"-p {shell_settings({knob: value})}" for knob, value in own.items()]
    return " ".join(["workbench compare --variant", variant, *common, *behind])


class _Planning:
    """Weighs changes of one run.

    Args:
        record: The run.
        predictor: Predicts; None where the record doesn't tell enough.
        causes: What the diagnosis has found.
    """

    def __init__(self, record: Record, predictor: Predictor | None, causes: Sequence[Cause]) -> None:
        self._record = record
        self._predictor = predictor
        self._causes = causes

    def candidates(self) -> list[_Candidate]:
        """Every change that is worth a comparison, weighed once: against the largest cause that it is good against."""
        found: dict[str, _Candidate] = {}

        def weigh(cause: Cause, settings: Settings) -> None:
            text = format_settings(settings)
            if text not in found and can_take(self._record, settings):
                candidate = self._weigh(cause, settings)
                if candidate is not None:
                    found[text] = candidate

        for cause in self._causes:
            for settings in _settings_against(self._record, cause):
                weigh(cause, settings)
        loading = [cause for cause in self._causes if cause.name == "loader-bound"]
        if loading:
            for settings in self._pairs(list(found.values())):
                weigh(loading[0], settings)
        return list(found.values())

    def _pairs(self, candidates: Sequence[_Candidate]) -> Iterator[Settings]:
        """The best of the settings that free workers of stages, each with one of another knob.

        What is left when the largest stage is gone may be a stage that costs next to nothing as things are.
        """
        freeing = [each for each in candidates if any(effect.frees for effect in self._effects(each.step.settings))]
        best = max(freeing, key=lambda candidate: candidate.value, default=None)
        if best is None:
            return
        rows = self._record.knobs.rows()
        for name, row in rows.items():
            if name not in best.step.settings:
                others = [value for value, effect in row.effects.items() if effect.suggested and self._frees(effect)]
                for pair in ({**best.step.settings, name: value} for value in others):
                    yield {knob: pair[knob] for knob in rows if knob in pair}

    def _frees(self, effect: Effect) -> bool:
        """Whether a value of a knob takes a stage away that the run has."""
        return any(self._record.stage(stage) is not None for stage in effect.frees)

    def _weigh(self, cause: Cause, settings: Settings) -> _Candidate | None:
        cost = cost_of(self._record, settings, self._predictor)
        if cost.memory_share > _MOST_MEMORY:
            return None
        gain = self._predicted(cause, settings)
        at_most = None if gain is not None else self._ceiling(cause, settings)
        value = gain.estimate if gain is not None else min(at_most or 0.0, _MOST_CEILING) * _OF_CEILING
        if value < Policy().min_effect:
            return None
        return _Candidate(self._step(cause, settings, cost, gain, at_most), value / (1.0 + cost.weight))

    def _step(
        self, cause: Cause, settings: Settings, cost: Cost, gain: PredictedValue | None, at_most: float | None
    ) -> PlanStep:
        return PlanStep(
            settings=settings,
            cause=cause.title,
            gain=gain,
            at_most=at_most,
            is_simulated=self._predictor is not None,
            cost=cost.text,
            command=compare_command(self._record, settings, _name_of(settings)),
        )

    def _predicted(self, cause: Cause, settings: Settings) -> PredictedValue | None:
        predictor = self._predictor
        if predictor is None or cause.name in _NOT_MODELLED:
            return None
        model, knobs = predictor.model, self._record.knobs
        try:
            changes = [set_knob(model, knobs, name, value) for name, value in settings.items()]
        except BadInput:
            return None
        return predictor.predict(changes).gain

    def _ceiling(self, cause: Cause, settings: Settings) -> float:
        """What could be gained at most: if the stages that it addresses were free, or the cause were gone."""
        if cause.name in _OF_CORES and settings in _ONE_THREAD.values():
            # The work of further threads has to be done all the same: no more is saved than they take.
            return _gain_without(min(cause.cost, _helping_share(self._record)))
        if cause.name != "loader-bound":
            return _gain_without(cause.cost * self._of_bytes(cause, settings))
        loading = [other for other in self._causes if other.name == "loader-bound"]
        stages = [other.stage for other in loading if other.stage]
        if "num_workers" not in settings:
            stages = [stage for effect in self._effects(settings) for stage in effect.addresses]
        if self._predictor is None:
            return _gain_without(sum(other.cost for other in loading if other.stage in stages or other.stage is None))
        return self._predictor.gain(self._predictor.model.scaled(0.0, *dict.fromkeys(stages))).estimate

    def _of_bytes(self, cause: Cause, settings: Settings) -> float:
        """Share of what moving bytes costs that settings can save: their share of the bytes, where they save any."""
        num_bytes = self._record.batches.bytes_per_sample
        savers = [effect.saves_bytes for effect in self._effects(settings) if effect.saves_bytes is not None]
        if cause.name not in _OF_BYTES or not savers or not num_bytes:
            return 1.0
        saved = sum(saves(self._record.knobs) for saves in savers) / num_bytes
        return float(min(1.0, max(0.0, saved)))

    def _effects(self, settings: Settings) -> list[Effect]:
        rows = self._record.knobs.rows()
        return [rows[name].effects[value] for name, value in settings.items() if value in rows[name].effects]


def _settings_against(record: Record, cause: Cause) -> Iterator[Settings]:
    """Settings of one knob that may help against a cause."""
    if cause.name == "lock contention":  # it is in the code; no knob takes it away
        return
    yield from suggestions(record, stage=cause.stage, cause=cause.name)
    cores = max(1, int(record.environment.usable_cores)) if record.environment else 1
    workers = record.knobs.num_workers
    throttled = record.throttled_share >= Thresholds().throttled
    if cause.name == "loader-bound":
        more = {cores - 1, cores} if throttled else {workers + 1, cores - 1, cores}
        if _mostly_waits(record):
            more.add(2 * workers)
        yield from ({"num_workers": number} for number in sorted(more) if number > workers)
    elif cause.name in _OF_CORES:
        yield from ({"num_workers": number} for number in sorted({1, max(cores - 1, 1), cores}) if number < workers)
        if throttled and record.script is not None:
            yield from (settings for lane, settings in _ONE_THREAD.items() if _is_helped(record.lane(lane)))
    elif cause.name == "memory-bound cache":
        yield {"num_workers": 0}


def _mostly_waits(record: Record) -> bool:
    """Whether workers neither have a core nor want one for more than half of their work: then there may be more."""
    lane = record.lane("worker")
    if lane is None or lane.cpu_s is None or lane.ready_s is None:
        return False
    own = (row for row in record.stages if row.lane == "worker" and not row.background)
    waiting = ("wait", "start")
    no_work_s = sum(row.total_s for row in own if record.catalogue.find("worker", row.name).role in waiting)
    return lane.cpu_s + lane.ready_s < 0.5 * (lane.wall_s - no_work_s)


def _is_helped(lane: LaneStats | None) -> bool:
    """Whether further threads do a good part of a lane's work."""
    return lane is not None and (lane.background_cpu_s or 0.0) >= _HELPED * (lane.cpu_s or math.inf)


def _helping_share(record: Record) -> float:
    """Share of a run's time on cores that is that of further threads, 0..1."""
    helping_s = sum(lane.background_cpu_s or 0.0 for lane in record.lanes)
    all_s = helping_s + sum(lane.cpu_s or 0.0 for lane in record.lanes)
    return helping_s / all_s if all_s > 0.0 else 0.0


def _gain_without(cost: float) -> float:
    """What is gained where this share of the time is saved."""
    return cost / max(1.0 - cost, 1e-3)


def _name_of(settings: Settings) -> str:
    """A variant's name, in which there is no '=': ``"num workers 4, in order false"``."""
    return ", ".join(f"{name.replace('_', ' ')} {format_value(value)}" for name, value in settings.items())
