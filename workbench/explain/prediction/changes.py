"""A change of a pipeline: what becomes of its model, and the knobs that would do it in earnest.

=================================  ============================================================
`scale_stage`, `remove_stage`      a stage takes half as long, or nothing
`move_to_device`                   the device does it
`stage_from_run`                   a stage takes as long as in another run
`model_from_run`                   the model takes as long as in another run, by another engine
`set_knob`                         a knob is set; the knob's row says how that is predicted
`set_cores`                        a machine of more cores, or fewer
=================================  ============================================================

Several of them together are one change (`apply_all`). A text like ``"read x0.5"`` is only shown; such texts are read by
the command line alone (`commands.questions`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import BadInput, Problem, unknown_name
from workbench.explain.prediction.cost_model import DEVICE, CostModel
from workbench.explain.words.items import counted, plural, with_article
from workbench.knobs.format import format_settings, shell_settings
from workbench.knobs.knob import ALL_OF_A_SAMPLE, Effect, Knob
from workbench.knobs.knobs import Knobs
from workbench.units import counted_cores

#: What is beyond these multiples of what was measured is no longer believed.
_MOST_SCALE, _MOST_WORKERS, _MOST_CORES, _MOST_BATCH = 20.0, 8, 8, 4.0

#: All that a loader does, as `knock_out` names it.
LOADER = "loader"

Apply = Callable[[CostModel], CostModel]


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        text: As a person asks for it: ``"read x0.5"``.
        apply: Gives the model as it would be.
        settings: The knobs that would do it, where some do.
    """

    text: str
    apply: Apply
    settings: Mapping[str, Any] = field(default_factory=dict)


def apply_all(model: CostModel, changes: Sequence[Change]) -> CostModel:
    """The model with all changes made."""
    for change in changes:
        model = change.apply(model)
    return model


def settings_of(changes: Sequence[Change]) -> dict[str, Any]:
    """The knobs that would make all changes; where several name stages, all of these."""
    found: dict[str, Any] = {}
    for change in changes:
        for name, value in change.settings.items():
            is_list = isinstance(value, tuple) and isinstance(found.get(name), tuple)
            found[name] = (*found[name], *value) if is_list else value
    return found


def scale_stage(model: CostModel, stage: str, factor: float, *, text: str = "") -> Change:
    """A stage takes `factor` times as long as it does now; `device` is the device.

    Raises:
        BadInput: For a stage that the run has not, and for more than is believed.
    """
    text = text or f"{stage} x{factor:g}"
    _known(stage, model, text)
    if not 0.0 <= factor <= _MOST_SCALE:
        raise refusal(text, f"more than {_MOST_SCALE:g} times what was measured is a guess", "Measure it: slow_down")
    is_replayable = factor == 0.0 and stage in model.catalogue.replayable()
    return Change(text, lambda m: m.scaled(factor, stage), {"knock_out": (stage,)} if is_replayable else {})


def remove_stage(model: CostModel, stage: str) -> Change:
    """A stage takes nothing.

    Raises:
        BadInput: For a stage that the run has not.
    """
    return scale_stage(model, stage, 0.0, text=f"remove {stage}")


def stage_from_run(model: CostModel, stage: str, run: str, cost_s: float) -> Change:
    """A stage takes as long as in another run.

    Args:
        model: The pipeline.
        stage: The stage.
        run: What that run is called.
        cost_s: What the stage takes there, in seconds for each sample.

    Raises:
        BadInput: For a stage that the run has not.
    """
    text = f"{stage} from {run}"
    _known(stage, model, text)
    return Change(text, lambda m: m.scaled(cost_s / max(m.cost_per_sample(stage), 1e-12), stage))


