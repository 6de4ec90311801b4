"""What is known of knobs before they run: which would change nothing, which are fixed by others, and fixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from workbench.errors import BadInput
from workbench.explain.checks.inactive_knobs import RULES
from workbench.knobs.combinations import IMPOSSIBLE, Impossible
from workbench.knobs.knobs import Knobs, describe_knobs
from workbench.records import Environment, Record


@dataclass(frozen=True)
class Fix:
    """One knob that, set otherwise, makes a combination possible."""

    knob: str
    value: Any

    def __str__(self) -> str:
        """As a person writes it: ``"normalize=cached"``."""
        return f"{self.knob}={str(self.value).lower() if isinstance(self.value, bool) else self.value}"


def without_effect_yet(knobs: Knobs, *, simulated: bool, gpu: str | None) -> dict[str, str]:
    """The knobs that would change nothing in a run, with the reasons.

    Args:
        knobs: As they are set.
        simulated: Whether the device would be the replay device.
        gpu: Name of the CUDA device, where there is one.
    """
    expected = _expected(knobs, simulated=simulated, gpu=gpu)
    return {name: rule.because for rule in reversed(RULES) if rule.applies(expected) for name in rule.knobs}


def fixed_by_others(knobs: Knobs) -> dict[str, str]:
    """The knobs with no other value that could run beside the others, with the reasons."""
    fixed = {}
    for info in describe_knobs():
        value = getattr(knobs, info.name)
        others = [choice for choice in info.choices if choice != value]
        refused = [_refusing(_with(knobs, info.name, choice)) for choice in others]
        if others and all(refused):
            fixed[info.name] = f"{refused[0][0].what} ({' with '.join(refused[0][0].knobs)})"
    return fixed


def fixes(settings: Mapping[str, Any], *, keep: str = "", most: int = 3) -> list[Fix]:
    """Single knobs that make settings possible which cannot go together; none where there is nothing wrong.

    Args:
        settings: Values by knob name, as a person gave them.
        keep: The knob that was set last: it is meant, so setting it back is no fix.
        most: So many at most.
    """
    try:
        Knobs.parse(settings)
    except BadInput as error:
        if not {rule.problem() for rule in IMPOSSIBLE}.issuperset(error.problems):
            return []  # a value that is none, and no combination
    else:
        return []
    typed = {name: _typed(name, value) for name, value in settings.items()}
    knobs = Knobs.model_construct(**{**Knobs().model_dump(), **typed})
    refused = _refusing(knobs)
    named = {word.split("=")[0] for rule in refused for word in rule.knobs}
    changes = [way for way in _single_changes(knobs) if way.knob != keep]
    found = [way for way in changes if not _refusing(_with(knobs, way.knob, way.value))]
    # What the messages speak of comes first.
    return sorted(found, key=lambda way: way.knob not in named)[:most]


def _single_changes(knobs: Knobs) -> Iterator[Fix]:
    for info in describe_knobs():
        value = getattr(knobs, info.name)
        if info.choices:
            yield from (Fix(info.name, choice) for choice in info.choices if choice != value)
        elif value != info.default:
            yield Fix(info.name, info.default)


def _typed(name: str, value: Any) -> Any:
    """The value that a knob takes this for, which it is known to take."""
    annotation: Any = Knobs.model_fields[name].annotation
    return TypeAdapter(annotation).validate_python(value)


def _refusing(knobs: Knobs) -> list[Impossible]:
    return [rule for rule in IMPOSSIBLE if rule.applies(knobs)]


def _with(knobs: Knobs, name: str, value: Any) -> Knobs:
    """The knobs with one of them set anew, whether or not that can run."""
    return knobs.model_copy(update={name: value})


def _expected(knobs: Knobs, *, simulated: bool, gpu: str | None) -> Record:
    """What would be known of a run of these knobs, before it has run."""
    environment = Environment(python="", platform="", cpu="", cores=1, memory_bytes=0, gpu=gpu)
    return Record(
        run_id="", created_at="", status="ok", knobs=knobs, simulated=simulated, environment=environment
    )
