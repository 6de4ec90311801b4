"""The plan: the three changes of knobs with the largest gain per price, each with the command that races it.

A gain is predicted where the simulator can be asked about a knob. Of other knobs nobody knows how fast they are before
they have run; of those stands here what there is to gain at most: the gain if the stages that they address were free.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.errors import BadInput
from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.costs import Price, price_of
from workbench.explain.diagnosis.suggestions import addressed_by, remedies, settings_of
from workbench.explain.knob_advice import without_effect_yet
from workbench.explain.prediction.changes import scaled
from workbench.explain.prediction.gain_map import format_gain
from workbench.explain.prediction.moved_bytes import bytes_factor
from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.knobs import Knobs
from workbench.records import Policy, PredictedValue, Record
from workbench.units import format_share

#: What races for one another: knobs that say how a run was looked at, and are no part of what is compared.
_NOT_RACED = ("profilers", "line_functions", "native_stacks", "checked_samples", "isolated_samples", "warmup_steps")

#: A knob that addresses a stage takes some of its time; half of it is a guess, and ranks it among those that are known.
_OF_CEILING = 0.5

#: A change that takes more than this share of the machine's memory isn't offered.
_MOST_MEMORY = 0.8

_STEPS = 3

_SENDING = "heavy send and receive"


@dataclass(frozen=True)
class PlanStep:
    """A change that is worth a comparison.

    Attributes:
        settings: What is set, as a person writes it: ``"cache=prepared targets=cached"``.
        cause: What it is good against.
        gain: Of the whole run, predicted (simulated); None where only a ceiling is known.
        at_most: What there is to gain at most; None where the gain is predicted.
        is_simulated: Whether the figure is simulated, or taken from shares of the measured time.
        price: What it costs, in words.
        command: What races it against the run's knobs.
    """

    settings: str
    cause: str
    gain: PredictedValue | None
    at_most: float | None
    is_simulated: bool
    price: str
    command: str

    @property
    def told(self) -> str:
        """The gain in words."""
        if self.gain is not None:
            return f"{format_gain(self.gain)} (simulated)"
        origin = "simulated" if self.is_simulated else "from shares of the measured time"
        return f"at most {format_share(self.at_most)} ({origin})"


@dataclass(frozen=True)
class _Candidate:
    step: PlanStep
    value: float


def plan(record: Record, predictor: Predictor | None, causes: Sequence[Cause]) -> list[PlanStep]:
    """The three changes that promise most for their price.

    Args:
        record: The run.
        predictor: Foretells; None where the record doesn't tell enough.
        causes: What the diagnosis has found (`diagnosis.diagnose`).
    """
    found: dict[str, _Candidate] = {}
    for cause in causes:
        for text in _candidates(record, cause):
            candidate = None if text in found else _weigh(record, predictor, causes, cause, text)
            if candidate is not None:
                found[text] = candidate
    ranked = sorted(found.values(), key=lambda one: -one.value)
    # What is best against the diagnosis leads, though a stage that suffers from it may seem to promise more.
    leading = [one for one in ranked if causes and one.step.cause == causes[0].title][:1]
    steps: list[PlanStep] = []
    for one in [*leading, *ranked]:
        # Of several values of a knob the best one is enough: the others are no further idea.
        if not _knobs_of(one.step.settings) & {knob for step in steps for knob in _knobs_of(step.settings)}:
            steps.append(one.step)
    return steps[:_STEPS]


def compare_command(record: Record, settings: Mapping[str, object], name: str) -> str:
    """The command that races a change against the run's own knobs, to be pasted into a shell."""
    sets = " ".join(f"{knob}={_quoted(value)}" for knob, value in settings.items())
    common = [
        f"-p {shlex.quote(f'{knob}={_text(value)}')}"
        for knob, value in record.knobs.differing(Knobs()).items()
        if knob not in _NOT_RACED
    ]
    return " ".join(["workbench compare --variant", shlex.quote(f"{name}: {sets}"), *common])


def _weigh(
    record: Record, predictor: Predictor | None, causes: Sequence[Cause], cause: Cause, text: str
) -> _Candidate | None:
    settings = settings_of(record, text)
    if settings is None or _changes_nothing(record, settings):
        return None
    price = price_of(record, settings, predictor)
    if price.memory_share > _MOST_MEMORY:
        return None
    gain = _predicted(predictor, cause, settings)
    reached = replace(cause, severity=cause.severity * _of_bytes(record, cause, settings))
    at_most = None if gain is not None else _ceiling(predictor, causes, reached, text)
    value = gain.estimate if gain is not None else (at_most or 0.0) * _OF_CEILING
    if value < Policy().min_effect:
        return None
    return _Candidate(_step(record, cause, text, settings, price, gain, at_most, predictor), value / (1 + price.weight))


