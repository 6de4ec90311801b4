"""A full set of knobs: those of measuring, joined with those of one workload in one flat namespace."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar
from weakref import WeakKeyDictionary

from pydantic import ValidationError, ValidationInfo, model_validator

from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.format import format_value, split_settings
from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.knob import Inactive, Knob, Slice, knob, row_of
from workbench.knobs.measuring import OWN_THREADS, DeviceKnobs, LoaderKnobs, TrialKnobs
from workbench.knobs.ranks import RankKnobs
from workbench.knobs.variables import VariableKnobs
from workbench.stages import Catalogue, Stage

#: The workload where nobody names another.
DEFAULT_WORKLOAD = "ocr"

#: Names that knobs had before, for whoever still writes them.
_RENAMED = {
    "replay_ms_per_page": "replay_ms_per_sample",
    "parity_pages": "checked_samples",
    "alone_pages": "isolated_samples",
    "epochs": "epoch_overlap (epochs=joined is epoch_overlap=true)",
    "freed_memory": "malloc_retain (freed_memory=kept is malloc_retain=true)",
}

#: Types of values whose text means the same, by name.
_SCALARS = ("bool", "int", "float", "str")

#: The context of a validation that looks at values one by one, and not at combinations.
_ONE_BY_ONE = "one by one"

AnySlice = TypeVar("AnySlice", bound=Slice)

#: The rows of each class of knobs. A workload's module that is loaded anew makes another class.
_ROWS: WeakKeyDictionary[type[Knobs], dict[str, Knob]] = WeakKeyDictionary()


class Knobs(LoaderKnobs, InferenceKnobs, DeviceKnobs, RankKnobs, VariableKnobs, TrialKnobs):
    """A full set of knobs: all that decides what a trial does.

    A class of its own for every workload (`knobs.joined`), which adds the workload's knobs to these.

    Raises:
        pydantic.ValidationError: For an unknown name or a value of the wrong kind. Input from a user goes through
            `knobs.joined.parse_knobs`, which turns that into one `BadInput`.
        ImpossibleKnobs: For combinations that cannot run: all of them, each with what to do about it.
    """

    #: What the workload calls its samples: "page", "image".
    item: ClassVar[str] = "sample"

    #: The workload's own stages.
    own_stages: ClassVar[Sequence[Stage]] = ()

    #: Groups of knobs in the order in which people meet them.
    groups: ClassVar[Sequence[str]] = ("workload", "loading", "model", "device", "measuring")

    #: Variants that are worth comparing with the defaults, for whoever names none: ``"name: knob=value knob=value"``.
    suggested_variants: ClassVar[Sequence[str]] = ("no workers: num_workers=0",)

    #: What all variants of such a comparison share, so that it is over soon.
    suggested_common: ClassVar[Mapping[str, Any]] = {"num_workers": 2}

    #: Presets of the lab: settings by name.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    #: The knobs that the lab shows before the folded groups: those that people turn most.
    in_front: ClassVar[Sequence[str]] = ("num_workers", "batch_size")

    #: Rules that a workload adds to knobs that are not its own: when they can change nothing.
    extra_inactive: ClassVar[Mapping[str, Sequence[Inactive]]] = {}

    workload: str = knob(
        DEFAULT_WORKLOAD,
        "workload",
        "what is measured: ocr, or package.module:Name of a workload of your own, whose code is run",
    )

    @model_validator(mode="after")
    def _refuse_impossible(self, info: ValidationInfo) -> Self:
        if info.context == _ONE_BY_ONE:
            return self
        problems = [refusal.problem() for refusal in self.refusals()]
        if problems:
            raise ImpossibleKnobs("impossible combination of knobs", problems)
        return self

    @model_validator(mode="after")
    def _refuse_stages(self, info: ValidationInfo) -> Self:
        problems = [] if info.context == _ONE_BY_ONE else [*self._not_replayed(), *self._not_timed()]
        if problems:
            raise ImpossibleKnobs("impossible combination of knobs", problems)
        return self

    def _not_replayed(self) -> Iterator[Problem]:
        catalogue = self.catalogue()
        wrong = [name for name in self.knock_out if catalogue.is_declared(name) and name not in catalogue.replayable()]
        if wrong:
            what = f"{', '.join(wrong)} cannot be replayed from memory"
            yield Problem(what, "knock_out", f"These can: {', '.join(catalogue.replayable())}")

    def _not_timed(self) -> Iterator[Problem]:
        """Stages of loader workers, where the loader has threads of its own in their place, which nobody times."""
        if self.loader not in OWN_THREADS:
            return
        catalogue = self.catalogue()
        timed = {stage.name for stage in catalogue if stage.lane != "worker"}
        for name, stages in (("slow_down", self.slow_down), ("knock_out", self.knock_out)):
            if wrong := [stage for stage in stages if catalogue.is_declared(stage) and stage not in timed]:
                what = f"{', '.join(wrong)} would run in threads of the loader's own, whose stages are not timed"
                remedy = f"Take loader=torch, or leave {'it' if len(wrong) == 1 else 'them'} out"
                yield Problem(what, f"loader={self.loader} with {name}", remedy)

    @classmethod
    def catalogue(cls) -> Catalogue:
        """The stages of the measured loop and of the workload."""
        return Catalogue(cls.own_stages)

    @classmethod
    def rows(cls) -> dict[str, Knob]:
        """Every knob by name, group by group."""
        found = _ROWS.get(cls)
        if found is None:  # they are asked for with every record that is read
            found = _ROWS[cls] = cls._make_rows()
        return dict(found)

    @classmethod
    def _make_rows(cls) -> dict[str, Knob]:
        rows = {name: row_of(name, info) for name, info in cls.model_fields.items()}
        for name, rules in cls.extra_inactive.items():
            rows[name] = replace(rows[name], inactive=(*rows[name].inactive, *rules))
        order = [*cls.groups, *(row.group for row in rows.values() if row.group not in cls.groups)]
        return dict(sorted(rows.items(), key=lambda entry: order.index(entry[1].group)))

    def data_files(self) -> list[Path]:
        """Files that a trial reads again in every epoch: comparisons bring the file cache to the same state for all."""
        return []

    def data_settings(self) -> dict[str, Any]:
        """The settings that decide which data set is read; two trials with the same ones need it checked once."""
        return self.model_dump()

    def refusals(self) -> list[Any]:
        """The combinations among these knobs that cannot run."""
        return [refusal for row in self.rows().values() for refusal in row.refused if refusal.when(self)]

    def differing(self, other: Knobs) -> dict[str, Any]:
        """The knobs of `self` that `other` sets differently, or has not, in the order of the rows."""
        missing = object()
        names = self.rows()
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(other, name, missing)}

    def compared(self, other: Knobs | None = None) -> dict[str, Any]:
        """The knobs that differ from another set (from the defaults), but for how a trial is looked at.

        This is the one rule for what is shown as a difference, what makes two trials comparable, and what a command
        that repeats a trial has to name.
        """
        rows = self.rows()
        base = other if other is not None else type(self)(workload=self.workload)
        changed = self.differing(base)
        return {name: value for name, value in changed.items() if name not in rows or rows[name].role != "measuring"}

    def changed(self, **settings: Any) -> Self:
        """These knobs with some of them set anew.

        Raises:
            BadInput: For names that are not known, wrong values, and combinations that cannot run.
        """
        return type(self).parse_own({**self.model_dump(), **settings})

    def unchecked(self, **settings: Any) -> Self:
        """Likewise, whether or not that can run; the values must be of the right type."""
        return self.model_copy(update=settings)

    def slice(self, kind: type[AnySlice]) -> AnySlice:
        """The part of these knobs that a room needs, without any of the others."""
        values = {name: getattr(self, name) for name in kind.model_fields}
        return kind.model_construct(**values)  # type: ignore[return-value]  # mypy 2.4 widens the bound

    @classmethod
    def parse_own(cls, settings: Mapping[str, Any], *, subject: str = "knobs") -> Self:
        """Knobs of this very class from settings that a person gave; texts are converted.

        Args:
            settings: Values by knob name; what isn't named keeps its default. Text such as ``"2"``, ``"true"`` or
                ``"none"`` is taken for the value it means, and a value of another type for what its text means.
            subject: What the settings are, for the message.

        Raises:
            BadInput: For unknown names, wrong values and impossible combinations: all of them, with the remedy.
        """
        rows = cls.rows()
        problems = [cls.unknown(name) for name in settings if name not in rows]
        known = {name: _meant(rows[name], value) for name, value in settings.items() if name in rows}
        try:
            knobs = cls(**known)
        except ImpossibleKnobs as error:
            raise BadInput(subject, [*problems, *error.problems]) from None
        except ValidationError as error:
            problems += [_wrong_value(rows, detail) for detail in error.errors()]
            raise BadInput(subject, problems) from None
        if problems:
            raise BadInput(subject, problems)
        return knobs

    @classmethod
    def unknown(cls, name: str) -> Problem:
        """The problem of a name that is not a knob, with the knob that was probably meant."""
        if name in _RENAMED:
            return Problem(f"there is no knob named '{name}'", remedy=f"It is called {_RENAMED[name]} now")
        return unknown_name("knob", name, cls.rows())

    @classmethod
    def wrong_values(cls, settings: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with settings taken one by one: unknown names and wrong values, but no combinations."""
        rows = cls.rows()
        problems: list[Problem] = []
        for name, value in settings.items():
            if name not in rows:
                problems.append(cls.unknown(name))
                continue
            try:
                cls.model_validate({name: _meant(rows[name], value)}, context=_ONE_BY_ONE)
            except ValidationError as error:
                problems += [_wrong_value(rows, detail) for detail in error.errors()]
        return problems

    @classmethod
    def typed(cls, name: str, value: Any) -> Any:
        """The value that a knob takes this for, by itself."""
        meant = _meant(cls.rows()[name], value)
        return getattr(cls.model_validate({name: meant}, context=_ONE_BY_ONE), name)


