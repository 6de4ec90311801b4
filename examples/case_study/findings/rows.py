"""The case study: every claim held against what was measured, and what that comes to. Nothing here is typed in advance.

Each claim is judged by itself, with the interval of a number of blocks that was fixed before the comparison. The device is a
stand-in and the machine another one, so a size that was seen elsewhere need not come out here; what is tested is the
claim, and whether the way in which it was come to could have shown it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from examples.case_study.findings.claim_facts import (
    batches,
    memory,
    normalize_share,
    parity,
    parts,
    stage_shares,
    start_up,
)
from examples.case_study.findings.claim_speeds import (
    amdahl,
    best_sound,
    conditional,
    dali,
    ram,
    target,
    tensor,
    webdataset,
)
from examples.case_study.findings.claims import CLAIMS
from examples.case_study.findings.conclusions import conclusions
from examples.case_study.findings.evidence import CONFIDENCE, Answer, Evidence, told_ratio
from examples.case_study.findings.variants import BASELINE
from examples.case_study.record import CaseStudy, ClaimVerdict, Finding, PredictedGain
from workbench.records import Interval, PredictedValue

#: By the name of the claim.
JUDGES: dict[str, Callable[[Evidence], Answer]] = {
    "parts": parts,
    "normalize share": normalize_share,
    "stage shares": stage_shares,
    "amdahl": amdahl,
    "ram": ram,
    "conditional": conditional,
    "tensor": tensor,
    "start-up": start_up,
    "batches": batches,
    "memory": memory,
    "parity": parity,
    "webdataset": webdataset,
    "dali": dali,
    "target": target,
}


def study_claims(evidence: Evidence) -> CaseStudy:
    """Hold all claims against the evidence."""
    findings = []
    for claim in CLAIMS:
        answer = JUDGES[claim.name](evidence)
        findings.append(
            Finding(
                claim=claim,
                measured=answer.measured,
                origin=answer.origin,
                verdict=answer.verdict,
                reason=answer.reason,
            )
        )
    gains = predicted_gains(evidence)
    return CaseStudy(
        created_at=evidence.comparison.created_at,
        machine=_machine(evidence),
        headline=_headline(evidence, findings),
        findings=findings,
        gains=gains,
        conclusions=conclusions(evidence, findings, gains),
        notes=_notes(evidence),
    )


def predicted_gains(evidence: Evidence) -> list[PredictedGain]:
    """What the baseline's first run predicted of each variant, beside what was measured."""
    found = []
    for one in evidence.comparison.variants:
        if one.name == evidence.comparison.baseline:
            continue
        predicted, measured = one.predicted, _gain(evidence, one.name)
        predicted = predicted.gain if predicted is not None else None
        verdict, reason = _foretold_well(predicted, measured, why=one.not_predicted, missing=evidence.missing(one.name))
        found.append(
            PredictedGain(
                variant=one.name,
                questions=list(predicted.questions) if predicted is not None else [],
                predicted=predicted,
                measured=measured,
                verdict=verdict,
                reason=reason,
            )
        )
    return found


def _gain(evidence: Evidence, name: str) -> Interval | None:
    if evidence.missing(BASELINE, name):
        return None
    ratio = evidence.ratio(name)
    ci95 = None if ratio.ci95 is None else (ratio.ci95[0] - 1.0, ratio.ci95[1] - 1.0)
    return Interval(estimate=ratio.estimate - 1.0, ci95=ci95)


def _foretold_well(
    predicted: PredictedValue | None, measured: Interval | None, *, why: str | None, missing: str
) -> tuple[ClaimVerdict, str]:
    if predicted is None:
        return "cannot be told", why or "nothing was predicted"
    if measured is None:
        return "cannot be told", missing
    if predicted.low <= measured.estimate <= predicted.high:
        return "holds", "measured inside the predicted interval"
    low, high = measured.ci95 or (measured.estimate, measured.estimate)
    if low <= predicted.high and predicted.low <= high:
        return "cannot be told", "measured outside the predicted interval, but both intervals overlap"
    if measured.ci95 is None:
        return "cannot be told", "measured outside the predicted interval, in too few blocks to be sure"
    return "does not hold", "measured outside the predicted interval"


def _headline(evidence: Evidence, findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    told = f"Of {len(findings)} claims {_number(counts['holds'], 'holds', 'hold')}, "
    told += f"{_number(counts['does not hold'], 'does not', 'do not')}, and {counts['cannot be told']} cannot be told"
    best = best_sound(evidence)
    if best is None:
        return f"{told}; no variant with the same result is faster than the baseline."
    marked = " on a simulated device" if evidence.is_simulated(best) else ""
    return f"{told}; '{best}' is {told_ratio(evidence.ratio(best))} as fast as the baseline{marked}."


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _machine(evidence: Evidence) -> str:
    record = next((one for own in evidence.records.values() for one in own if one.environment), None)
    if record is None or record.environment is None:
        return "unknown"
    env = record.environment
    return f"{env.cpu}, {env.cores} cores, {env.gpu or 'no GPU'}; {record.device or 'no device'}"


def _notes(evidence: Evidence) -> list[str]:
    """What limits the answers."""
    number = evidence.comparison.num_blocks
    told = [
        f"Each claim is judged by itself, with {CONFIDENCE * 100:g} % intervals of {number} block"
        f"{'s' if number != 1 else ''}, a number that was fixed before the comparison. Theirs was another machine: a size of "
        "theirs that lies outside an interval here need not have been wrong there."
    ]
    if evidence.is_simulated(BASELINE):
        told.append(
            "The device is simulated: it takes the time of a batch and none of the cores. On a slower one loading "
            "hides, and what it gains counts for less; on a faster one for more."
        )
    pages = next((record.pages for record in evidence.records.get(BASELINE, ()) if record.pages), None)
    if pages is not None:
        sizes = ", ".join(f"{width}x{height}" for width, height in evidence.transforms.page_sizes[:4])
        told.append(f"{pages.num_pages} pages ({sizes}) with {pages.num_words} words.")
    told += [f"Not compared: '{name}', because {why}." for name, why in evidence.left_out.items()]
    return told
