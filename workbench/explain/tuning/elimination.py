"""Which settings leave the blocks: those that are clearly slower than the best one, however often one looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.explain.verdicts.comparison import has_failed
from workbench.explain.verdicts.effect import Samples, estimate, paired_log_ratios, verdict_of
from workbench.records import Policy, Record

#: A setting leaves after this many blocks at the earliest, with fewer of them known to be slower in one of ten searches
#: where it is not: what is reported rests on a comparison of its own.
_LEAST_BLOCKS, _CONFIDENCE = 2, 0.90

Records = Mapping[str, Sequence[Record]]


def leader(records: Records) -> str | None:
    """The name of the fastest variant by the blocks so far, but for the baseline, which comes first; None: none ran."""
    base, *others = records.items()
    centres = {
        name: float(np.mean(ratios))
        for name, trials in others
        if not has_failed(trials) and len(ratios := paired_log_ratios(trials, base[1]))
    }
    most = max((len(records[name]) for name in centres), default=0)
    alive = {name: centre for name, centre in centres.items() if len(records[name]) == most}
    return max(alive, key=alive.__getitem__) if alive else None


def losers(records: Records, policy: Policy) -> set[str]:
    """The variants that are clearly slower than the leader. The baseline, which comes first, never is."""
    first = leader(records)
    if first is None:
        return set()
    return {
        name
        for name, ratios, others in _beside(records, first)
        if (found := estimate(ratios, _rules(policy), num_compared=len(records) - 1, others=others))
        and found.ci95 is not None
        and found.ci95[1] < 1.0
    }


def is_settled(records: Records, policy: Policy) -> bool:
    """Whether nobody who is left could beat the leader by as much as matters."""
    first = leader(records)
    if first is None:
        return False
    if len(records[first]) < policy.min_blocks:
        return False
    rules = policy.model_copy(update={"known_spread": None})
    return all(
        verdict_of(estimate(ratios, rules, num_compared=len(records) - 1, others=others), rules)
        in ("slower", "no_difference")
        for _, ratios, others in _beside(records, first)
    )


def _rules(policy: Policy) -> Policy:
    """Those for leaving: earlier, and less sure."""
    # What is known of the spread is of ratios to a baseline, as those to a leader are.
    return policy.model_copy(update={"min_blocks": _LEAST_BLOCKS, "confidence": _CONFIDENCE})


def _beside(records: Records, first: str) -> list[tuple[str, Samples, list[Samples]]]:
    """For each variant that is still there beside the leader: its ratios to it, and those of all the others."""
    _, *names = records
    alive = [
        name
        for name in names
        if name != first and not has_failed(records[name]) and len(records[name]) == len(records[first])
    ]
    ratios = {name: paired_log_ratios(records[name], records[first]) for name in alive}
    return [(name, own, [ratios[other] for other in alive if other != name]) for name, own in ratios.items()]
