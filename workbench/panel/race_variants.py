"""Names for the variants of a race that are given as runs: by what they change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.knobs import Knobs
from workbench.panel.run_cards import changed_knobs

_LONGEST = 60


def name_variants(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different; the first is the baseline, and says so where it changes nothing.

    Args:
        variants: The knobs, the baseline's first.
    """
    names: list[str] = []
    seen: Counter[str] = Counter()
    for knobs in variants:
        name = " ".join(changed_knobs(knobs, Knobs())) or "defaults"
        name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