class ImpossibleKnobs(BadInput):
    """Knobs that are each fine and cannot go together."""


def read_settings(items: Iterable[str], knobs: type[Knobs], *, subject: str = "knobs") -> dict[str, Any]:
    """Values by knob name from ``name=value`` items.

    Raises:
        BadInput: For items without ``=``, knobs that are set twice, unknown names and wrong values: all of them.
            Combinations are not looked at: there may be more to come.
    """
    settings, problems = split_settings(list(items))
    problems += knobs.wrong_values(settings)
    if problems:
        raise BadInput(subject, problems)
    return {name: knobs.typed(name, text) for name, text in settings.items()}


def _meant(row: Knob, value: Any) -> Any:
    """A value as pydantic takes it: one of another type (of YAML, of a notebook's cell) means what its text means.

    So command line and parameters have one rule: `true` is no number of workers, `2024` may be a folder's name, and a
    bool may be written as YAML has it (true, yes, on, 1), with or without quotes.
    """
    is_scalar = value is None or isinstance(value, bool | int | float)
    is_other = type(value).__name__ != row.kind and not any(value is choice for choice in row.choices)
    if is_scalar and is_other and row.kind in _SCALARS:
        value = str(value).lower()
    if row.is_optional and isinstance(value, str) and value.strip().lower() in ("", "none", "null"):
        return None
    return value


def _wrong_value(rows: Mapping[str, Knob], detail: Any) -> Problem:
    name, given = ".".join(str(part) for part in detail["loc"]), detail["input"]
    is_short = isinstance(given, str | int | float)
    where, what = (f"{name}={format_value(given)}", "is") if is_short else (name, f"{given!r} is")
    row = rows.get(name)
    if row is None or not row.choices:
        return Problem(f"{what} not a value of it ({_because(detail['msg'])})", where)
    choices = [format_value(choice) for choice in row.choices]
    close = difflib.get_close_matches(str(given), choices, n=1)
    meant = f". Did you mean '{close[0]}'?" if close else ""
    return Problem(f"{what} not a value of it", where, f"Choices: {', '.join(choices)}{meant}")


def _because(message: str) -> str:
    """What pydantic says, as the end of a sentence."""
    said = message.removeprefix("Value error, ")
    return said[:1].lower() + said[1:]