def model_from_run(model: CostModel, knobs: Knobs, name: str, value: Any, run: str, cost_s: float) -> Change:
    """A knob of the model's side is set, and the model takes as long as in another run that has it so.

    Args:
        model: The pipeline.
        knobs: Of the run that was measured.
        name: The knob.
        value: Its value, or a text that means it.
        run: What the other run is called.
        cost_s: What the device takes there, in seconds for each sample.

    Raises:
        BadInput: For a wrong value, and without a device.
    """
    text = f"{name}={value} from {run}"
    if wrong := knobs.wrong_values({name: value}):
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", problem.remedy) for problem in wrong])
    if not len(model.device_s):
        raise refusal(text, "the run had no device", "Take a run with device=cuda or device=replay")

    def apply(m: CostModel) -> CostModel:
        each = f"{cost_s * 1e3:.3g} ms {with_article(m.item)}"
        scaled = m.scaled(cost_s / max(m.cost_per_sample(DEVICE), 1e-12), DEVICE)
        return scaled.assuming(f"The model takes {each}, as in run {run}.")

    return Change(text, apply, {name: knobs.typed(name, value)})


def move_to_device(model: CostModel, knobs: Knobs, stage: str, device_s: float | None = None) -> Change:
    """The device does what a stage has done.

    Args:
        model: The pipeline.
        knobs: Of the run that was measured.
        stage: The stage.
        device_s: What the device takes for it, in seconds for each sample; None: what a knob says that moves it there.

    Raises:
        BadInput: For a stage that the run has not, without a device, and where nobody knows what the device takes.
    """
    text = f"{stage} on device" if device_s is None else f"{stage} on device at {device_s * 1e3:g}"
    _known(stage, model, text)
    if not len(model.device_s):
        raise refusal(text, "the run had no device", "Take a run with device=cuda or device=replay")
    if device_s is None:
        for name, row in knobs.rows().items():
            effect = row.effects.get("device")
            if effect is not None and stage in effect.frees:
                return replace(set_knob(model, knobs, name, "device"), text=text)
        remedy = f"Say it: '{stage} on device at 0.2' (0.2 ms {with_article(model.item)})"
        raise refusal(text, "how long the device takes for it is not known", remedy)
    moved_s = device_s

    def apply(m: CostModel) -> CostModel:
        each = f"{moved_s * 1e3:g} ms {with_article(m.item)}"
        moved = replace(m, moved_s=m.moved_s + moved_s).scaled(0.0, stage)
        return moved.assuming(f"The device does '{stage}' in {each}, as the question says.")

    return Change(text, apply)


def set_cores(model: CostModel, cores: float) -> Change:
    """A machine of another number of cores.

    Raises:
        BadInput: For a number that is not whole, or more than is believed.
    """
    text = f"cores={cores:g}"
    most = _MOST_CORES * model.config.cores
    if cores != int(cores) or not 1 <= cores <= most:
        raise refusal(text, f"a whole number from 1 to {most} can be asked about")
    count = int(cores)

    def apply(m: CostModel) -> CostModel:
        if count == m.config.usable_cores:
            return m
        busy = "One busy core is slowed down by nobody" if count == 1 else f"{count} busy cores slow each other down as"
        assumed = f"{busy}." if count == 1 else f"{busy} much as the {m.config.cores} of this machine do."
        return replace(m, config=replace(m.config, cores=count, quota=None)).assuming(assumed)

    return Change(text, apply)


def set_knob(model: CostModel, knobs: Knobs, name: str, value: Any) -> Change:
    """A knob is set to a value.

    Args:
        model: The pipeline.
        knobs: Of the run that was measured.
        name: The knob.
        value: Its value, or a text that means it.

    Raises:
        BadInput: For an unknown knob or a wrong value, and where the run that was measured cannot tell.
    """
    text = format_settings({name: value})
    rows = knobs.rows()
    if name not in rows:
        problem = unknown_name("knob", name, [*rows, "cores"])
        raise refusal(text, problem.what, problem.remedy)
    if wrong := knobs.wrong_values({name: value}):
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", problem.remedy) for problem in wrong])
    wanted = knobs.typed(name, value)
    if wanted == getattr(knobs, name):  # nothing changed comes to what was measured
        return Change(text, lambda m: m, {name: wanted})
    return Change(text, _applied(text, model, knobs, rows[name], wanted), {name: wanted})


