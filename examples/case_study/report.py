"""The case study for its reader: what follows from it in sentences, and its claims and gains as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from examples.case_study.comparison import BASELINE, DALI, FASTEST_UNCACHED, KNOCKED_OUT, WEBDATASET
from examples.case_study.evidence import Evidence, gain_text, ratio_text
from examples.case_study.record import CaseStudy, ClaimVerdict, Finding, PredictedGain
from workbench.explain.prediction.gain_map import format_gain
from workbench.explain.table import Cell, Table, Tone, code, make_table
from workbench.explain.words.headline import run_headline
from workbench.records import Interval, VariantResult
from workbench.units import format_bytes, format_rate

#: Variants that answer a question and are not for use: their pages are not valid.
_QUESTIONS = (KNOCKED_OUT,)

_VERDICT_WORDS = {"no_difference": "no difference", "inconclusive": "not enough data for a verdict"}

_TONES: dict[ClaimVerdict, Tone] = {"holds": "good", "does not hold": "alarm", "not decided": "soft"}


def conclusions(evidence: Evidence, findings: Sequence[Finding], gains: Sequence[PredictedGain]) -> list[str]:
    """One page of sentences: the claims, what pays and at which cost, what was predicted, what is left open."""
    return [*_on_claims(findings), *_on_variants(evidence), *_on_predictions(gains), *_left_open(findings)]


def _on_claims(findings: Sequence[Finding]) -> Iterator[str]:
    """Every claim that was decided, with their figures and ours."""
    for finding in findings:
        if finding.verdict != "not decided":
            claim = finding.claim
            yield f"{claim.sentence} ({claim.figures}): {finding.verdict}. Here {finding.measured}."


def _on_variants(evidence: Evidence) -> Iterator[str]:
    if evidence.missing(BASELINE):
        return
    yield f"The baseline: {run_headline(evidence.records[BASELINE][0])}"
    compared = [
        variant
        for variant in evidence.comparison.others
        if variant.name not in _QUESTIONS and not evidence.missing(variant.name)
    ]
    ratios = {variant.name: evidence.ratio(variant.name) for variant in compared}
    faster = [variant for variant in compared if evidence.verdict(ratios[variant.name]) == "faster"]
    faster.sort(key=lambda variant: -ratios[variant.name].estimate)
    if faster:
        texts = [_with_cost(variant, ratios[variant.name], evidence) for variant in faster]
        yield f"What is faster, with its cost: {'; '.join(texts)}."
    if others := [variant.name for variant in compared if variant not in faster]:
        texts = [f"'{name}' {ratio_text(ratios[name])}" for name in others]
        yield f"What is not shown to be faster than the baseline: {'; '.join(texts)}."
    yield from _on_loaders(evidence)


def _on_loaders(evidence: Evidence) -> Iterator[str]:
    """The loader of torch with the right knobs, compared with those that were hoped for."""
    for name in (WEBDATASET, DALI):
        if evidence.missing(BASELINE, name, FASTEST_UNCACHED):
            continue
        ratio = evidence.ratio(FASTEST_UNCACHED, name)
        verdict = evidence.verdict(ratio)
        text = _VERDICT_WORDS.get(verdict, verdict)
        yield f"'{FASTEST_UNCACHED}', with torch's loader, over '{name}': {ratio_text(ratio)}, {text}."


def _with_cost(variant: VariantResult, ratio: Interval, evidence: Evidence) -> str:
    rate = format_rate(variant.samples_per_s.median if variant.samples_per_s else None, "page")
    text = f"'{variant.name}' {ratio_text(ratio)}, {rate}, {format_bytes(variant.memory.peak_pss_bytes)} at its peak"
    if variant.break_even_epochs is not None:
        text += f", pays after {variant.break_even_epochs:.2g} epochs"
    return f"{text} (result: {(evidence.status(variant.name) or 'not checked').replace('_', ' ')})"


def _on_predictions(gains: Sequence[PredictedGain]) -> Iterator[str]:
    known = [
        (gain, gain.predicted, gain.measured)
        for gain in gains
        if gain.predicted is not None and gain.measured is not None
    ]
    if not known:
        yield "No prediction of these variants could be compared with a measurement."
        return
    inside = sum(gain.verdict == "holds" for gain, _, _ in known)
    texts = [
        f"'{gain.variant}' {format_gain(predicted)}, measured {gain_text(measured)}"
        for gain, predicted, measured in known
    ]
    yield (
        f"Of {len(known)} gain{'s' if len(known) != 1 else ''} that one run of the baseline predicted, {inside} "
        f"{'was' if inside == 1 else 'were'} measured inside the predicted interval: {'; '.join(texts)}."
    )


def _left_open(findings: Sequence[Finding]) -> Iterator[str]:
    if found := [finding for finding in findings if finding.verdict == "not decided"]:
        texts = [f"{finding.claim.sentence} ({finding.reason})" for finding in found]
        yield f"Not decided here: {'; '.join(texts)}."


def claims_table(study: CaseStudy) -> Table:
    """A row for each claim: its figures, what was measured, and the verdict with its reason."""
    columns = ("claim", "what it rested on", "measured here", "verdict")
    caption = "Every claim by itself; intervals in brackets hold 95 %, ranges in parentheses go over all trials."
    return make_table(columns, [_claim_row(finding) for finding in study.findings], caption=caption, is_wide=True)


def gains_table(gains: Sequence[PredictedGain]) -> Table:
    """A row for each variant: its gain predicted from one run of the baseline, and measured."""
    columns = ("variant", "what changes", "predicted gain", "measured gain", "predicted well?")
    caption = "Gain in pages per second. Predicted: simulated from the first run of the baseline, interval of 90 %; "
    caption += "measured: 95 %."
    return make_table(columns, [_gain_row(gain) for gain in gains], caption=caption, is_wide=True)


def _claim_row(finding: Finding) -> tuple[Cell, ...]:
    simulated = (Cell("simulated device"),) if finding.origin == "simulated" else ()
    return (
        Cell(finding.claim.sentence, style="strong"),
        Cell(finding.claim.figures, below=(Cell(finding.claim.source),)),
        Cell(finding.measured, below=simulated),
        _verdict(finding.verdict, finding.reason),
    )


def _gain_row(gain: PredictedGain) -> tuple[Cell | str, ...]:
    first, *others = map(code, gain.changes or [""])
    changes = Cell(first.text, style="code", below=tuple(others)) if gain.changes else Cell("-")
    predicted = "-" if gain.predicted is None else format_gain(gain.predicted)
    measured = "-" if gain.measured is None else gain_text(gain.measured)
    return gain.variant, changes, predicted, measured, _verdict(gain.verdict, gain.reason)


def _verdict(verdict: ClaimVerdict, reason: str) -> Cell:
    return Cell(verdict, _TONES[verdict], "strong", below=(Cell(reason),))
