"""What was claimed, what was measured here, and whether it holds: the case study as tables."""

from __future__ import annotations

from collections.abc import Sequence

from examples.case_study.findings.evidence import told_gain
from examples.case_study.record import CaseStudy, ClaimVerdict, Finding, PredictedGain
from workbench.explain.prediction.gain_map import format_gain
from workbench.explain.table import Cell, Table, Tone, code, make_table

_TONES: dict[ClaimVerdict, Tone] = {"holds": "good", "does not hold": "alarm", "cannot be told": "soft"}


def claims_table(study: CaseStudy) -> Table:
    """A row a claim: what was said and with which figures, what was measured, and the verdict with its reason."""
    columns = ("claim", "what it rested on", "measured here", "verdict")
    caption = "Every claim by itself; intervals in brackets hold 95 %, ranges in parentheses go over all trials."
    return make_table(columns, [_claim_row(finding) for finding in study.findings], caption=caption, is_wide=True)


def gains_table(gains: Sequence[PredictedGain]) -> Table:
    """A row a variant: its gain predicted from one run of the baseline, and measured."""
    columns = ("variant", "asked", "predicted gain", "measured gain", "predicted well?")
    caption = "Gain of pages per second. Predicted: simulated from the first run of the baseline, interval of 90 %; "
    caption += "measured: 95 %."
    return make_table(columns, [_gain_row(gain) for gain in gains], caption=caption, is_wide=True)


def _claim_row(finding: Finding) -> tuple[Cell, ...]:
    simulated = (Cell("simulated device"),) if finding.origin == "simulated" else ()
    return (
        Cell(finding.claim.said, style="strong"),
        Cell(finding.claim.quoted, below=(Cell(finding.claim.source),)),
        Cell(finding.measured, below=simulated),
        _verdict(finding.verdict, finding.reason),
    )


def _gain_row(gain: PredictedGain) -> tuple[Cell | str, ...]:
    first, *others = map(code, gain.questions or [""])
    asked = Cell(first.text, style="code", below=tuple(others)) if gain.questions else Cell("-")
    predicted = "-" if gain.predicted is None else format_gain(gain.predicted)
    measured = "-" if gain.measured is None else told_gain(gain.measured)
    return gain.variant, asked, predicted, measured, _verdict(gain.verdict, gain.reason)


def _verdict(verdict: ClaimVerdict, reason: str) -> Cell:
    return Cell(verdict, _TONES[verdict], "strong", below=(Cell(reason),))
