"""What was claimed, what was measured here, and whether it holds: the case study as tables."""

from __future__ import annotations

import html
from collections.abc import Sequence

from examples.case_study.findings.evidence import told_gain
from examples.case_study.record import CaseStudy, ClaimVerdict, Finding, PredictedGain
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.template import ALARM, GREEN, MUTED
from workbench.explain.prediction.gain_map import format_gain

#: Colour, and the class by which the page has another one on a dark screen.
_VERDICTS: dict[ClaimVerdict, tuple[str, str]] = {
    "holds": (GREEN, "wb-faster"),
    "does not hold": (ALARM, "wb-alarm"),
    "cannot be told": (MUTED, "wb-no_difference"),
}


def claims_table(study: CaseStudy) -> str:
    """A row a claim: what was said and with which figures, what was measured, and the verdict with its reason."""
    head = ("claim", "what it rested on", "measured here", "verdict")
    told = "Every claim by itself; intervals in brackets hold 95 %, ranges in parentheses go over all trials."
    return html_table(head, [_claim_row(one) for one in study.findings], caption=told, is_wide=True)


def gains_table(gains: Sequence[PredictedGain]) -> str:
    """A row a variant: its gain predicted from one run of the baseline, and measured."""
    head = ("variant", "asked", "predicted gain", "measured gain", "predicted well?")
    told = "Gain of pages per second. PredictedValue: simulated from the first run of the baseline, interval of 90 %; "
    told += "measured: 95 %."
    return html_table(head, [_gain_row(one) for one in gains], caption=told, is_wide=True)


def _claim_row(one: Finding) -> tuple[str, ...]:
    simulated = "<br><small>simulated device</small>" if one.origin == "simulated" else ""
    return (
        f"<b>{_text(one.claim.said)}</b>",
        f"{_text(one.claim.quoted)}<br><small>{_text(one.claim.source)}</small>",
        f"{_text(one.measured)}{simulated}",
        _verdict(one.verdict, one.reason),
    )


def _gain_row(one: PredictedGain) -> tuple[str, ...]:
    asked = "<br>".join(f"<code>{_text(question)}</code>" for question in one.questions)
    predicted = "-" if one.predicted is None else _text(format_gain(one.predicted))
    measured = "-" if one.measured is None else _text(told_gain(one.measured))
    return _text(one.variant), asked or "-", predicted, measured, _verdict(one.verdict, one.reason)


def _verdict(verdict: ClaimVerdict, reason: str) -> str:
    colour, kind = _VERDICTS[verdict]
    return (
        f"<span class='{kind}' style='color:{colour};font-weight:600'>{_text(verdict)}</span>"
        f"<br><small>{_text(reason)}</small>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
