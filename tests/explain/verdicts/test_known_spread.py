"""What earlier comparisons say of a machine's spread, and what an interval makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from identical_variants import count_wrong
from record_factory import make_failed, make_record
from scipy import stats

from workbench.explain.verdicts import effect, spread
from workbench.explain.verdicts.comparison import compare
from workbench.explain.verdicts.effect import estimate, more_blocks
from workbench.explain.verdicts.known_spread import known_spread
from workbench.explain.verdicts.spread import Spread, spreads_to_go_by
from workbench.records import Comparison, KnownSpread, Policy

DRAWS = 600

QUIET = np.array([0.001, 0.003, 0.002])


def compared(*log_ratios: list[float]) -> Comparison:
    """A comparison of variants whose blocks have these ratios to the baseline's 100 samples per second."""
    names = ["baseline", *(f"variant {number}" for number in range(len(log_ratios)))]
    rates = [[0.0] * len(log_ratios[0]), *log_ratios]
    records = {
        name: [make_record(100.0 * float(np.exp(value))) for value in own]
        for name, own in zip(names, rates, strict=True)
    }
    return compare(records, baseline="baseline", order=[names] * len(log_ratios[0]), seed=0)


def known(value: float = 0.02) -> Policy:
    """Rules of a comparison where earlier ones have scattered so far."""
    return Policy(planned_blocks=4, known_spread=KnownSpread(value=value, num_comparisons=4, num_blocks=16))


def test_it_is_that_of_all_blocks_around_the_means_of_their_comparisons():
    found = known_spread([compared([0.1, 0.2, 0.3, 0.2, 0.2])] * 3)
    assert found is not None
    assert (found.num_comparisons, found.num_blocks) == (3, 15)
    assert found.value == pytest.approx(np.std([0.1, 0.2, 0.3, 0.2, 0.2], ddof=1))


def test_variants_of_one_comparison_count_as_one():
    found = known_spread([compared([0.1, 0.2, 0.3, 0.2, 0.2], [0.0, 0.0, 0.0, 0.0, 0.0])] * 3)
    assert found is not None
    assert found.num_blocks == 15
    assert found.value == pytest.approx(np.std([0.1, 0.2, 0.3, 0.2, 0.2], ddof=1) / 2**0.5)


@pytest.mark.parametrize(
    "comparisons",
    [
        [],
        [compared([0.1, 0.2, 0.3, 0.2, 0.2, 0.1, 0.3])] * 2,
        [compared([0.1, 0.2, 0.3])] * 4,
        [compared([0.0, 0.0, 0.0, 0.0, 0.0])] * 5,
        [compared([0.1])] * 20,
    ],
    ids=["none", "two", "of few blocks", "without any scatter", "of one block each"],
)
def test_too_little_says_nothing(comparisons):
    assert known_spread(comparisons) is None


def test_a_variant_that_failed_is_left_out():
    records = {"baseline": [make_record(100.0), make_record(101.0)], "broken": [make_failed("broken")]}
    broken = compare(records, baseline="baseline", order=[["baseline", "broken"], ["baseline"]], seed=0)
    assert known_spread([broken] * 20) is None


def test_blocks_that_scatter_less_may_rest_on_it_and_others_do_not():
    earlier = known().known_spread
    assert spreads_to_go_by(Spread(0.03), earlier) == [Spread(0.03)]
    assert spreads_to_go_by(Spread(0.01), earlier) == [Spread(0.01), Spread(0.02, 1.6)]
    assert spreads_to_go_by(Spread(0.01), None) == [Spread(0.01)]


def test_an_interval_is_never_wider_for_it_and_narrower_where_few_blocks_say_little():
    own = np.array([-0.019, 0.0, 0.019])
    alone, with_it = (estimate(own, policy).ci95 for policy in (Policy(planned_blocks=4), known()))
    assert alone[0] < with_it[0] < 1.0 < with_it[1] < alone[1]
    assert estimate(QUIET, known(5.0)) == estimate(QUIET, Policy(planned_blocks=4))
    assert more_blocks(own, known()) <= more_blocks(own, Policy(planned_blocks=4))


#: How restless baseline and variants are, against what earlier comparisons say: quieter, busier, one of them.
RESTLESS = [(0.5, 0.5), (1, 1), (1.5, 1.5), (2, 2), (3, 3), (2, 2, 2, 2), (1, 1, 1, 3), (3, 1, 1, 1)]


@pytest.mark.parametrize("restless", RESTLESS, ids=str)
def test_the_promise_is_kept_by_a_machine_that_has_become_quieter_or_busier(restless):
    """All verdicts of a comparison together, at whichever look."""
    assert stats.binomtest(_wrong(restless), DRAWS, 0.05, alternative="greater").pvalue > 1e-3


def test_one_that_were_always_believed_would_break_it(monkeypatch):
    """Planted: an interval that rests on what is known where the machine has become busier."""
    monkeypatch.setattr(
        effect, "spreads_to_go_by", lambda found, known: [found, Spread(known.value, found.worth + 0.6)]
    )
    assert stats.binomtest(_wrong((3, 3)), DRAWS, 0.05, alternative="greater").pvalue < 1e-3


def test_one_that_were_worth_much_more_would_break_it(monkeypatch):
    """Planted: a known spread that is taken for certain where the blocks scatter less."""
    monkeypatch.setattr(spread, "_KNOWN_WORTH", 30.0)
    assert stats.binomtest(_wrong((2, 2)), DRAWS, 0.05, alternative="greater").pvalue < 1e-3


def _wrong(restless: tuple[float, ...]) -> int:
    """In how many comparisons of identical variants one is called different; what is known is of restlessness 1."""
    return count_wrong(DRAWS, restless, known(0.02 * 2**0.5))
