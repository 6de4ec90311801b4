"""Claims of the case study about the pipeline itself: where time and memory go, and what was proved."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.explain.transform_findings import CLOSES_WITHIN

from examples.case_study.findings import claims
from examples.case_study.findings.evidence import Answer, Evidence, told_range
from examples.case_study.findings.variants import BASELINE, RAM, TENSOR
from workbench.records import Record
from workbench.units import format_bytes, format_duration, format_share

#: A share that is this near to the claimed one is the claimed one.
SAME_SHARE = 0.05

#: A size that is no more than so many times the claimed one, or of it, is the claimed one.
SAME_SIZE = 1.25

#: Parts that are so many times further from the whole than those that were timed in place are surely none of it.
_CLEARLY = 4.0

#: H-means are told with three digits; less than half of the last one is no difference.
_SAME_HMEAN = 0.0005

_LOADING = ("read", "decode", "orient")
_MAPS = ("targets",)


def parts(evidence: Evidence) -> Answer:
    """Do transforms that were timed alone add up to the chain?"""
    study = evidence.transforms
    isolated_s = sum(row.mean_s for row in study.isolated)
    measured = (
        f"{format_duration(isolated_s)} in parts, beside a chain of {format_duration(study.chain.mean_s)} (standard "
        f"deviation {format_duration(study.chain.std_s)}) a page: {format_share(study.closure_isolated)} of it; in place "
        f"the parts are {format_share(study.closure_in_place)}"
    )
    alone, place = abs(study.closure_isolated - 1.0), abs(study.closure_in_place - 1.0)
    if alone > max(CLOSES_WITHIN, _CLEARLY * place):
        return Answer(measured, "does not hold", "parts that are more than the whole are no parts of it")
    if max(alone, place) > CLOSES_WITHIN:
        return Answer(measured, "cannot be told", "the parts in place do not add up either")
    return Answer(measured, "holds", "both ways of timing add up to the chain")


def normalize_share(evidence: Evidence) -> Answer:
    """Which share of the chain is Normalize, where it stands?"""
    study = evidence.transforms
    place = next((row for row in study.in_place if row.name == "Normalize"), None)
    alone = next((row for row in study.isolated if row.name == "Normalize"), None)
    if place is None or alone is None or place.share is None or alone.share is None:
        return Answer("not measured", "cannot be told", "no transform of that name was studied")
    measured = (
        f"in place {format_share(place.share)}: {format_duration(place.mean_s)} (standard deviation "
        f"{format_duration(place.std_s)}) a page; alone on the full page {format_share(alone.share)}: "
        f"{format_duration(alone.mean_s)} ({format_duration(alone.std_s)})"
    )
    if abs(place.share - claims.NORMALIZE_SHARE) <= SAME_SHARE:
        return Answer(measured, "holds", f"within {format_share(SAME_SHARE)} of theirs")
    side = "less" if place.share < claims.NORMALIZE_SHARE else "more"
    return Answer(measured, "does not hold", f"it is {side} where it stands, on the input that it really gets")


def stage_shares(evidence: Evidence) -> Answer:
    """How is the loading of a page split? Of loading isolated: what overlaps with the device is no share of one whole."""
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
        return Answer("not measured", "cannot be told", evidence.missing(BASELINE) or "stages were not timed")
    shares = {
        group: [_seconds(record, own) / _seconds(record, names) for record in trials] for group, own in groups.items()
    }
    told = [
        f"{group} {told_range(own, format_share)}, theirs {format_share(claimed[group] / whole)}"
        for group, own in shares.items()
    ]
    far = [
        group for group, own in shares.items() if all(abs(value - claimed[group] / whole) > SAME_SHARE for value in own)
    ]
    measured = "of loading: " + "; ".join(told)
    if far:
        reason = f"further than {format_share(SAME_SHARE)} from theirs in every trial: {', '.join(far)}"
        return Answer(measured, "does not hold", reason)
    return Answer(measured, "holds", f"within {format_share(SAME_SHARE)} of theirs")


def start_up(evidence: Evidence) -> Answer:
    """How much of a run's time is none of its pages'?"""
    shares = evidence.over_blocks(BASELINE, _startup_share)
    if not shares:
        return Answer("not measured", "cannot be told", evidence.missing(BASELINE) or "start-up was not timed")
    measured = f"start-up is {told_range(shares, format_share)} of a baseline run of one epoch"
    limit = evidence.comparison.policy.min_effect
    if min(shares) > limit:
        reason = f"it is more than {format_share(limit)}, from where on a difference counts, in every trial"
        return Answer(measured, "does not hold", reason)
    return Answer(measured, "holds", f"it is no more than {format_share(limit)} in some trial")


def batches(evidence: Evidence) -> Answer:
    """How many batches are there?"""
    per_epoch = -(-claims.NUM_PAGES // claims.BATCH_SIZE)
    run = next((record for record in evidence.records.get(BASELINE, ()) if record.steady), None)
    measured = f"{claims.NUM_PAGES} pages make {per_epoch} batches"
    if run is not None and run.steady is not None:
        steady = run.steady
        epochs = f"{steady.num_epochs:.3g} epoch{'s' if steady.num_epochs != 1 else ''}"
        told = f"{steady.num_steps} steps with {steady.num_pages} pages, {epochs}"
        measured += f"; counted in a run here: {told}"
    if per_epoch >= claims.NUM_BATCHES:
        return Answer(measured, "holds", "an epoch has as many", "counted")
    reason = f"{claims.NUM_BATCHES} would be {claims.NUM_BATCHES / per_epoch:.2g} epochs"
    return Answer(measured, "does not hold", reason, "counted")


def memory(evidence: Evidence) -> Answer:
    """What does a page take in the cache?"""
    sizes = evidence.over_blocks(RAM, _cached_page_bytes)
    if (why := evidence.missing(RAM)) or not sizes:
        return Answer("not measured", "cannot be told", why or "the cache was not measured")
    size = max(sizes)
    measured = f"{format_bytes(size)} a page decoded, {format_bytes(evidence.file_bytes)} in its file"
    if tensors := evidence.over_blocks(TENSOR, _cached_page_bytes):
        measured += f", {format_bytes(max(tensors))} as the model's input"
    own, base = evidence.over_blocks(RAM, _peak), evidence.over_blocks(BASELINE, _peak)
    if own and base:
        rises = [a - b for a, b in zip(own, base, strict=False)]
        measured += f"; all processes together took {told_range(rises, format_bytes)} more than without a cache"
    factor = size / claims.PAGE_BYTES
    if 1 / SAME_SIZE <= factor <= SAME_SIZE:
        return Answer(measured, "holds", f"{factor:.2f} times what they said")
    return Answer(measured, "does not hold", f"a decoded page is {factor:.1f} times what they said")


def parity(evidence: Evidence) -> Answer:
    """Does an equal H-mean prove anything? A fault was planted: the baseline's pages with exchanged colour channels."""
    planted = evidence.planted
    hmeans = evidence.over_blocks(BASELINE, lambda record: record.quality.hmean if record.quality else None)
    if planted is None or planted.pages is None or not hmeans:
        return Answer("not measured", "cannot be told", evidence.missing(BASELINE) or "no pages were kept")
    matched = [
        one.parity.detections.matched_words
        for one in evidence.comparison.variants
        if one.parity and one.parity.detections and one.parity.detections.matched_words is not None
    ]
    difference = planted.detections.hmean_difference if planted.detections else None
    told = "not compared" if difference is None else f"{difference:+.3f}"
    measured = (
        f"a planted fault, colour channels exchanged: H-mean {told} (of {told_range(hmeans, '{:.3f}'.format)}), "
        f"pages up to {planted.pages.max_levels:.0f} levels of 255 apart: {planted.pages.status}"
    )
    if matched:
        measured += f"; the shipped detector finds {max(matched)} words again on the kept pages"
    if planted.status != "different":
        return Answer(measured, "cannot be told", "the planted fault was not found, so no check here proves anything")
    if difference is not None and abs(difference) < _SAME_HMEAN:
        reason = "the planted fault has the same H-mean, and the pages are others"
        return Answer(measured, "does not hold", reason)
    return Answer(measured, "holds", "the planted fault shows in the H-mean as well")


def _seconds(record: Record, stages: Sequence[str]) -> float:
    """What stages took in the steady part, of all processes that load."""
    return sum(row.total_s for row in record.stages if row.lane == "worker" and row.name in stages)


def _startup_share(record: Record) -> float | None:
    if record.startup is None or record.steady is None:
        return None
    return record.startup.total_s / (record.startup.total_s + record.steady.wall_s)


def _cached_page_bytes(record: Record) -> float | None:
    if record.memory.cache_bytes is None or record.pages is None:
        return None
    return record.memory.cache_bytes / record.pages.num_pages


def _peak(record: Record) -> float | None:
    return record.memory.peak_pss_bytes
