"""The search as a figure and as tables."""

from __future__ import annotations

import pytest
from pretended_machine import Machine, product_of

from workbench.explain.figures.tuning import search_data, search_figure, trades_table, values_table
from workbench.records import Tuning


@pytest.fixture(scope="module")
def tuning(tmp_path_factory) -> Tuning:
    cache = {("cache", "prepared"): 2.0, ("cache", "decoded"): 1.3}
    factors = {**cache, ("num_workers", 4): 1.1, ("transport", "ring"): 0.9}
    machine = Machine(product_of(factors))
    return machine.run(machine.begin(tmp_path_factory.mktemp("search"), minutes=10.0))


def test_what_was_compared_comes_first_then_what_was_predicted(tuning):
    data = search_data(tuning)

    assert data.rows[0].measured is not None and data.rows[0].name == "cache=prepared num_workers=4"
    measured = [row.measured is not None for row in data.rows]
    assert measured == sorted(measured, reverse=True)
    assert data.best_low is not None and 1.0 < data.best_low < 2.2


def test_the_figure_shows_both_with_their_intervals(tuning):
    figure = search_figure(tuning)
    predicted, *others = figure.data

    assert "predicted" in predicted.name and others and all("measured" in trace.name for trace in others)
    assert len(predicted.x) == len(predicted.error_x.array)
    assert sum(len(trace.x) for trace in others) == sum(row.measured is not None for row in search_data(tuning).rows)
    assert "baseline" in figure.layout.xaxis.title.text


def test_a_search_that_has_found_nothing_yet_is_an_empty_figure(tuning):
    empty = tuning.model_copy(update={"candidates": []})

    assert not search_figure(empty).data


def test_the_answer_has_the_baseline_and_says_what_was_confirmed(tuning):
    rows = trades_table(tuning).texts

    assert rows[0][0] == "cache=prepared num_workers=4" and rows[0][2] == "a fresh comparison"
    assert rows[-1][0] == "baseline" and rows[-1][1] == "1.00x"
    assert trades_table(tuning.model_copy(update={"trades": []})).notes


def test_a_row_for_each_short_trial(tuning):
    assert values_table(tuning).texts[0][0] == "baseline"
    assert len(values_table(tuning).texts) == len(tuning.values)
