"""Throughput over time: a line for every set of knobs on every machine."""

from __future__ import annotations

from drawn import said, shown, subtitle
from record_factory import make_failed, make_record

from workbench.explain.figures.history import history, rate_history


def dated(day: int, rate: float, **knobs):
    record = make_record(rate, name=f"{day}", **knobs)
    return record.model_copy(update={"created_at": f"2026-01-{day:02}T00:00:00+00:00"})


def test_a_line_joins_what_can_be_compared():
    trials = [dated(1, 100), dated(2, 110), dated(2, 300, cache="decoded"), make_failed()]
    data = rate_history(trials)
    found = [(knobs, len(records)) for (knobs, _), records in data.lines.items()]
    assert found == [("defaults", 2), ("cache=decoded", 1)]
    figure = history(trials)
    assert {trace.name: list(trace.y) for trace in figure.data} == {"defaults": [100, 110], "cache=decoded": [300]}
    assert "pages/s" in figure.layout.yaxis.title.text
    assert "simulated" in subtitle(figure)
    assert ("2026-01-02T00:00", "cache=decoded", "300") in said(figure).table.texts


def test_trials_of_another_machine_are_another_line():
    other = dated(2, 50)
    environment = other.environment.model_copy(update={"cpu": "another CPU"})
    assert len(rate_history([dated(1, 100), other.model_copy(update={"environment": environment})]).lines) == 2


def test_trials_of_different_items_are_counted_in_samples():
    images, pages = (dated(1, 100).model_copy(update={"item": item}) for item in ("image", "page"))
    assert rate_history([images]).item == "image"
    assert rate_history([images, pages]).item == "sample"


def test_without_trials_it_says_so():
    assert said(history([make_failed()])).title == "No trial has ended well yet."


def test_names_cannot_break_the_page():
    assert "<script>" not in str(shown(history([dated(1, 100, dataset="/pages/<script>")])))
