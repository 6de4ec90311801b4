"""The case study on one page: what its claims and its race come to, in sentences that are made from the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from examples.case_study.findings.evidence import Evidence, told_gain, told_ratio
from examples.case_study.findings.variants import BASELINE, DALI, FASTEST_UNCACHED, KNOCKED_OUT, WEBDATASET
from examples.case_study.record import Finding, PredictedGain
from workbench.explain.prediction.gain_map import format_gain
from workbench.explain.words.headline import run_headline
from workbench.records import Interval, VariantResult
from workbench.units import format_bytes, format_rate

#: Variants that are none to be used: their pages are not valid.
_ONLY_ASKED = (KNOCKED_OUT,)


def conclusions(evidence: Evidence, findings: Sequence[Finding], gains: Sequence[PredictedGain]) -> list[str]:
    """One page of sentences: the claims, what pays and at which price, what was predicted, what is left open."""
    return [*_on_claims(findings), *_on_variants(evidence), *_on_predictions(gains), *_left_open(findings)]


def _on_claims(findings: Sequence[Finding]) -> Iterator[str]:
    """Every claim that was decided, with their figures and ours."""
    for finding in findings:
        if finding.verdict != "cannot be told":
            yield f"{finding.claim.said} ({finding.claim.quoted}): {finding.verdict}. Here {finding.measured}."


def _on_variants(evidence: Evidence) -> Iterator[str]:
    if evidence.missing(BASELINE):
        return
    yield f"The baseline: {run_headline(evidence.records[BASELINE][0])}"
    compared = [
        one
        for one in evidence.comparison.variants
        if one.name != BASELINE and one.name not in _ONLY_ASKED and not evidence.missing(one.name)
    ]
    ratios = {one.name: evidence.ratio(one.name) for one in compared}
    verdicts = {name: evidence.verdict(ratio) for name, ratio in ratios.items()}
    faster = sorted(
        (one for one in compared if verdicts[one.name] == "faster"), key=lambda one: -ratios[one.name].estimate
    )
    if faster:
        yield "What is faster, with its price: " + "; ".join(_priced(one, ratios[one.name]) for one in faster) + "."
    if others := [one.name for one in compared if one not in faster]:
        told = "; ".join(f"'{name}' {told_ratio(ratios[name])}" for name in others)
        yield f"What is not shown to be faster than the baseline: {told}."
    yield from _on_loaders(evidence)


def _on_loaders(evidence: Evidence) -> Iterator[str]:
    """What one's own loader comes to with the right knobs, beside those that were hoped for."""
    for name in (WEBDATASET, DALI):
        if evidence.missing(BASELINE, name, FASTEST_UNCACHED):
            continue
        ratio = evidence.ratio(FASTEST_UNCACHED, name)
        verdict = evidence.verdict(ratio).replace("_", " ")
        verdict = {"inconclusive": "not enough data for a verdict"}.get(verdict, verdict)
        yield f"'{FASTEST_UNCACHED}', with torch's loader, over '{name}': {told_ratio(ratio)}, {verdict}."


def _priced(one: VariantResult, ratio: Interval) -> str:
    status = one.parity.status if one.parity else None
    rate = format_rate(one.samples_per_s.median if one.samples_per_s else None, "page")
    told = f"'{one.name}' {told_ratio(ratio)}, {rate}, {format_bytes(one.memory.peak_pss_bytes)} at its peak"
    if one.break_even_epochs is not None:
        told += f", pays after {one.break_even_epochs:.2g} epochs"
    return f"{told} (result: {(status or 'not checked').replace('_', ' ')})"


def _on_predictions(gains: Sequence[PredictedGain]) -> Iterator[str]:
    known = [
        (one, one.predicted, one.measured) for one in gains if one.predicted is not None and one.measured is not None
    ]
    if not known:
        yield "Nothing was predicted of these variants that could be held against a measurement."
        return
    inside = sum(one.verdict == "holds" for one, _, _ in known)
    each = "; ".join(
        f"'{one.variant}' {format_gain(predicted)}, measured {told_gain(measured)}" for one, predicted, measured in known
    )
    yield (
        f"Of {len(known)} gain{'s' if len(known) != 1 else ''} that one run of the baseline predicted, {inside} "
        f"{'was' if inside == 1 else 'were'} measured inside the predicted interval: {each}."
    )


def _left_open(findings: Sequence[Finding]) -> Iterator[str]:
    if found := [one for one in findings if one.verdict == "cannot be told"]:
        yield "Not decided here: " + "; ".join(f"{one.claim.said} ({one.reason})" for one in found) + "."
