"""Searches look at many bounds; a rough one is enough where no share of wrong verdicts is counted to a per cent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench.explain.verdicts import error_budget


@pytest.fixture(autouse=True)
def rough_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    error_budget._bounds.cache_clear()
    monkeypatch.setattr(error_budget, "_COMPARISONS", 20_000)
    yield
    error_budget._bounds.cache_clear()
