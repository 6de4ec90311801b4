"""The knobs: every tunable setting, written once.

Notebook parameters, `-p name=value`, widgets and report rows all come from `Knobs`: its field names, defaults, choices,
units and one-line help. Impossible combinations are refused, all of them in one message, with the remedy.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.combinations import IMPOSSIBLE
from workbench.knobs.texts import delay_text, delays_in, known_names, replayed_stages

Group = Literal["pages", "image path", "loading", "model", "device", "measuring"]

#: The profilers that the knob `profilers` may name.
PROFILERS = ("torch", "lines", "stacks", "memory")


def _knob(default: Any, group: Group, help: str, *, unit: str = "", **limits: Any) -> Any:
    return Field(default, description=help, json_schema_extra={"group": group, "unit": unit}, **limits)


class Knobs(BaseModel):
    """A full set of knobs: all that decides what a trial does.

    Raises:
        pydantic.ValidationError: For an unknown name, a value of the wrong kind or an impossible combination. Input
            from a user goes through `Knobs.parse`, which turns that into one `BadInput`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dataset: str = _knob("data_samples", "pages", "folder of page images, with its annotations")
    annotations: str | None = _knob(None, "pages", "annotation file or folder, where it isn't found by itself")
    annotation_format: Literal[
        "auto", "ufo", "icdar2015", "icdar2013", "paddleocr", "labelme", "mmocr", "coco", "totaltext"
    ] = _knob("auto", "pages", "grammar of the annotations")
    num_pages: int | None = _knob(None, "pages", "use only the first so many pages", unit="pages", ge=1)
    mode: Literal["validate", "train"] = _knob("validate", "pages", "one validation pass, or training steps")
    image_size: int = _knob(640, "pages", "side of the square model input", unit="px", ge=32, multiple_of=32)
    seed: int = _knob(0, "pages", "seed of everything random", ge=0)

    image_decoder: Literal["pil", "opencv", "turbojpeg", "nvjpeg"] = _knob(
        "pil", "image path", "library that decodes the images"
    )
    scaled_decode: bool = _knob(
        False, "image path", "decode JPEGs at 1/2, 1/4 or 1/8 where that is still as large as the model's input"
    )
    cache: Literal["none", "encoded", "decoded", "prepared", "tensor"] = _knob(
        "none",
        "image path",
        "what is kept of a page: its file, the decoded image, the image ready but for normalization, the model's input",
    )
    cache_store: Literal["memory", "shared", "disk"] = _knob(
        "memory", "image path", "where a cache lies: in each process, one copy for all workers, or a file that stays"
    )
    transforms: Literal["albumentations", "direct"] = _knob(
        "albumentations", "image path", "who resizes and pads: albumentations, or OpenCV without anything around it"
    )
    normalize: Literal["albumentations", "conditional", "cached", "opencv", "device", "folded"] = _knob(
        "albumentations", "image path", "who turns uint8 levels into normalized floats"
    )
    targets: Literal["compute", "fast", "cached", "none"] = _knob(
        "compute", "image path", "how the target maps are made: the paper's way, compiled and packed, once, not at all"
    )

    loader: Literal["torch", "webdataset", "dali"] = _knob(
        "torch", "loading", "what feeds the pages to the main process"
    )
    num_workers: int = _knob(2, "loading", "loader worker processes; 0 loads in the main process", ge=0, le=64)
    prefetch_factor: int = _knob(2, "loading", "batches that each worker loads ahead", unit="batches", ge=1)
    persistent_workers: bool = _knob(True, "loading", "keep the workers alive from epoch to epoch")
    pin_memory: bool = _knob(False, "loading", "copy batches to page-locked memory (CUDA only)")
    start_method: Literal["fork", "spawn"] = _knob("fork", "loading", "how loader workers are started")
    in_order: bool = _knob(True, "loading", "batches arrive in their order, or as they are ready")
    epochs: Literal["apart", "joined"] = _knob(
        "apart", "loading", "workers wait for each other where an epoch ends, as torch has it, or run on into the next"
    )
    transport: Literal["torch", "ring"] = _knob(
        "torch", "loading", "how batches leave a worker: in fresh shared memory each, or in slots used again and again"
    )
    freed_memory: Literal["returned", "kept"] = _knob(
        "returned", "loading", "what workers free goes back to the kernel, or is kept for the next page"
    )
    worker_threads: int = _knob(
        1, "loading", "threads that OpenCV and torch may use in each worker", unit="threads", ge=1, le=64
    )
    batch_size: int = _knob(16, "loading", "pages in a batch", unit="pages", ge=1)

    encoder: str = _knob("resnet18", "model", "any timm encoder that gives feature maps")
    neck: Literal["fpn", "fpn_small"] = _knob("fpn", "model", "what joins the encoder's feature maps")
    engine: Literal["eager"] = _knob("eager", "model", "how the model is executed")
    precision: Literal["fp32", "fp16", "bf16"] = _knob("fp32", "model", "arithmetic of the forward pass")
    channels_last: bool = _knob(False, "model", "memory format of model and images")
    weights: str = _knob("random", "model", "the model's weights: random, shipped, or a safetensors file of one's own")
    postprocess: Literal["inline", "threads"] = _knob(
        "inline", "model", "find and score words before the next step, or in a thread beside it"
    )

    device: Literal["auto", "cuda", "cpu", "replay", "none"] = _knob(
        "auto",
        "device",
        "where the model runs; auto is cuda where there is one, else replay; none runs no model: the loader alone",
    )
    replay_ms_per_sample: float = _knob(
        3.0, "device", "what the replay device takes for a page", unit="ms", gt=0.0, allow_inf_nan=False
    )
    replay_record: str | None = _knob(
        None, "device", "run folder whose recorded device times the replay device takes instead"
    )

    num_steps: int | None = _knob(
        None, "measuring", "counted steps; by default as many as one epoch has", unit="steps", ge=1
    )
    warmup_steps: int | None = _knob(
        None, "measuring", "steps before the counted ones; by default until the queue is full", unit="steps", ge=0
    )
    stage_timing: bool = _knob(True, "measuring", "time every stage; off only to measure what that costs")
    profilers: tuple[str, ...] = _knob((), "measuring", "profilers, with commas between: torch, lines, stacks, memory")
    line_functions: str = _knob(
        "", "measuring", "functions for the profiler 'lines', dotted paths with commas; by default the workload's own"
    )
    native_stacks: bool = _knob(False, "measuring", "show C and C++ frames in the profiler 'stacks'")
    slow_down: str = _knob(
        "", "measuring", "stages that are made to take longer on purpose, each block by so many ms: stage:ms, stage:ms"
    )
    checked_samples: int = _knob(4, "measuring", "pages kept to be compared pixel by pixel", unit="pages", ge=0)
    knock_out: str = _knob(
        "", "measuring", "stages whose output is replayed from memory, so that they are free; pages are not valid then"
    )
    isolated_samples: int = _knob(
        32, "measuring", "pages made once more with no other process at work: for predictions", unit="pages", ge=0
    )
    timeout_s: float = _knob(
        600.0, "measuring", "a trial that takes longer is stopped", unit="s", gt=0.0, allow_inf_nan=False
    )

    @field_validator("profilers", mode="before")
    @classmethod
    def _in_one_order(cls, value: Any) -> Any:
        found = known_names(value, PROFILERS, "profiler")
        return tuple(found.split(",")) if isinstance(found, str) and found else () if found == "" else found


    @field_validator("knock_out", mode="before")
    @classmethod
    def _read_names(cls, value: Any) -> Any:
        return replayed_stages(value)

    @property
    def knocked_out(self) -> tuple[str, ...]:
        """The stages that `knock_out` names."""
        return tuple(self.knock_out.split(",")) if self.knock_out else ()

    @field_validator("slow_down", mode="before")
    @classmethod
    def _read_delays(cls, value: Any) -> Any:
        return delay_text(value)

    @property
    def delays_ms(self) -> dict[str, float]:
        """What `slow_down` adds to each block of a stage, by stage."""
        return delays_in(self.slow_down)

    @property
    def fully_cached(self) -> bool:
        """Whether nothing is left to be done to a page once it is in the cache: batches are gathered as they lie."""
        image_is_done = self.cache == "tensor" or (self.cache == "prepared" and self.normalize in ("device", "folded"))
        return image_is_done and self.targets in ("cached", "none")

    @model_validator(mode="after")
    def _refuse_impossible(self) -> Knobs:
        problems = [rule.problem() for rule in IMPOSSIBLE if rule.applies(self)]
        if problems:
            raise ImpossibleKnobs("impossible combination of knobs", problems)
        return self

    @classmethod
    def parse(cls, settings: Mapping[str, Any], *, subject: str = "knobs") -> Knobs:
        """Knobs from settings that a person gave; strings are converted.

        Args:
            settings: Values by knob name; what isn't named keeps its default. Text such as ``"2"``, ``"true"`` or
                ``"none"`` is taken for the value it means.
            subject: What the settings are, for the message.

        Raises:
            BadInput: For unknown names, wrong values and impossible combinations: all of them, with the remedy.
        """
        problems = [unknown_knob(name) for name in settings if name not in cls.model_fields]
        known = {name: _meant(name, value) for name, value in settings.items() if name in cls.model_fields}
        try:
            knobs = cls(**known)
        except ImpossibleKnobs as error:
            raise BadInput(subject, [*problems, *error.problems]) from None
        except ValidationError as error:
            problems += [_wrong_value(detail) for detail in error.errors()]
            raise BadInput(subject, problems) from None
        if problems:
            raise BadInput(subject, problems)
        return knobs

    def differing(self, other: Knobs) -> dict[str, Any]:
        """The knobs of `self` that `other` sets differently, in the order of the fields."""
        return {name: value for name, value in self if value != getattr(other, name)}

    def changed(self, **settings: Any) -> Knobs:
        """These knobs with some of them set anew.

        Raises:
            BadInput: As `parse` does.
        """
        return Knobs.parse({**self.model_dump(), **settings})


