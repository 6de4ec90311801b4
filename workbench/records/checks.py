"""Is what the model gets, and what comes of it, still the baseline's? What was compared, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from workbench.records.parts import Part

CheckStatus = Literal["same", "within_tolerance", "cannot_tell", "different", "not_comparable"]

#: From the best to the worst that can be said of several checks together.
_ORDER: tuple[CheckStatus, ...] = ("same", "within_tolerance", "cannot_tell", "different")


class Check(Part):
    """One thing that was compared between two trials."""

    name: str = Field(description="what was compared, as a heading")
    status: CheckStatus
    measured: str = Field(description="the figures, with their unit")
    allowed: str = Field("", description="what would pass for the same")
    reason: str = Field("", description="why so much is allowed, or why nothing could be compared")
    samples: list[str] = Field(default_factory=list, description="names of the first few samples that differ")


class Checks(Part):
    """All checks of a variant against its baseline."""

    checks: list[Check] = Field(default_factory=list)
    num_samples: int = Field(0, description="samples that both trials have seen")
    notes: list[str] = Field(default_factory=list)
    compared_scores: list[str] = Field(
        default_factory=list, description="figures of quality that one of the checks stands for"
    )

    @property
    def status(self) -> CheckStatus:
        """The worst of what could be compared; `not_comparable` where nothing could."""
        found = [check.status for check in self.checks if check.status != "not_comparable"]
        return max(found, key=_ORDER.index) if found else "not_comparable"

    @property
    def is_different(self) -> bool:
        """Whether the result is another one."""
        return self.status == "different"


def status_of(measured: float, same: float, tolerance: float) -> CheckStatus:
    """Where a difference stands between what passes for the same and what is tolerated."""
    if measured <= same:
        return "same"
    return "within_tolerance" if measured <= tolerance else "different"


def names_of(samples: Sequence[str], most: int = 5) -> list[str]:
    """The first few names of a longer list."""
    return list(samples[:most])


def with_coverage(coverage: Check, values: Sequence[Check]) -> list[Check]:
    """The check that every sample came, before those of what was in the samples.

    That every sample came proves nothing by itself: where no values could be compared, a good coverage is not a result.
    """
    is_proof = coverage.status == "different" or any(check.status != "not_comparable" for check in values)
    if not is_proof:
        reason = "that every sample came proves nothing of its values, and none were compared"
        coverage = coverage.model_copy(update={"status": "not_comparable", "reason": reason})
    return [coverage, *values]
