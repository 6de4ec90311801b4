"""What is known of knobs before they run: which are inactive or fixed by others, and how to fix a combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadInput
from workbench.knobs.format import format_settings
from workbench.knobs.joined import knobs_of
from workbench.knobs.knob import Situation
from workbench.knobs.knobs import Knobs


@dataclass(frozen=True)
class Fix:
    """A knob that, set otherwise, makes a combination possible."""

    knob: str
    value: Any

    def __str__(self) -> str:
        """As a person writes it: ``"normalize=cached"``."""
        return format_settings({self.knob: self.value})


def inactive_knobs(situation: Situation) -> dict[str, str]:
    """The knobs that can change nothing, with the reasons."""
    found = {}
    for name, row in situation.knobs.rows().items():
        reasons = [rule.because for rule in row.inactive if rule.when(situation)]
        if reasons:
            found[name] = reasons[0]
    return found


def inactive_in_both(variant: Situation, baseline: Situation) -> dict[str, str]:
    """The knobs by which a variant differs from its baseline and that change nothing in either, with the reasons."""
    rows = variant.knobs.rows()
    found = {}
    for name in variant.knobs.differing(baseline.knobs):
        reasons = [rule.because for rule in rows[name].inactive if rule.when(variant) and rule.when(baseline)]
        if reasons:
            found[name] = reasons[0]
    return found


def fixed_by_others(knobs: Knobs) -> dict[str, str]:
    """The knobs with no other value that could run beside the others, with the reasons."""
    fixed = {}
    for name, row in knobs.rows().items():
        others = [choice for choice in row.choices if choice != getattr(knobs, name)]
        refused = [knobs.unchecked(**{name: choice}).refusals() for choice in others]
        if others and all(refused):
            first = refused[0][0]
            fixed[name] = f"{first.what} ({' with '.join(first.knobs)})"
    return fixed


def fixes(settings: Mapping[str, Any], *, keep: str = "", most: int = 3) -> list[Fix]:
    """Single knobs that make settings possible which cannot go together; none where there is nothing wrong.

    Args:
        settings: Values by knob name, as a person gave them.
        keep: The knob that was set last: it is meant, so setting it back is no fix.
        most: As many at most.
    """
    try:
        kind = knobs_of(settings)
        if kind.wrong_values(settings):
            return []  # a wrong value, and not a combination
    except BadInput:
        return []
    defaults = kind(workload=settings.get("workload", kind().workload)) if "workload" in settings else kind()
    knobs = defaults.unchecked(**{name: kind.typed(name, value) for name, value in settings.items()})
    refused = knobs.refusals()
    if not refused:
        return []
    named = {word.split("=")[0] for refusal in refused for word in refusal.knobs}
    found = [
        fix
        for fix in _single_changes(knobs)
        if fix.knob != keep and not knobs.unchecked(**{fix.knob: fix.value}).refusals()
    ]
    # What the messages speak of comes first.
    return sorted(found, key=lambda fix: fix.knob not in named)[:most]


def _single_changes(knobs: Knobs) -> Iterator[Fix]:
    for name, row in knobs.rows().items():
        value = getattr(knobs, name)
        if row.choices:
            yield from (Fix(name, choice) for choice in row.choices if choice != value)
        elif value != row.default:
            yield Fix(name, row.default)
