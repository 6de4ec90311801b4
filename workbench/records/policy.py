"""When a difference is called one, and when sampling ends."""

from __future__ import annotations

from pydantic import Field

from workbench.records.part import Part


class Policy(Part):
    """The rules of a comparison, fixed before its first trial. Printed in every report."""

    confidence: float = Field(0.95, description="of all intervals of a comparison together, however often one looks")
    min_effect: float = Field(0.02, description="a ratio nearer to 1 than this is no difference that matters")
    min_blocks: int = Field(3, ge=2, description="with fewer complete blocks there is no verdict")
    planned_blocks: int = Field(5, ge=1, description="blocks over which the error budget is laid out")
    budget_s: float | None = Field(
        None, description="no block begins that would probably end later than this after the start; None: no limit"
    )
    kept_error: float = Field(0.2, description="share of the error budget kept for blocks that are added later")
    disturbed_share: float = Field(
        0.1, description="a trial beside which other processes kept this share of the cores busy was disturbed"
    )
    disturbed_steal: float = Field(0.05, description="likewise where this share of the cores was taken by the host")
    repeats: int = Field(1, ge=0, description="how often a disturbed trial is repeated within its block")
    busy_share: float = Field(
        0.5, description="where more than this share of the trials was disturbed, none is repeated: it is never quiet"
    )