class ImpossibleKnobs(BadInput):
    """Knobs that are each fine and cannot go together."""


@dataclass(frozen=True)
class KnobInfo:
    """What a face (widget, help text, table row) needs to know of a knob."""

    name: str
    group: str
    help: str
    unit: str
    default: Any
    choices: tuple[Any, ...]
    type_name: str


def describe_knobs() -> Iterator[KnobInfo]:
    """Every knob in the order of the fields."""
    for name, field in Knobs.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        yield KnobInfo(
            name=name,
            group=str(extra["group"]),
            help=field.description or "",
            unit=str(extra["unit"]),
            default=field.default,
            choices=_choices(field.annotation),
            type_name=_type_name(field.annotation),
        )


def unknown_knob(name: str) -> Problem:
    """The problem of a name that is no knob, with the knob that was probably meant."""
    return unknown_name("knob", name, Knobs.model_fields)


def _choices(annotation: Any) -> tuple[Any, ...]:
    if annotation is bool:
        return (False, True)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "str"
    if _is_optional(annotation):
        return next(_type_name(part) for part in get_args(annotation) if part is not type(None))
    return str(annotation.__name__)


def _is_optional(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def _meant(name: str, value: Any) -> Any:
    annotation = Knobs.model_fields[name].annotation
    if _is_optional(annotation) and isinstance(value, str) and value.strip().lower() in ("", "none", "null"):
        return None
    return value


def _wrong_value(detail: Any) -> Problem:
    name = ".".join(str(part) for part in detail["loc"])
    field = Knobs.model_fields.get(name)
    choices = _choices(field.annotation) if field else ()
    remedy = f"Choices: {', '.join(str(choice).lower() for choice in choices)}" if choices else ""
    if choices:
        close = difflib.get_close_matches(str(detail["input"]), [str(choice) for choice in choices], n=1)
        remedy += f". Did you mean '{close[0]}'?" if close else ""
    return Problem(f"{detail['input']!r} is not a value of it ({detail['msg'].lower()})", where=name, remedy=remedy)