def _applied(text: str, model: CostModel, knobs: Knobs, row: Knob, value: Any) -> Apply:
    """What setting a knob does to a model, as its row says."""
    match row.predicted:
        case "nothing":
            return lambda m: m
        case "num_workers":
            return _workers(text, int(value), model)
        case "prefetch_factor":
            return lambda m: with_workers(m, m.config.num_workers, prefetch=int(value))
        case "batch_size":
            return _batch_size(text, int(value), model)
        case "persistent_workers":
            return _persistent(text, bool(value), model)
        case "epoch_overlap":
            return lambda m: replace(m, config=replace(m.config, epoch_overlap=bool(value)))
        case "in_order":
            return lambda m: replace(m, config=replace(m.config, in_order=bool(value)))
        case "background":
            effect = row.effects.get(value, Effect())
            in_background, at_once = bool(effect.addresses), effect.side_by_side
            return lambda m: replace(m, config=replace(m.config, background=in_background, side_by_side=at_once))
        case "device_time":
            if not len(model.device_s):
                raise refusal(text, "the run had no device")
            return lambda m: m.scaled(float(value) * 1e-3 / m.cost_per_sample(DEVICE), DEVICE)
        case "effects":
            return _effects(text, model, knobs, row, value)
    raise refusal(text, "what it does to the times cannot be predicted before it has run", _compare(row.name, value))


def _workers(text: str, count: int, model: CostModel) -> Apply:
    if model.recorded_workers == 0 and count > 0:
        remedy = "Take a run with num_workers=1 or more"
        raise refusal(text, "the run had no workers, so what sending and receiving a batch costs is not known", remedy)
    if count > _MOST_WORKERS * model.recorded_workers > 0:
        remedy = f"Take a run with at least {-(-count // _MOST_WORKERS)} workers"
        raise refusal(text, f"more than {_MOST_WORKERS} times the workers of the run is a guess", remedy)
    is_timed = model.is_observed or any(stage.isolated_s for stage in model.batches.values())
    if count == 0 < model.recorded_workers and not is_timed:
        raise refusal(text, "nothing was timed isolated in this run", "Take a run with isolated_samples=32")

    def apply(m: CostModel) -> CostModel:
        m = with_workers(m, count)
        if m.is_observed and count == 0 < model.recorded_workers:
            m = m.assuming("Loading in the main process costs as much on a core as in a worker.")
        if count <= model.recorded_workers or count < m.config.usable_cores:
            return m
        cores = counted_cores(m.config.cores, m.config.quota)
        return m.assuming(
            f"{counted(count, 'worker')} and the main process share {cores}: whoever has to wait for a core, or "
            "shares the caches with more others, is slower, so that more workers may make the run slower."
        )

    return apply


def with_workers(model: CostModel, number: int, prefetch: int | None = None) -> CostModel:
    """The model with another number of workers, and of batches that each of them loads ahead."""
    config = model.config
    prefetch = config.prefetch_factor if prefetch is None else prefetch
    # As a trial would: it warms up until what was loaded ahead is used up.
    extra = config.warmup_steps - config.num_workers * config.prefetch_factor
    warmup = max(number * prefetch + extra, 1)
    return replace(model, config=replace(config, num_workers=number, prefetch_factor=prefetch, warmup_steps=warmup))


