"""Throughput over time: a line for every set of knobs on every machine."""

from __future__ import annotations

from record_factory import make_failed, make_record

from workbench.explain.figures.history import history


def dated(day: int, rate: float, **knobs):
    record = make_record(rate, name=f"{day}", **knobs)
    return record.model_copy(update={"created_at": f"2026-01-{day:02}T00:00:00+00:00"})


def test_a_line_joins_what_can_be_compared():
    figure = history([dated(1, 100), dated(2, 110), dated(2, 300, cache="decoded"), make_failed()])
    assert {trace.name: list(trace.y) for trace in figure.data} == {"defaults": [100, 110], "cache=decoded": [300]}
    assert "pages/s" in figure.layout.yaxis.title.text
    assert "simulated" in str(figure.layout.title)


def test_trials_of_another_machine_are_another_line():
    other = dated(2, 50)
    environment = other.environment.model_copy(update={"cpu": "another CPU"})
    figure = history([dated(1, 100), other.model_copy(update={"environment": environment})])
    assert len(figure.data) == 2


def test_without_trials_it_says_so():
    assert "No trial" in str(history([make_failed()]).layout)


def test_names_cannot_break_the_page():
    figure = history([dated(1, 100, dataset="/pages/<script>")])
    assert "<script>" not in figure.data[0].name + figure.data[0].hovertemplate
