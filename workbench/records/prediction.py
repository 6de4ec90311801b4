"""What a change would gain, predicted from one run: written down before the comparison that tests it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from workbench.records.part import Part


class PredictedValue(Part):
    """A figure from the simulator, with the interval in which 9 of 10 measured ones should lie."""

    estimate: float
    low: float
    high: float


class Prediction(Part):
    """What a change would do to a run. All figures but the measured one are simulated."""

    run_id: str = Field(description="the run that it rests on")
    changes: list[str] = Field(description="what is changed, as a person asks for it; together they are one change")
    settings: dict[str, Any] = Field(default_factory=dict, description="the knobs that would do it, where knobs do")
    measured_samples_per_s: float = Field(description="of the run that it rests on")
    samples_per_s: PredictedValue
    gain: PredictedValue = Field(description="throughput after the change over that before, less 1: 0.05 for 5 %")
    limited_by: str = Field(description="what bounds the run after the change, as text")
    assumptions: list[str] = Field(default_factory=list)