def _batch_size(text: str, size: int, model: CostModel) -> Apply:
    if not 1.0 / _MOST_BATCH <= size / model.batch_size <= _MOST_BATCH:
        what = f"more than {_MOST_BATCH:g} times larger or smaller batches are a guess"
        raise refusal(text, what, _compare("batch_size", size))

    def apply(m: CostModel) -> CostModel:
        steps = max(1, round(m.config.num_steps * m.batch_size / size))
        per_epoch = -(-m.num_samples // size)
        config = replace(m.config, steps_per_epoch=per_epoch, num_steps=steps)
        assumed = f"The device takes a time in proportion to the {plural(m.item)} of a batch."
        return replace(m, batch_size=size, config=config).assuming(assumed)

    return apply


def _persistent(text: str, keep: bool, model: CostModel) -> Apply:
    if not keep and not model.config.restarts:
        what = "what starting workers anew costs was not seen in this run"
        raise refusal(text, what, _compare("persistent_workers", keep))
    return lambda m: replace(m, config=replace(m.config, restarts=not keep, epoch_s=0.0 if keep else m.config.epoch_s))


def _effects(text: str, model: CostModel, knobs: Knobs, row: Knob, value: Any) -> Apply:
    """What the row of a knob says of a value: which stages are gone, and how many bytes are saved."""
    own = getattr(knobs, row.name)
    if value == own:
        return lambda m: m
    if row.name == "knock_out" and set(own) <= set(value):
        for stage in value:
            if stage != LOADER:
                _known(stage, model, text)
        stages = [name for stage in value if stage not in own for name in _part(model, stage)]
        return lambda m: m.scaled(0.0, *stages)
    effect = row.effects.get(value) if isinstance(value, str | int | float) else None
    if effect is None:
        raise refusal(text, "it changes more than can be predicted", _compare(row.name, value))
    if own in row.effects and row.effects[own].frees:
        has = format_settings({row.name: own})
        what = f"the run has {has}, so what that has saved is not in its times"
        raise refusal(text, what, f"Take a run without {has}")
    unknown = [stage for stage in effect.eases if effect.saves_bytes is None or not model.moves_bytes(stage)]
    if unknown:
        remedy = f"Ask '{unknown[0]} x0.5', or compare it: {_variant(row.name, value)}"
        raise refusal(text, f"how long '{unknown[0]}' would take is not known before it has run", remedy)

    def apply(m: CostModel) -> CostModel:
        m = with_fewer_bytes(m.scaled(0.0, *_freed(effect, m)), effect, knobs)
        return m.assuming(effect.assumes) if effect.assumes else m

    return apply


def _part(model: CostModel, stage: str) -> tuple[str, ...]:
    """A stage, or those of all that a loader does."""
    if stage != LOADER:
        return (stage,)
    of_batches = [name for name, batch in model.batches.items() if batch.station in ("load", "send", "receive")]
    return (*model.samples.stages, *of_batches)


def _freed(effect: Effect, model: CostModel) -> tuple[str, ...]:
    """The stages that are gone with a value."""
    every = model.samples.stages if ALL_OF_A_SAMPLE in effect.frees else ()
    return (*(name for name in effect.frees if name != ALL_OF_A_SAMPLE), *every)


def with_fewer_bytes(model: CostModel, effect: Effect, knobs: Knobs) -> CostModel:
    """The model with batches that are smaller by what an effect saves: whoever moves them takes less in proportion."""
    saved = effect.saves_bytes(knobs) if effect.saves_bytes is not None else 0.0
    if saved == 0.0:
        return model
    if not model.bytes_per_sample:
        return model.assuming("Batches become smaller, but their size is not known: moving them costs as before.")
    factor = max(0.0, 1.0 - saved / model.bytes_per_sample)
    whole_batches = [name for name in model.batches if model.moves_bytes(name)]
    samples = [name for name in effect.eases if name in model.samples.stages and model.moves_bytes(name)]
    smaller = replace(model, bytes_per_sample=model.bytes_per_sample * factor)
    assumed = f"Moving a batch costs in proportion to its bytes, which become {factor:.2f} times what they were."
    return smaller.scaled(factor, *dict.fromkeys([*whole_batches, *samples])).assuming(assumed)


def refusal(text: str, what: str, remedy: str = "") -> BadInput:
    """The error of a change that cannot be predicted."""
    return BadInput("what if", [Problem(what, f"'{text}'", remedy)])


def _known(stage: str, model: CostModel, text: str) -> None:
    if stage not in model.stages:
        problem = unknown_name("stage", stage, model.stages)
        raise refusal(text, f"this run has no stage named '{stage}'", problem.remedy)


def _compare(name: str, value: Any) -> str:
    return f"Compare it: {_variant(name, value)}"


def _variant(name: str, value: Any) -> str:
    return f"workbench compare --variant {shlex.quote(f'changed: {shell_settings({name: value})}')}"
