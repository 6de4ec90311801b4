"""The case study: every claim compared with what was measured. Nothing of the result is typed in advance.

Each claim is decided by itself, with the interval of a number of blocks that was fixed before the comparison. The
device is simulated and the machine is another one, so a size that was seen elsewhere need not be found here; what is
tested is the claim, and whether the way in which it was found could have shown it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from examples.case_study import facts, speeds
from examples.case_study.claims import CLAIMS
from examples.case_study.comparison import BASELINE, StudyComparison
from examples.case_study.evidence import CONFIDENCE, Answer, Evidence, PlantedFault, ratio_text
from examples.case_study.record import CASE_STUDY, CaseStudy, ClaimVerdict, Finding, PredictedGain
from examples.case_study.report import conclusions
from workbench.measure.comparison.run import ComparisonRun
from workbench.records import Comparison, Interval, PredictedValue
from workbench.records.run_folder import write_json
from workbench.units import counted
from workbench.workloads.ocr.transform_study import TransformStudy

#: What answers a claim, by its name.
ANSWERS: dict[str, Callable[[Evidence], Answer]] = {
    "parts": facts.parts,
    "normalize share": facts.normalize_share,
    "stage shares": facts.stage_shares,
    "amdahl": speeds.amdahl,
    "ram": speeds.ram,
    "conditional": speeds.conditional,
    "tensor": speeds.tensor,
    "start-up": facts.start_up,
    "batches": facts.batches,
    "memory": facts.memory,
    "same result": facts.same_result,
    "webdataset": speeds.webdataset,
    "dali": speeds.dali,
    "target": speeds.target,
}


def judge_claims(
    opened: StudyComparison,
    compared: ComparisonRun,
    comparison: Comparison,
    transforms: TransformStudy,
    planted: PlantedFault | None,
) -> CaseStudy:
    """Compare all claims with what was measured, and write the result into the comparison's folder.

    Args:
        opened: The comparison as it was opened.
        compared: What it has left.
        comparison: The same with verdicts and predictions.
        transforms: The study of the transforms.
        planted: The planted fault.
    """
    evidence = Evidence(
        comparison=comparison,
        records=compared.records,
        transforms=transforms,
        file_bytes=opened.file_bytes,
        planted=planted,
        left_out=opened.left_out,
    )
    study = study_claims(evidence)
    write_json(opened.journal.folder / CASE_STUDY, study)
    return study


def study_claims(evidence: Evidence) -> CaseStudy:
    """Compare all claims with the evidence."""
    findings = []
    for claim in CLAIMS:
        answer = ANSWERS[claim.name](evidence)
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
    for variant in evidence.comparison.others:
        prediction, measured = variant.predicted, _gain(evidence, variant.name)
        predicted = prediction.gain if prediction is not None else None
        verdict, reason = _predicted_well(
            predicted, measured, why=variant.not_predicted, missing=evidence.missing(variant.name)
        )
        found.append(
            PredictedGain(
                variant=variant.name,
                changes=list(prediction.changes) if prediction is not None else [],
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


def _predicted_well(
    predicted: PredictedValue | None, measured: Interval | None, *, why: str | None, missing: str
) -> tuple[ClaimVerdict, str]:
    if predicted is None:
        return "not decided", why or "nothing was predicted"
    if measured is None:
        return "not decided", missing
    if predicted.low <= measured.estimate <= predicted.high:
        return "holds", "measured inside the predicted interval"
    low, high = measured.ci95 or (measured.estimate, measured.estimate)
    if low <= predicted.high and predicted.low <= high:
        return "not decided", "measured outside the predicted interval, but both intervals overlap"
    if measured.ci95 is None:
        return "not decided", "measured outside the predicted interval, in too few blocks to be sure"
    return "does not hold", "measured outside the predicted interval"


def _headline(evidence: Evidence, findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    holds, fails = counts["holds"], counts["does not hold"]
    text = (
        f"Of {len(findings)} claims {holds} {'holds' if holds == 1 else 'hold'}, "
        f"{fails} {'does not' if fails == 1 else 'do not'}, and {counts['not decided']} cannot be decided here"
    )
    best = speeds.best_sound(evidence)
    if best is None:
        return f"{text}; no variant with the same result is faster than the baseline."
    marked = " on a simulated device" if evidence.is_simulated(best) else ""
    return f"{text}; '{best}' is {ratio_text(evidence.ratio(best))} as fast as the baseline{marked}."


def _machine(evidence: Evidence) -> str:
    records = [record for trials in evidence.records.values() for record in trials]
    for record in records:
        if (env := record.environment) is not None:
            return f"{env.cpu}, {counted(env.cores, 'core')}, {env.gpu or 'no GPU'}; {record.device or 'no device'}"
    return "unknown"


def _notes(evidence: Evidence) -> list[str]:
    """What limits the answers."""
    number = evidence.comparison.num_blocks
    notes = [
        f"Each claim is decided by itself, with {CONFIDENCE * 100:g} % intervals of {number} block"
        f"{'s' if number != 1 else ''}, a number that was fixed before the comparison. Theirs was another machine: a "
        "size of theirs that lies outside an interval here need not have been wrong there."
    ]
    if evidence.is_simulated(BASELINE):
        notes.append(
            "The device is simulated: it takes the time of a batch and none of the cores. With a slower device more of "
            "the loading is hidden, and faster loading gains less; with a faster device it gains more."
        )
    found = [record.description for record in evidence.records.get(BASELINE, ()) if record.description]
    if found:
        sizes = ", ".join(f"{width}x{height}" for width, height in evidence.transforms.page_sizes[:4])
        words = next((count.number for count in found[0].counts if count.name == "words"), 0)
        notes.append(f"{found[0].num_samples} pages ({sizes}) with {words} words.")
    return [*notes, *(f"Not compared: '{name}', because {why}." for name, why in evidence.left_out.items())]
