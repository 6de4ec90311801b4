"""Questions that set a knob, or the number of cores: what becomes of the pipeline's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from workbench.errors import BadInput, Problem, unknown_name
from workbench.explain.prediction.changes import Change, assuming, normalize_on_device, number, refused, scaled
from workbench.explain.prediction.cost_model import CostModel
from workbench.knobs.knobs import Knobs

#: Knobs that can be asked about, beside `cores`, which is none.
KNOBS = (
    "num_workers", "prefetch_factor", "batch_size", "persistent_workers", "epochs", "in_order", "postprocess", "cache",
    "targets", "normalize", "replay_ms_per_sample",
)  # fmt: skip

#: So many times what was measured is still believed.
_MOST_WORKERS, _MOST_CORES, _MOST_BATCH = 8, 8, 4.0

#: Stages that a cache makes needless.
_BEFORE_CACHE = {
    "none": (),
    "encoded": ("read",),
    "decoded": ("read", "decode", "orient"),
    "prepared": ("read", "decode", "orient", "LongestMaxSize", "PadIfNeeded", "resize", "pad", "keypoints"),
}


def set_knob(text: str, name: str, value: str, model: CostModel, knobs: Knobs) -> Change:
    """The change that a knob's value makes.

    Raises:
        BadInput: Where the run that was measured cannot tell.
    """
    if name == "cores":
        return _cores(text, value, model)
    if name not in KNOBS:
        problem = unknown_name("knob to ask about", name, (*KNOBS, "cores"))
        remedy = problem.remedy or "ComparisonRun it: workbench compare --variant 'it: " + f"{name}={value}'"
        raise BadInput("what if", [Problem(problem.what, f"'{text}'", remedy)])
    # Is it a value at all? (Finished tensors go with one kind of normalization only.)
    beside = {"normalize": "cached"} if value == "tensor" else {}
    wanted = getattr(Knobs.parse({**beside, name: value}, subject=f"'{text}'"), name)
    if name == "num_workers":
        return _workers(text, int(wanted), model)
    if name == "batch_size":
        return _batch_size(text, int(wanted), model)
    if name == "prefetch_factor":
        return _shape(text, {name: wanted}, lambda m: _with_workers(m, m.config.num_workers, prefetch=int(wanted)))
    if name == "postprocess":
        return _shape(text, {name: wanted}, lambda m: replace(m, config=replace(m.config, beside=wanted == "threads")))
    if name == "epochs":
        return _shape(text, {name: wanted}, lambda m: replace(m, config=replace(m.config, joined=wanted == "joined")))
    if name == "in_order":
        return _shape(text, {name: wanted}, lambda m: replace(m, config=replace(m.config, in_order=bool(wanted))))
    if name == "persistent_workers":
        return _persistent(text, bool(wanted), model)
    if name == "replay_ms_per_sample":
        seconds = float(wanted) * 1e-3
        if not len(model.device_s):
            raise refused(text, "the run had no device")
        return Change(text, lambda m: scaled(m, "device", seconds / m.cost_per_page("device")), {name: wanted})
    return _path(text, name, value, model, knobs)


def _shape(text: str, knobs: Mapping[str, object], apply: Callable[[CostModel], CostModel]) -> Change:
    return Change(text, apply, knobs)


def _workers(text: str, count: int, model: CostModel) -> Change:
    if model.recorded_workers == 0 and count > 0:
        remedy = "Take a run with num_workers=1 or more"
        raise refused(text, "the run had no workers, so what sending and receiving a batch costs is not known", remedy)
    if count > _MOST_WORKERS * model.recorded_workers > 0:
        remedy = f"Take a run with at least {-(-count // _MOST_WORKERS)} workers"
        raise refused(text, f"more than {_MOST_WORKERS} times the workers of the run is a guess", remedy)
    if count == 0 and model.recorded_workers > 0 and not any(one.isolated_s for one in model.batches.values()):
        raise refused(text, "nothing was timed alone in this run", "Take a run with isolated_samples=32")
    return Change(text, lambda m: _with_workers(m, count), {"num_workers": count})


def _with_workers(model: CostModel, number: int, prefetch: int | None = None) -> CostModel:
    config = model.config
    prefetch = config.prefetch_factor if prefetch is None else prefetch
    # As a trial would: it warms up until what was loaded ahead is used up.
    extra = config.warmup_steps - config.num_workers * config.prefetch_factor
    warmup = max(number * prefetch + extra, 1)
    return replace(
        model, config=replace(config, num_workers=number, prefetch_factor=prefetch, warmup_steps=warmup)
    )


def _batch_size(text: str, size: int, model: CostModel) -> Change:
    if not 1.0 / _MOST_BATCH <= size / model.batch_size <= _MOST_BATCH:
        raise refused(text, f"more than {_MOST_BATCH:g} times larger or smaller batches are a guess", "ComparisonRun it")

    def apply(m: CostModel) -> CostModel:
        steps = max(1, round(m.config.num_steps * m.batch_size / size))
        per_epoch = -(-m.num_pages // size)
        config = replace(m.config, steps_per_epoch=per_epoch, num_steps=steps)
        return assuming(
            replace(m, batch_size=size, config=config), "The device takes a time in proportion to the pages of a batch."
        )

    return Change(text, apply, {"batch_size": size})


def _cores(text: str, value: str, model: CostModel) -> Change:
    count = number(value, text)
    if count != int(count) or not 1 <= count <= _MOST_CORES * model.config.cores:
        raise refused(text, f"a whole number from 1 to {_MOST_CORES * model.config.cores} can be asked about")

    def apply(m: CostModel) -> CostModel:
        told = f"{int(count)} busy cores slow each other down as much as the {m.config.cores} of this machine do."
        return assuming(replace(m, config=replace(m.config, cores=int(count))), told)

    return Change(text, apply, {})


def _persistent(text: str, keep: bool, model: CostModel) -> Change:
    if not keep and not model.config.restarts:
        remedy = "ComparisonRun it: workbench compare --variant 'anew: persistent_workers=false'"
        raise refused(text, "what starting workers anew costs was not seen in this run", remedy)

    def apply(m: CostModel) -> CostModel:
        return replace(m, config=replace(m.config, restarts=not keep, epoch_s=m.config.epoch_s if not keep else 0.0))

    return Change(text, apply, {"persistent_workers": keep})


def _path(text: str, name: str, value: str, model: CostModel, knobs: Knobs) -> Change:
    if name == "normalize":
        if value != "device":
            raise refused(text, "only normalize=device can be asked about", "ComparisonRun the others: workbench compare")
        return normalize_on_device(text, knobs)
    if name == "targets":
        if value not in ("none", "cached"):
            raise refused(text, "how fast they would be is not known", "Ask 'targets x0.2', or race targets=fast")
        return Change(text, lambda m: scaled(m, "targets", 0.0), {"targets": value})
    gone = _BEFORE_CACHE.get(value)
    if gone is None:
        raise refused(text, f"cache={value} changes more than can be foreseen", "ComparisonRun it: workbench compare")
    if knobs.cache != "none":
        raise refused(text, f"the run has a cache already (cache={knobs.cache})", "Take a run with cache=none")

    def apply(m: CostModel) -> CostModel:
        for stage in gone:
            m = scaled(m, stage, 0.0)
        return assuming(m, "Taking a page from the cache costs nothing; filling it is start-up, and not counted.")

    return Change(text, apply, {"cache": value})