def _step(
    record: Record,
    cause: Cause,
    text: str,
    settings: Mapping[str, object],
    price: Price,
    gain: PredictedValue | None,
    at_most: float | None,
    predictor: Predictor | None,
) -> PlanStep:
    return PlanStep(
        settings=text,
        cause=cause.title,
        gain=gain,
        at_most=at_most,
        is_simulated=predictor is not None,
        price=price.told,
        command=compare_command(record, settings, _name_of(text)),
    )


def _candidates(record: Record, cause: Cause) -> Iterator[str]:
    """Settings that may help against a cause."""
    cores = record.environment.cores if record.environment else 1
    workers = record.knobs.num_workers
    if cause.name == "lock contention":  # it is in the code; no knob takes it away
        return
    if cause.stage is not None:
        yield from remedies(record, cause.stage)
    if cause.name == "loader-bound":
        yield from (f"num_workers={number}" for number in sorted({workers + 1, cores - 1, cores}) if number > workers)
        yield "cache=prepared targets=cached"
    yield from _FOR.get(cause.name, ())
    if cause.name == "cores oversubscribed":
        yield from (f"num_workers={number}" for number in sorted({1, max(cores - 1, 1), cores}) if number < workers)


_FOR: dict[str, tuple[str, ...]] = {
    "device-bound": ("precision=fp16", "channels_last=true"),
    "transfer-bound": ("normalize=device", "pin_memory=true"),
    "start-up-bound": ("cache_store=disk",),
    "slow worker start": ("persistent_workers=true", "start_method=fork"),
    "one slow worker": ("in_order=false",),
    "rare slow pages": ("scaled_decode=true", "cache=prepared", "in_order=false", "prefetch_factor=4"),
    _SENDING: ("transport=ring", "normalize=device", "targets=fast"),
    "slow files": ("cache=encoded", "cache=prepared"),
    "memory-bound cache": ("num_workers=0", "normalize=device"),
    "epochs end dry": ("epochs=joined", "prefetch_factor=4"),
}

#: Of these the simulator knows too little: all its workers are alike, and what else a batch carries isn't known.
_NOT_MODELLED = ("one slow worker", _SENDING)


def _predicted(predictor: Predictor | None, cause: Cause, settings: Mapping[str, object]) -> PredictedValue | None:
    if predictor is None or cause.name in _NOT_MODELLED:
        return None
    try:
        return predictor.ask([f"{name}={_text(value)}" for name, value in settings.items()]).gain
    except BadInput:
        return None


def _ceiling(predictor: Predictor | None, causes: Sequence[Cause], cause: Cause, text: str) -> float:
    """What there is to gain at most: if the stages that it addresses were free, or the cause were gone."""
    if cause.name != "loader-bound":
        return _gain_without(cause.severity)
    loading = [one for one in causes if one.name == "loader-bound"]
    stages = [one.stage for one in loading if one.stage] if "num_workers=" in text else addressed_by(text)
    if predictor is None:
        return _gain_without(sum(one.severity for one in loading if one.stage in stages or one.stage is None))
    model = predictor.model
    for stage in stages:
        model = scaled(model, stage, 0.0)
    return predictor.predict(model, [], {}).gain.estimate


def _of_bytes(record: Record, cause: Cause, settings: Mapping[str, object]) -> float:
    """How much of what sending costs settings can save: what they save of the bytes, but for another way to send."""
    if cause.name != _SENDING or "transport" in settings:
        return 1.0
    return max(0.0, 1.0 - bytes_factor(record.knobs, record.knobs.changed(**settings)))


def _gain_without(severity: float) -> float:
    """What is gained where this share of the time is saved."""
    return severity / max(1.0 - severity, 1e-3)


def _changes_nothing(record: Record, settings: Mapping[str, object]) -> bool:
    """Whether a knob of a change would have no effect in such a run."""
    gpu = record.environment.gpu if record.environment else None
    idle = without_effect_yet(record.knobs.changed(**settings), simulated=record.simulated, gpu=gpu)
    return any(name in idle for name in settings)


def _knobs_of(text: str) -> set[str]:
    return {part.partition("=")[0] for part in text.split()}


def _name_of(text: str) -> str:
    """A variant's name, in which there is no '=': ``"cache prepared, targets cached"``."""
    return text.replace(" ", ", ").replace("=", " ").replace("_", " ")


def _quoted(value: object) -> str:
    return shlex.quote(_text(value))


def _text(value: object) -> str:
    """A value as a person writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
