"""Names for the variants of a comparison that are given as runs: by the knobs in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.variants import BASELINE
from workbench.panel.run_cards import LEFT_OUT, changed_knobs, shown_value

_LONGEST = 60


def name_choices(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different, by all in which any two differ: ``"cache=none"``, ``"cache=decoded"``.

    Args:
        variants: Their knobs.
    """
    differing = {name for knobs in variants for other in variants for name in knobs.differing(other)} - set(LEFT_OUT)
    return _told_apart(
        " ".join(f"{knob}={shown_value(value)}" for knob, value in knobs if knob in differing) for knobs in variants
    )


def name_variants(variants: Sequence[Knobs]) -> list[str]:
    """A name for each, all of them different, by what it sets otherwise than the first, which is the baseline.

    Args:
        variants: Their knobs, the baseline's first.
    """
    baseline, *others = variants
    return [BASELINE, *_told_apart(" ".join(changed_knobs(knobs, baseline)) for knobs in others)]


def _told_apart(texts: Iterable[str]) -> list[str]:
    names: list[str] = []
    seen: Counter[str] = Counter()
    for text in texts:
        name = text or "same knobs"
        name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
