"""A comparison's parameters become a comparison: a new one, or one that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.report.open_comparison import open_comparison
from workbench.workloads.ocr.knobs import OcrKnobs

PAGES = {"dataset": str(Path(__file__).parents[2] / "data_samples"), "seed": 3}


def test_a_new_comparison_has_its_folder_and_its_rules(tmp_path):
    journal = open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], blocks=7, minutes=1.5, cold_cache=True)
    state = journal.state
    assert journal.folder.parent == tmp_path / "comparisons"
    assert list(state.variants) == ["baseline", "ram"]
    assert (state.seed, state.most_blocks, state.cold_cache) == (3, 7, True)
    assert (state.policy.planned_blocks, state.policy.budget_s) == (7, 90.0)


def test_without_variants_it_is_those_that_the_workload_suggests(tmp_path):
    assert len(open_comparison(tmp_path, PAGES).state.variants) == len(OcrKnobs.suggested_variants) + 1


def test_a_comparison_that_goes_on_keeps_its_variants_and_rules(tmp_path):
    (tmp_path / "runs").mkdir()
    begun = open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], blocks=3)
    journal = open_comparison(tmp_path, {}, blocks=6, resume=str(begun.folder))
    assert journal.state.variants == begun.state.variants
    assert journal.state.most_blocks == 6
    assert journal.state.policy.planned_blocks == 3


@pytest.mark.parametrize(("minutes", "budget_s"), [(0.0, None), (2.0, 120.0)])
def test_a_comparison_that_goes_on_has_the_new_time_limit(tmp_path, minutes, budget_s):
    (tmp_path / "runs").mkdir()
    begun = open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], minutes=1.5)
    journal = open_comparison(tmp_path, {}, minutes=minutes, resume=str(begun.folder))
    assert journal.state.policy.budget_s == budget_s


def test_variants_for_a_comparison_that_has_its_own_are_refused(tmp_path):
    with pytest.raises(BadInput, match="has its own"):
        open_comparison(tmp_path, PAGES, variants=["ram: cache=decoded"], resume=str(tmp_path))
