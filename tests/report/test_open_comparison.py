"""A comparison's parameters become a comparison: a new one, or one that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.measure.comparison.variants import STUDY_VARIANTS
from workbench.report.open_comparison import open_comparison

PAGES = {"dataset": str(Path(__file__).parents[2] / "data_samples"), "seed": 3}


def test_a_new_race_has_its_folder_and_its_rules(tmp_path):
    journal = open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], blocks=7, minutes=1.5, cold_cache=True)
    state = journal.state
    assert journal.folder.parent == tmp_path / "comparisons"
    assert list(state.variants) == ["baseline", "ram"]
    assert (state.seed, state.most_blocks, state.budget_s, state.cold_cache) == (3, 7, 90.0, True)
    assert (state.policy.planned_blocks, state.policy.budget_s) == (7, 90.0)


def test_without_variants_it_is_the_study(tmp_path):
    assert len(open_comparison(tmp_path, PAGES).state.variants) == len(STUDY_VARIANTS) + 1


def test_a_race_that_goes_on_keeps_its_variants_and_rules(tmp_path):
    (tmp_path / "runs").mkdir()
    begun = open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], blocks=3)
    journal = open_comparison(tmp_path, {}, blocks=6, resume=str(begun.folder))
    assert journal.state.variants == begun.state.variants
    assert journal.state.most_blocks == 6
    assert journal.state.policy.planned_blocks == 3


def test_variants_for_a_race_that_has_its_own_are_refused(tmp_path):
    with pytest.raises(BadInput, match="has its own"):
        open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], resume=str(tmp_path))
