"""Is the result of a variant still the baseline's? What was compared, and what came of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.records.part import Part

ParityStatus = Literal["same", "within_tolerance", "different"]


class PageParity(Part):
    """Differences of the pages that the model receives, in 8-bit levels."""

    max_levels: float
    mean_levels: float
    tolerance_levels: float
    tolerance_reason: str = ""
    num_pages: int
    status: ParityStatus


class TargetParity(Part):
    """Differences of the target maps, in 8-bit levels."""

    max_levels: float
    status: ParityStatus


class DetectionParity(Part):
    """Differences of what was detected: by the trials' own models, and by the shipped detector on the kept pages."""

    hmean_difference: float | None = Field(description="of the trials' own models; None where they prove nothing")
    num_pages_difference: int | None = None
    matched_words: int | None = Field(None, description="words that the shipped detector finds on both sides")
    unmatched_words: int | None = Field(None, description="words that it finds on one side only")
    status: ParityStatus


class CoverageParity(Part):
    """Did every page arrive, once an epoch, under its own name? The lists name the first few."""

    num_pages: int = Field(description="pages that both runs have seen")
    missing: list[str] = Field(default_factory=list, description="came less often than the others")
    repeated: list[str] = Field(default_factory=list, description="came more often than the others")
    wrong: list[str] = Field(default_factory=list, description="image or map isn't the baseline's")
    exchanged: list[str] = Field(default_factory=list, description="of these, the image is that of another page")
    num_wrong: int = 0
    status: ParityStatus


class Parity(Part):
    """Is the result still the same as the baseline's? None: not compared."""

    pages: PageParity | None = None
    targets: TargetParity | None = None
    detections: DetectionParity | None = None
    coverage: CoverageParity | None = None
    status: ParityStatus | None = None
    notes: list[str] = Field(default_factory=list)
