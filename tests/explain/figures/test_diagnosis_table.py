"""Causes and changes as tables; whatever they hold is text."""

from __future__ import annotations

from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.plan import PlanStep
from workbench.explain.figures.diagnosis_table import diagnosis_table, plan_table
from workbench.records import PredictedValue

GAIN = PredictedValue(estimate=0.3, low=0.2, high=0.4)


def test_causes_stand_with_what_they_cost():
    table = diagnosis_table([Cause("loader-bound", "decode", "It takes 8 ms a page (`cache=prepared`).", 0.25)])
    assert "loader-bound by &#x27;decode&#x27;" in table
    assert "25.0 % of the time" in table
    assert "<code>cache=prepared</code>" in table


def test_healthy_costs_nothing():
    assert ">nothing<" in diagnosis_table([Cause("healthy", None, "All is well.", 0.0)])


def test_changes_stand_with_gain_price_and_command():
    command = "workbench compare --variant 'a: b=c'"
    step = PlanStep("cache=prepared", "loader-bound", GAIN, None, True, "78.6 MB", command)
    table = plan_table([step])
    assert "30.0 % [20.0 %, 40.0 %] (simulated)" in table
    assert "78.6 MB" in table
    assert "workbench compare --variant &#x27;a: b=c&#x27;" in table


def test_names_are_text():
    fault = "<script>alert(1)</script>"
    step = PlanStep(fault, fault, None, 0.1, False, fault, fault)
    for table in (diagnosis_table([Cause("loader-bound", fault, fault, 0.2)]), plan_table([step])):
        assert "<script>" not in table
        assert "&lt;script&gt;" in table


def test_nothing_to_show_is_said():
    assert "No stage was timed" in diagnosis_table([])
    assert "No knob" in plan_table([])
