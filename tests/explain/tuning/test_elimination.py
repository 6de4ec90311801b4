"""Who leaves the blocks, and when nobody could win any more."""

from __future__ import annotations

import numpy as np
from record_factory import make_record

from workbench.explain.tuning.elimination import is_settled, leader, losers
from workbench.records import Policy

POLICY = Policy(planned_blocks=8)


def records(blocks=4, noise=0.01, seed=0, **speeds):
    draw = np.random.default_rng(seed)
    return {
        name: [make_record(100 * speed * float(np.exp(draw.normal(0, noise)))) for _ in range(blocks)]
        for name, speed in {"baseline": 1.0, **speeds}.items()
    }


def test_who_is_clearly_slower_than_the_best_leaves():
    found = records(fast=2.0, near=1.99, slow=1.5, slower=0.9)

    assert leader(found) in ("fast", "near")
    assert losers(found, POLICY) == {"slow", "slower"}


def test_the_baseline_never_leaves():
    assert losers(records(fast=2.0, slow=1.0), POLICY) == {"slow"}


def test_after_one_block_nobody_leaves():
    assert losers(records(1, fast=2.0, slow=1.0), POLICY) == set()


def test_of_equal_settings_hardly_one_in_ten_searches_loses_one():
    lost = sum(bool(losers(records(4, 0.03, seed, a=1.0, b=1.0, c=1.0), POLICY)) for seed in range(200))

    assert lost <= 30, "10 % of them may, and 30 are more than chance gives"


def test_settled_is_when_nobody_could_win_by_what_matters():
    assert is_settled(records(fast=2.0, slow=1.5), POLICY)
    assert is_settled(records(8, 0.003, fast=2.0, same=2.0), POLICY)
    assert not is_settled(records(4, 0.05, fast=2.0, perhaps=1.97), POLICY)
    assert not is_settled(records(2, fast=2.0, slow=1.5), POLICY), "two blocks are too few for any end"


def test_a_failed_setting_is_nobodys_rival():
    found = records(fast=2.0, broken=3.0)
    found["broken"][-1] = found["broken"][-1].model_copy(update={"status": "failed", "steady": None})

    assert leader(found) == "fast"
    assert is_settled(found, POLICY)


def test_without_any_other_there_is_no_leader():
    assert leader(records()) is None
    assert losers(records(), POLICY) == set()
    assert not is_settled(records(), POLICY)
