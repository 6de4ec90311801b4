"""The claims of the case study as text."""

from __future__ import annotations

from collections.abc import Iterator

from examples.case_study.record import CaseStudy

COLUMNS = ("claim", "what it rested on", "measured here", "verdict")


def claim_lines(study: CaseStudy) -> Iterator[tuple[str, ...]]:
    """A row a claim, with a cell for each of `COLUMNS`."""
    for one in study.findings:
        simulated = " (simulated device)" if one.origin == "simulated" else ""
        yield (
            one.claim.said,
            f"{one.claim.quoted}; {one.claim.source}",
            f"{one.measured}{simulated}",
            f"{one.verdict}: {one.reason}",
        )
