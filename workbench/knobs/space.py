"""The space of a search: knobs with the values that are tried, and the settings that these make together."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.advice import inactive_knobs
from workbench.knobs.format import format_settings, split_settings
from workbench.knobs.joined import SHIPPED
from workbench.knobs.knob import Knob, Situation
from workbench.knobs.knobs import Knobs

#: The knobs that one set has otherwise than the baseline, by name; none: the baseline itself.
Setting = Mapping[str, Any]

#: Of more combinations than these nobody asks for all: some tens of milliseconds each to simulate.
MOST_SETTINGS = 20_000

#: A value that cannot be had by itself is looked for together with as many others.
_MOST_TOGETHER = 5


@dataclass(frozen=True)
class Axis:
    """A knob of the search.

    Attributes:
        name: The knob.
        values: Its values; the first is the baseline's.
    """

    name: str
    values: tuple[Any, ...]

    @property
    def others(self) -> tuple[Any, ...]:
        """All values but the baseline's."""
        return self.values[1:]


@dataclass(frozen=True)
class Settings:
    """What a space holds.

    Attributes:
        possible: Those that can run, each once: knobs that are inactive beside the others are at the baseline's value.
            The baseline itself is the first one.
        impossible: Combinations that cannot run, by the reason.
        same: How many are the same as another one, since all that they set otherwise is inactive.
    """

    possible: list[dict[str, Any]]
    impossible: Counter[str] = field(default_factory=Counter)
    same: int = 0


@dataclass(frozen=True)
class Space:
    """Knobs with their values around a baseline.

    Attributes:
        baseline: The knobs that the search begins with.
        axes: What is searched.
    """

    baseline: Knobs
    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """Combinations, those that cannot run among them."""
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

    def without(self, name: str, value: Any) -> Space:
        """The space without a value of a knob; the baseline's own stays."""
        axes = []
        for axis in self.axes:
            if axis.name == name:
                axis = Axis(name, (axis.values[0], *(other for other in axis.others if other != value)))
            if axis.others:
                axes.append(axis)
        return replace(self, axes=tuple(axes))

    def knobs(self, setting: Setting) -> Knobs:
        """The knobs of a setting.

        Raises:
            BadInput: Where they cannot go together.
        """
        return self.baseline.changed(**setting)

    def settings(self, situation: Situation) -> Settings:
        """All that it holds.

        Args:
            situation: Of the baseline, where it runs: of a script it has what the script sets by itself.
        """
        names = [axis.name for axis in self.axes]
        found = Settings([{}])
        seen = {_key({})}
        for values in itertools.product(*(axis.values for axis in self.axes)):
            wanted = self._changes(dict(zip(names, values, strict=True)))
            why, setting = self.reduced(wanted, situation)
            if why:
                found.impossible[why] += 1
            elif (key := _key(setting)) not in seen:
                seen.add(key)
                found.possible.append(setting)
        same = self.size - len(found.possible) - found.impossible.total()
        return replace(found, same=same)

    def smallest_with(self, name: str, value: Any, situation: Situation) -> dict[str, Any] | None:
        """The setting of the fewest knobs that has a value, and in which that value can change something.

        Args:
            name: The knob.
            value: The value.
            situation: Of the baseline (see `settings`).

        Returns:
            None where there is none of up to five knobs.
        """
        others = [axis for axis in self.axes if axis.name != name]
        for count in range(min(_MOST_TOGETHER, len(others) + 1)):
            for chosen in itertools.combinations(others, count):
                for values in itertools.product(*(axis.others for axis in chosen)):
                    wanted = {axis.name: v for axis, v in zip(chosen, values, strict=True)}
                    why, setting = self.reduced({name: value, **wanted}, situation)
                    if not why and name in setting and len(setting) == count + 1:
                        return setting
        return None

    def _changes(self, setting: Setting) -> dict[str, Any]:
        """What of a setting differs from the baseline."""
        return {axis.name: setting[axis.name] for axis in self.axes if setting[axis.name] != axis.values[0]}

    def reduced(self, setting: Mapping[str, Any], situation: Situation) -> tuple[str, dict[str, Any]]:
        """Why a setting cannot run, or nothing; and what of it can change something.

        Args:
            setting: It.
            situation: Of the baseline (see `settings`).
        """
        if refused := self.baseline.unchecked(**setting).refusals():
            return str(refused[0].what), dict(setting)
        while inactive := _inactive(situation, setting):
            fewer = {name: value for name, value in setting.items() if name not in inactive}
            if self.baseline.unchecked(**fewer).refusals():
                break  # what can change nothing is still needed beside the others
            setting = fewer
        return "", dict(setting)


