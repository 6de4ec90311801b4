"""The knobs: every tunable setting, written once.

Notebook parameters, `-p name=value`, widgets and report rows all come from `Knobs`: its field names, defaults, choices,
units and one-line help. Impossible combinations are refused, all of them in one message, with the remedy.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import BadInput, Problem, unknown_name

Group = Literal["pages", "image path", "loading", "model", "device", "measuring"]


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

    image_decoder: Literal["pil", "opencv"] = _knob("pil", "image path", "library that decodes the images")
    cache: Literal["none", "decoded", "prepared"] = _knob(
        "none", "image path", "what is kept in memory: the decoded image, or the image prepared up to normalization"
    )
    cache_store: Literal["memory", "shared"] = _knob(
        "memory", "image path", "where a cache lies: in each process, or one copy for all workers"
    )
    normalize: Literal["albumentations", "conditional", "device"] = _knob(
        "albumentations", "image path", "who turns uint8 levels into normalized floats"
    )
    targets: Literal["compute", "none"] = _knob("compute", "image path", "how the target maps are made")

    loader: Literal["torch"] = _knob("torch", "loading", "what feeds the pages to the main process")
    num_workers: int = _knob(2, "loading", "loader worker processes; 0 loads in the main process", ge=0, le=64)
    prefetch_factor: int = _knob(2, "loading", "batches that each worker loads ahead", unit="batches", ge=1)
    persistent_workers: bool = _knob(True, "loading", "keep the workers alive from epoch to epoch")
    pin_memory: bool = _knob(False, "loading", "copy batches to page-locked memory (CUDA only)")
    start_method: Literal["fork", "spawn"] = _knob("fork", "loading", "how loader workers are started")
    batch_size: int = _knob(16, "loading", "pages in a batch", unit="pages", ge=1)

    encoder: str = _knob("resnet18", "model", "any timm encoder that gives feature maps")
    neck: Literal["fpn"] = _knob("fpn", "model", "what joins the encoder's feature maps")
    engine: Literal["eager"] = _knob("eager", "model", "how the model is executed")
    precision: Literal["fp32", "fp16", "bf16"] = _knob("fp32", "model", "arithmetic of the forward pass")
    channels_last: bool = _knob(False, "model", "memory format of model and images")

    device: Literal["auto", "cuda", "cpu", "replay"] = _knob(
        "auto", "device", "where the model runs; auto is cuda where there is one, else replay"
    )
    replay_ms_per_page: float = _knob(
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
    parity_pages: int = _knob(4, "measuring", "pages kept to be compared pixel by pixel", unit="pages", ge=0)
    timeout_s: float = _knob(
        600.0, "measuring", "a trial that takes longer is stopped", unit="s", gt=0.0, allow_inf_nan=False
    )

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
class Impossible:
    """A combination of knobs that cannot run, why, and the way out."""

    knobs: tuple[str, ...]
    applies: Callable[[Knobs], bool]
    what: str
    remedy: str

    def problem(self) -> Problem:
        """The combination as a problem of the input."""
        return Problem(self.what, where=" with ".join(self.knobs), remedy=self.remedy)


IMPOSSIBLE: tuple[Impossible, ...] = (
    Impossible(
        ("cache=prepared", "mode=train"),
        lambda k: k.cache == "prepared" and k.mode == "train",
        "the training chain starts with random transforms, so a page prepared once would be the same in every epoch",
        "Take cache=decoded, or mode=validate",
    ),
    Impossible(
        ("cache_store=shared", "cache=none"),
        lambda k: k.cache_store == "shared" and k.cache == "none",
        "there is no cache to share",
        "Take cache=decoded or cache=prepared, or cache_store=memory",
    ),
    Impossible(
        ("mode=train", "targets=none"),
        lambda k: k.mode == "train" and k.targets == "none",
        "the loss needs the target maps",
        "Take targets=compute, or mode=validate",
    ),
    Impossible(
        ("device=replay", "targets=none"),
        lambda k: k.device == "replay" and k.targets == "none",
        "the replay device predicts the targets' shrink map, which is then missing",
        "Take targets=compute, or device=cpu",
    ),
    Impossible(
        ("pin_memory", "device=cpu/replay"),
        lambda k: k.pin_memory and k.device in ("cpu", "replay"),
        "page-locked memory only serves copies to a CUDA device",
        "Take pin_memory=false, or device=cuda",
    ),
    Impossible(
        ("precision=fp16", "device=cpu"),
        lambda k: k.precision == "fp16" and k.device == "cpu",
        "half precision on the CPU is not supported by autocast for this model",
        "Take precision=bf16 or fp32, or device=cuda",
    ),
    Impossible(
        ("replay_record", "device=cpu/cuda"),
        lambda k: k.replay_record is not None and k.device in ("cpu", "cuda"),
        "only the replay device takes its times from a record",
        "Take device=replay, or leave replay_record out",
    ),
)


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
