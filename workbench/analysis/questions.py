"""Questions to a pipeline that was measured: what if this stage took half as long, what if there were four workers?

=====================================  ====================================================================
``decode x0.5``, ``targets x0``        a stage takes so many times as long
``remove decode``                      the same as ``decode x0``
``decode on device at 0.2``            the device does it, in so many milliseconds a page
``decode from RUN``                    a stage takes as long as in another run
``device x0.5``, ``cores=16``          a device twice as fast, a machine of sixteen such cores
``num_workers=4``, ``batch_size=8``    a knob is set; which ones can be asked about is in `KNOBS`
=====================================  ====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.analysis.cost_model import CostModel
from workbench.analysis.moved_bytes import bytes_factor
from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs import Knobs

#: Knobs that can be asked about, beside `cores`, which is none.
KNOBS = (
    "num_workers", "prefetch_factor", "batch_size", "persistent_workers", "epochs", "in_order", "postprocess", "cache",
    "targets", "normalize", "replay_ms_per_page",
)  # fmt: skip

#: So many times what was measured is still believed.
_MOST_WORKERS, _MOST_CORES, _MOST_BATCH, _MOST_SCALE = 8, 8, 4.0, 20.0

_SCALE = re.compile(r"(\w+)\s*[x*×]\s*([\d.]+)")
_REMOVE = re.compile(r"remove\s+(\w+)")
_DEVICE = re.compile(r"(\w+)\s+on\s+device(?:\s+at\s+([\d.]+)\s*(?:ms)?)?")
_FROM = re.compile(r"(\w+)\s+from\s+(\S+)")
_KNOB = re.compile(r"(\w+)\s*=\s*(\S+)")

#: Stages that a cache makes needless.
_BEFORE_CACHE = {
    "none": (),
    "encoded": ("read",),
    "decoded": ("read", "decode", "orient"),
    "prepared": ("read", "decode", "orient", "LongestMaxSize", "PadIfNeeded", "resize", "pad", "keypoints"),
}
_NORMALIZING = ("Normalize", "ConditionalNormalize", "OpenCVNormalize")

#: Stages whose cost goes with the bytes of a batch.
_MOVING = ("ToTensorV2", "collate", "send", "receive", "transfer", "release")


@dataclass(frozen=True)
class Change:
    """A question that was understood.

    Attributes:
        text: As it was asked.
        apply: Gives the model as it would be.
        knobs: The knobs that would do it, where some do.
    """

    text: str
    apply: Callable[[CostModel], CostModel]
    knobs: Mapping[str, object]


def parse_questions(
    texts: Sequence[str], model: CostModel, knobs: Knobs, stage_cost: Callable[[str, str], float] | None = None
) -> list[Change]:
    """Understand questions.

    Args:
        texts: One question each; together they are one change.
        model: The pipeline that they are put to.
        knobs: Of the run that was measured.
        stage_cost: Gives what a stage costs in another run, by the run's name, in seconds a page.

    Raises:
        BadInput: With all that isn't understood, and all that the record cannot answer.
    """
    found: list[Change] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            found.append(_parse(text.strip(), model, knobs, stage_cost))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput("what if", problems)
    return found


def apply_all(model: CostModel, changes: Sequence[Change]) -> CostModel:
    """The model with all changes made."""
    for change in changes:
        model = change.apply(model)
    return model


def scaled(model: CostModel, stage: str, factor: float) -> CostModel:
    """The model with a stage that takes so many times as long as it does now."""
    return replace(model, scale={**model.scale, stage: model.scale.get(stage, 1.0) * factor})


def assuming(model: CostModel, *sentences: str) -> CostModel:
    """The model with more that rests on no measurement."""
    return replace(model, assumptions=(*model.assumptions, *(s for s in sentences if s not in model.assumptions)))


def _parse(
    text: str, model: CostModel, knobs: Knobs, stage_cost: Callable[[str, str], float] | None
) -> Change:
    if match := _SCALE.fullmatch(text):
        return _scale(text, match[1], _number(match[2], text), model)
    if match := _REMOVE.fullmatch(text):
        return _scale(text, match[1], 0.0, model)
    if match := _DEVICE.fullmatch(text):
        return _move(text, match[1], match[2], model, knobs)
    if match := _FROM.fullmatch(text):
        if stage_cost is None:
            raise _refused(text, "no other runs are at hand")
        stage = _known(match[1], model, text)
        cost_s = stage_cost(match[2], stage)
        factor = cost_s / max(model.cost_per_page(stage), 1e-12)
        return Change(text, lambda m: scaled(m, stage, factor), {})
    if match := _KNOB.fullmatch(text):
        return _set(text, match[1], match[2], model, knobs)
    raise _refused(
        text, "is not understood", "Write 'decode x0.5', 'remove decode', 'decode on device at 0.2' or 'num_workers=4'"
    )


def _refused(text: str, what: str, remedy: str = "") -> BadInput:
    return BadInput("what if", [Problem(what, f"'{text}'", remedy)])


def _known(stage: str, model: CostModel, text: str) -> str:
    if stage not in model.stages:
        problem = unknown_name("stage", stage, model.stages)
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", problem.remedy)])
    return stage


def _number(text: str, question: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _refused(question, f"'{text}' is no number") from None


def _scale(text: str, stage: str, factor: float, model: CostModel) -> Change:
    _known(stage, model, text)
    if factor > _MOST_SCALE:
        raise _refused(text, f"more than {_MOST_SCALE:g} times what was measured is a guess", "Measure it: slow_down")
    return Change(text, lambda m: scaled(m, stage, factor), _knobs_for(stage) if factor == 0.0 else {})


def _knobs_for(stage: str) -> dict[str, object]:
    return {} if stage == "device" else {"knock_out": stage}


def _move(text: str, stage: str, at_ms: str | None, model: CostModel, knobs: Knobs) -> Change:
    _known(stage, model, text)
    if not len(model.device_s):
        raise _refused(text, "the run had no device", "Take a run with device=cuda or device=replay")
    if stage in _NORMALIZING and at_ms is None:
        return _normalize_on_device(text, model, knobs)
    if at_ms is None:
        remedy = f"Say it: '{stage} on device at 0.2' (ms)"
        raise _refused(text, "how long the device takes for it is not known", remedy)
    moved_s = _number(at_ms, text) * 1e-3

    def apply(m: CostModel) -> CostModel:
        m = scaled(replace(m, moved_s=m.moved_s + moved_s), stage, 0.0)
        return assuming(m, f"The device does '{stage}' in {at_ms} ms a page, as the question says.")

    return Change(text, apply, {})


def _normalize_on_device(text: str, model: CostModel, knobs: Knobs) -> Change:
    factor = bytes_factor(knobs, knobs.model_copy(update={"normalize": "device"}))

    def apply(m: CostModel) -> CostModel:
        for stage in _NORMALIZING:
            m = scaled(m, stage, 0.0)
        for stage in _MOVING:
            m = scaled(m, stage, factor)
        return assuming(
            m,
            f"Moving a batch costs in proportion to its bytes, which become {factor:.2f} times as many.",
            "The device normalizes in no time worth counting.",
        )

    return Change(text, apply, {"normalize": "device"})


def _set(text: str, name: str, value: str, model: CostModel, knobs: Knobs) -> Change:
    if name == "cores":
        return _cores(text, value, model)
    if name not in KNOBS:
        problem = unknown_name("knob to ask about", name, (*KNOBS, "cores"))
        remedy = problem.remedy or "Race it: workbench compare --variant 'it: " + f"{name}={value}'"
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", remedy)])
    # Is it a value at all? (Finished tensors go with one kind of normalization only.)
    beside = {"normalize": "cached"} if value == "tensor" else {}
    wanted = getattr(Knobs.parse({**beside, name: value}, subject=f"'{text}'"), name)
    if name == "num_workers":
        return _workers(text, int(wanted), model)
    if name == "batch_size":
        return _batch_size(text, int(wanted), model)
    if name == "prefetch_factor":
        return _shape(text, {name: wanted}, lambda m: _with_workers(m, m.shape.num_workers, prefetch=int(wanted)))
    if name == "postprocess":
        return _shape(text, {name: wanted}, lambda m: replace(m, shape=replace(m.shape, beside=wanted == "threads")))
    if name == "epochs":
        return _shape(text, {name: wanted}, lambda m: replace(m, shape=replace(m.shape, joined=wanted == "joined")))
    if name == "in_order":
        return _shape(text, {name: wanted}, lambda m: replace(m, shape=replace(m.shape, in_order=bool(wanted))))
    if name == "persistent_workers":
        return _persistent(text, bool(wanted), model)
    if name == "replay_ms_per_page":
        seconds = float(wanted) * 1e-3
        if not len(model.device_s):
            raise _refused(text, "the run had no device")
        return Change(text, lambda m: scaled(m, "device", seconds / m.cost_per_page("device")), {name: wanted})
    return _path(text, name, value, model, knobs)


def _shape(text: str, knobs: Mapping[str, object], apply: Callable[[CostModel], CostModel]) -> Change:
    return Change(text, apply, knobs)


def _workers(text: str, number: int, model: CostModel) -> Change:
    if model.recorded_workers == 0 and number > 0:
        remedy = "Take a run with num_workers=1 or more"
        raise _refused(text, "the run had no workers, so what sending and receiving a batch costs is not known", remedy)
    if number > _MOST_WORKERS * model.recorded_workers > 0:
        remedy = f"Take a run with at least {-(-number // _MOST_WORKERS)} workers"
        raise _refused(text, f"more than {_MOST_WORKERS} times the workers of the run is a guess", remedy)
    if number == 0 and model.recorded_workers > 0 and not any(one.alone_s for one in model.batches.values()):
        raise _refused(text, "nothing was timed alone in this run", "Take a run with alone_pages=32")
    return Change(text, lambda m: _with_workers(m, number), {"num_workers": number})


def _with_workers(model: CostModel, number: int, prefetch: int | None = None) -> CostModel:
    shape = model.shape
    prefetch = shape.prefetch_factor if prefetch is None else prefetch
    # As a trial would: it warms up until what was loaded ahead is used up.
    extra = shape.warmup_steps - shape.num_workers * shape.prefetch_factor
    warmup = max(number * prefetch + extra, 1)
    return replace(
        model, shape=replace(shape, num_workers=number, prefetch_factor=prefetch, warmup_steps=warmup)
    )


def _batch_size(text: str, size: int, model: CostModel) -> Change:
    if not 1.0 / _MOST_BATCH <= size / model.batch_size <= _MOST_BATCH:
        raise _refused(text, f"more than {_MOST_BATCH:g} times larger or smaller batches are a guess", "Race it")

    def apply(m: CostModel) -> CostModel:
        steps = max(1, round(m.shape.num_steps * m.batch_size / size))
        per_epoch = -(-m.num_pages // size)
        shape = replace(m.shape, steps_per_epoch=per_epoch, num_steps=steps)
        return assuming(
            replace(m, batch_size=size, shape=shape), "The device takes a time in proportion to the pages of a batch."
        )

    return Change(text, apply, {"batch_size": size})


def _cores(text: str, value: str, model: CostModel) -> Change:
    number = _number(value, text)
    if number != int(number) or not 1 <= number <= _MOST_CORES * model.shape.cores:
        raise _refused(text, f"a whole number from 1 to {_MOST_CORES * model.shape.cores} can be asked about")

    def apply(m: CostModel) -> CostModel:
        told = f"{int(number)} busy cores slow each other down as much as the {m.shape.cores} of this machine do."
        return assuming(replace(m, shape=replace(m.shape, cores=int(number))), told)

    return Change(text, apply, {})


def _persistent(text: str, keep: bool, model: CostModel) -> Change:
    if not keep and not model.shape.restarts:
        remedy = "Race it: workbench compare --variant 'anew: persistent_workers=false'"
        raise _refused(text, "what starting workers anew costs was not seen in this run", remedy)

    def apply(m: CostModel) -> CostModel:
        return replace(m, shape=replace(m.shape, restarts=not keep, epoch_s=m.shape.epoch_s if not keep else 0.0))

    return Change(text, apply, {"persistent_workers": keep})


def _path(text: str, name: str, value: str, model: CostModel, knobs: Knobs) -> Change:
    if name == "normalize":
        if value != "device":
            raise _refused(text, "only normalize=device can be asked about", "Race the others: workbench compare")
        return _normalize_on_device(text, model, knobs)
    if name == "targets":
        if value not in ("none", "cached"):
            raise _refused(text, "how fast they would be is not known", "Ask 'targets x0.2', or race targets=fast")
        return Change(text, lambda m: scaled(m, "targets", 0.0), {"targets": value})
    gone = _BEFORE_CACHE.get(value)
    if gone is None:
        raise _refused(text, f"cache={value} changes more than can be foreseen", "Race it: workbench compare")
    if knobs.cache != "none":
        raise _refused(text, f"the run has a cache already (cache={knobs.cache})", "Take a run with cache=none")

    def apply(m: CostModel) -> CostModel:
        for stage in gone:
            m = scaled(m, stage, 0.0)
        return assuming(m, "Taking a page from the cache costs nothing; filling it is start-up, and not counted.")

    return Change(text, apply, {"cache": value})