def _inactive(situation: Situation, setting: Setting) -> set[str]:
    """The knobs of a setting that can change nothing in it."""
    there = replace(situation, knobs=situation.knobs.unchecked(**setting), workers_started=None)
    return inactive_knobs(there).keys() & setting.keys()


def space_of(baseline: Knobs, names: Sequence[str] = (), axes: Sequence[str] = (), *, cores: int) -> Space:
    """The space that a person asks for.

    Args:
        baseline: What the search begins with.
        names: Knobs, with the values that their rows say are tried. Neither these nor axes: all knobs that say so.
        axes: Knobs with values of one's own: ``"num_workers=0,2,4"``.
        cores: Cores of the machine.

    Raises:
        BadInput: With all that is wrong with names and axes, and where nothing is left to be tried.
    """
    rows = baseline.rows()
    own, problems = split_settings(axes)
    values: dict[str, Sequence[Any]] = {}
    chosen = list(names) or ([] if own else [name for name, row in rows.items() if _tried(baseline, row, cores)])
    for name in dict.fromkeys(chosen):
        if name not in rows:
            problems.append(type(baseline).unknown(name))
        elif name in own:
            problems.append(Problem(f"'{name}' is named twice", remedy="Name it by --knobs, or by --grid"))
        elif not (found := _tried(baseline, rows[name], cores, by_name=True)):
            remedy = f"Name them: --grid {name}=VALUE,VALUE"
            problems.append(Problem(f"'{name}' has no values that are tried by themselves", "--knobs", remedy))
        else:
            values[name] = found
    for name, text in own.items():
        texts = [part.strip() for part in text.split(",")]
        wrong = [problem for part in texts for problem in baseline.wrong_values({name: part})]
        problems += dict.fromkeys(wrong)
        if not wrong:
            values[name] = [baseline.typed(name, part) for part in texts]
    problems += [
        Problem(f"'{name}' decides how a trial is looked at, and not what it does", remedy="Leave it out")
        for name in values
        if rows[name].role == "measuring"
    ]
    found_axes = [Axis(name, _from_own(getattr(baseline, name), tried)) for name, tried in values.items()]
    space = Space(baseline, tuple(axis for axis in found_axes if axis.others))
    if not problems and not space.axes:
        remedy = "Name knobs with values of your own: --grid num_workers=0,2,4"
        problems.append(
            Problem("there is nothing to search: no knob has another value than the baseline's", "", remedy)
        )
    if problems:
        raise BadInput("the space of the search", problems)
    return space


def _tried(baseline: Knobs, row: Knob, cores: int, *, by_name: bool = False) -> Sequence[Any]:
    """The values that a row says are tried. Of a workload of one's own, knobs with choices need not say so."""
    if row.tried:
        return row.tried(cores) if callable(row.tried) else row.tried
    is_own = baseline.workload not in SHIPPED and row.name not in Knobs.model_fields and row.role == "what"
    return row.choices if by_name or is_own else ()


def _from_own(own: Any, tried: Sequence[Any]) -> tuple[Any, ...]:
    """Values with the baseline's own first, each once."""
    return (own, *(value for place, value in enumerate(tried) if value != own and value not in tried[:place]))


def _key(setting: Setting) -> tuple[str, ...]:
    return tuple(sorted(map(repr, setting.items())))


def setting_name(setting: Setting) -> str:
    """What a setting is called: ``"num_workers=2 cache=prepared"``, or ``"baseline"``."""
    return format_settings(setting) if setting else "baseline"


def walk(space: Space) -> Iterator[tuple[str, Any]]:
    """Every value but the baseline's, knob by knob."""
    for axis in space.axes:
        for value in axis.others:
            yield axis.name, value
