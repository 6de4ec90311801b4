"""Claims about the pipeline itself: where time and memory go, and what was proved."""

from __future__ import annotations

from collections.abc import Sequence

from examples.case_study import claims
from examples.case_study.comparison import BASELINE, RAM, TENSOR
from examples.case_study.evidence import HMEAN, Answer, Evidence, range_text
from workbench.records import Check, Record
from workbench.units import counted, format_bytes, format_duration, format_share
from workbench.workloads.ocr.transform_study import CLOSES_WITHIN

#: A share that is this near to the claimed one is taken for it.
SAME_SHARE = 0.05

#: A size within this factor of the claimed one is taken for it.
SAME_SIZE = 1.25

#: Times that miss the whole by this factor more than those measured in place are surely not its parts.
_CLEARLY = 4.0

#: H-means are quoted with three digits; less than half of the last one is no difference.
_SAME_HMEAN = 0.0005

_LOADING = ("read", "decode", "orient")
_MAPS = ("targets",)


def parts(evidence: Evidence) -> Answer:
    """Do transforms that were timed isolated add up to the chain?"""
    study = evidence.transforms
    isolated_s = sum(row.mean_s for row in study.isolated)
    measured = (
        f"{format_duration(isolated_s)} in parts, for a chain of {format_duration(study.chain.mean_s)} (standard "
        f"deviation {format_duration(study.chain.std_s)}) for each page: {format_share(study.closure_isolated)} of it; "
        f"in place the parts are {format_share(study.closure_in_place)}"
    )
    isolated, in_place = abs(study.closure_isolated - 1.0), abs(study.closure_in_place - 1.0)
    if isolated > max(CLOSES_WITHIN, _CLEARLY * in_place):
        return Answer(measured, "does not hold", "times that add up to more than the whole are not its parts")
    if max(isolated, in_place) > CLOSES_WITHIN:
        return Answer(measured, "not decided", "the parts in place do not add up either")
    return Answer(measured, "holds", "both ways of timing add up to the chain")


def normalize_share(evidence: Evidence) -> Answer:
    """Which share of the chain is Normalize, in its place?"""
    study = evidence.transforms
    in_place = next((row for row in study.in_place if row.name == "Normalize"), None)
    isolated = next((row for row in study.isolated if row.name == "Normalize"), None)
    if in_place is None or isolated is None or in_place.share is None or isolated.share is None:
        return Answer("not measured", "not decided", "no transform of that name was studied")
    measured = (
        f"in place {format_share(in_place.share)}: {format_duration(in_place.mean_s)} (standard deviation "
        f"{format_duration(in_place.std_s)}) for each page; isolated on the full page {format_share(isolated.share)}: "
        f"{format_duration(isolated.mean_s)} ({format_duration(isolated.std_s)})"
    )
    if abs(in_place.share - claims.NORMALIZE_SHARE) <= SAME_SHARE:
        return Answer(measured, "holds", f"within {format_share(SAME_SHARE)} of theirs")
    side = "less" if in_place.share < claims.NORMALIZE_SHARE else "more"
    return Answer(measured, "does not hold", f"it is {side} in its place, on the input that it really gets")


def stage_shares(evidence: Evidence) -> Answer:
    """How does loading a page divide? Of loading alone: what overlaps with the device is no share of the same whole."""
    transforms = tuple(row.name for row in evidence.transforms.in_place)
    groups = {"image load": _LOADING, "transforms": transforms, "maps": _MAPS}
    claimed = {
        "image load": claims.LOAD_SHARE,
        "transforms": claims.TRANSFORMS_SHARE,
        "maps": claims.MAPS_SHARE,
    }
    whole = sum(claimed.values())
    names = [name for group in groups.values() for name in group]
    trials = [record for record in evidence.records.get(BASELINE, ()) if _seconds(record, names) > 0]
    if not trials:
        return Answer("not measured", "not decided", evidence.missing(BASELINE) or "stages were not timed")
    shares = {
        group: [_seconds(record, stages) / _seconds(record, names) for record in trials]
        for group, stages in groups.items()
    }
    texts = [
        f"{group} {range_text(values, format_share)}, theirs {format_share(claimed[group] / whole)}"
        for group, values in shares.items()
    ]
    far = [
        group
        for group, values in shares.items()
        if all(abs(value - claimed[group] / whole) > SAME_SHARE for value in values)
    ]
    measured = "of loading: " + "; ".join(texts)
    if far:
        reason = f"further than {format_share(SAME_SHARE)} from theirs in every trial: {', '.join(far)}"
        return Answer(measured, "does not hold", reason)
    return Answer(measured, "holds", f"within {format_share(SAME_SHARE)} of theirs")


