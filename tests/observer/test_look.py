"""Samples made once more: what is random is found, also where it is rare."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest
import torch

from workbench.observer import look as looking


class Rows:
    """Samples, some of which are inverted: all that is drawn comes from torch's own generator."""

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def __len__(self) -> int:
        return 8

    def __getitem__(self, number: int) -> torch.Tensor:
        sign = -1.0 if torch.rand(1) < self.probability else 1.0
        return sign * torch.full((2, 3), float(number + 1))


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Looks at a data set; gives what the observer tells of it."""

    def run(dataset: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        session = types.SimpleNamespace(
            settings={"checked_samples": 4},
            folder=str(tmp_path),
            lane=lambda name: types.SimpleNamespace(kept=None),
            tell=lambda fact, **values: facts.update({fact: values}),
        )
        as_it_is = types.SimpleNamespace(applied=lambda batch: batch)
        monkeypatch.setattr(looking, "chosen", lambda: types.SimpleNamespace(normalization=as_it_is))
        monkeypatch.setattr(looking, "watch_datasets", lambda session, dataset: [])
        monkeypatch.setattr(looking, "samples_of", lambda session, dataset, loader: None)
        looking.look(session, dataset, torch.stack, "train.py:1")
        assert json.loads((tmp_path / "look.json").read_text())["num_samples"] == 8
        return facts["varied"]

    return run


@pytest.mark.parametrize(("probability", "is_random"), [(0.0, False), (0.2, True), (0.5, True)])
def test_a_transform_that_is_seldom_applied_is_random_all_the_same(told, probability, is_random):
    assert bool(told(Rows(probability))["varying"]) is is_random
