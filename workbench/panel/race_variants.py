"""Names for the variants of a race that are given as runs: by the knobs in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.knobs import Knobs
from workbench.panel.run_cards import LEFT_OUT, shown_value

_LONGEST = 60


def name_variants(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different: ``"cache=none"``, ``"cache=decoded"``.

    Args:
        variants: Their knobs.
    """
    names: list[str] = []
    seen: Counter[str] = Counter()
    differing = {name for knobs in variants for other in variants for name in knobs.differing(other)} - set(LEFT_OUT)
    for knobs in variants:
        name = " ".join(f"{knob}={shown_value(value)}" for knob, value in knobs if knob in differing) or "same knobs"
        name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