def start_up(evidence: Evidence) -> Answer:
    """How much of a run's time is not that of its pages?"""
    shares = evidence.over_blocks(BASELINE, _startup_share)
    if not shares:
        return Answer("not measured", "not decided", evidence.missing(BASELINE) or "start-up was not timed")
    measured = f"start-up is {range_text(shares, format_share)} of a baseline run of one epoch"
    limit = evidence.comparison.policy.min_effect
    if min(shares) > limit:
        reason = f"it is more than {format_share(limit)}, the least difference that counts, in every trial"
        return Answer(measured, "does not hold", reason)
    return Answer(measured, "holds", f"it is no more than {format_share(limit)} in some trial")


def batches(evidence: Evidence) -> Answer:
    """How many batches are there?"""
    per_epoch = -(-claims.NUM_PAGES // claims.BATCH_SIZE)
    measured = f"{claims.NUM_PAGES} pages make {per_epoch} batches"
    steady = next((record.steady for record in evidence.records.get(BASELINE, ()) if record.steady), None)
    if steady is not None:
        epochs = f"{steady.num_epochs:.3g} epoch{'s' if steady.num_epochs != 1 else ''}"
        steps, samples = counted(steady.num_steps, "step"), counted(steady.num_samples, "page")
        measured += f"; counted in a run here: {steps} with {samples}, {epochs}"
    if per_epoch >= claims.NUM_BATCHES:
        return Answer(measured, "holds", "an epoch has as many", "counted")
    reason = f"{claims.NUM_BATCHES} would be {claims.NUM_BATCHES / per_epoch:.2g} epochs"
    return Answer(measured, "does not hold", reason, "counted")


def memory(evidence: Evidence) -> Answer:
    """What does a page take in the cache?"""
    sizes = evidence.over_blocks(RAM, _cached_page_bytes)
    if (why := evidence.missing(RAM)) or not sizes:
        return Answer("not measured", "not decided", why or "the cache was not measured")
    size = max(sizes)
    measured = f"{format_bytes(size)} for each decoded page, {format_bytes(evidence.file_bytes)} in its file"
    if tensors := evidence.over_blocks(TENSOR, _cached_page_bytes):
        measured += f", {format_bytes(max(tensors))} as the model's input"
    peaks, base = evidence.over_blocks(RAM, _peak), evidence.over_blocks(BASELINE, _peak)
    if peaks and base:
        rises = [peak - other for peak, other in zip(peaks, base, strict=False)]
        measured += f"; all processes together took {range_text(rises, format_bytes)} more than without a cache"
    factor = size / claims.PAGE_BYTES
    if 1 / SAME_SIZE <= factor <= SAME_SIZE:
        return Answer(measured, "holds", f"{factor:.2f} times what they said")
    return Answer(measured, "does not hold", f"a decoded page is {factor:.1f} times what they said")


def same_result(evidence: Evidence) -> Answer:
    """Does an equal H-mean prove anything? A fault was planted: the baseline's pages with exchanged colour channels."""
    planted = evidence.planted
    if planted is None:
        return Answer("not measured", "not decided", evidence.missing(BASELINE) or "no pages were kept")
    pixels = _check(planted.checks.checks, "pixels")
    measured = "a planted fault, colour channels exchanged"
    if planted.hmean is not None:
        measured += f": {HMEAN} {planted.hmean[0]:.3f} without and {planted.hmean[1]:.3f} with it"
    measured += f"; pixels: {pixels.measured if pixels else 'not compared'}; result: {planted.checks.status}"
    words = [_check(variant.checks.checks, "words") for variant in evidence.comparison.variants if variant.checks]
    if found := next((check for check in words if check and check.status in ("same", "within_tolerance")), None):
        measured += f"; the shipped detector on the kept pages of a variant: {found.measured}"
    if not planted.checks.is_different:
        return Answer(measured, "not decided", "the planted fault was not found, so no check here proves anything")
    if planted.hmean is None:
        return Answer(measured, "not decided", "the model was not run on the planted fault")
    if abs(planted.hmean[1] - planted.hmean[0]) < _SAME_HMEAN:
        return Answer(measured, "does not hold", f"the planted fault has the same {HMEAN}, and the pages are different")
    return Answer(measured, "holds", f"the planted fault shows in the {HMEAN} as well")


def _check(checks: Sequence[Check], beginning: str) -> Check | None:
    return next((check for check in checks if check.name.startswith(beginning)), None)


def _seconds(record: Record, stages: Sequence[str]) -> float:
    """What stages took in the steady part, of all processes that load."""
    return sum(row.total_s for row in record.stages if row.lane == "worker" and row.name in stages)


def _startup_share(record: Record) -> float | None:
    if record.startup is None or record.steady is None:
        return None
    return record.startup.total_s / (record.startup.total_s + record.steady.wall_s)


def _cached_page_bytes(record: Record) -> float | None:
    if record.memory.cache_bytes is None or record.description is None:
        return None
    return record.memory.cache_bytes / record.description.num_samples


def _peak(record: Record) -> float | None:
    return record.memory.peak_pss_bytes
