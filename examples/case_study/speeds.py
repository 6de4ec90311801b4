"""Claims about speed: of a change that was measured, or that was hoped for."""

from __future__ import annotations

from typing import Literal

from examples.case_study import claims
from examples.case_study.comparison import BASELINE, CONDITIONAL, DALI, KNOCKED_OUT, RAM, TENSOR, WEBDATASET
from examples.case_study.evidence import SAME_RESULT, Answer, Evidence, range_text, ratio_text
from workbench.records import Interval, PredictedValue, Record
from workbench.units import counted, format_ratio, format_share


def amdahl(evidence: Evidence) -> Answer:
    """How much less time would the run take without Normalize?"""
    if why := evidence.missing(BASELINE, KNOCKED_OUT):
        return Answer("not measured", "not decided", why)
    ratio = evidence.ratio(KNOCKED_OUT)
    origin = _origin(evidence, KNOCKED_OUT)
    measured = f"knocked out: {_saved_text(ratio)} less time"
    predicted = evidence.result(KNOCKED_OUT).predicted
    if predicted is not None:
        measured += f"; predicted from one run: {_predicted_text(predicted.gain)}"
    if ratio.ci95 is None:
        return Answer(measured, "not decided", _few_blocks(evidence), origin)
    low, high = map(_saved, ratio.ci95)
    theirs = f"their {format_share(claims.POSSIBLE_SHARE)}"
    if low <= claims.POSSIBLE_SHARE <= high:
        return Answer(measured, "holds", f"{theirs} lies inside the interval", origin)
    side = "below" if high < claims.POSSIBLE_SHARE else "above"
    reason = f"the whole interval is {side} {theirs}: shares of work are not shares of a run whose parts overlap"
    return Answer(measured, "does not hold", reason, origin)


def ram(evidence: Evidence) -> Answer:
    """Does a cache of decoded images help?"""
    if why := evidence.missing(BASELINE, RAM):
        return Answer("not measured", "not decided", why)
    ratio = evidence.ratio(RAM)
    theirs = claims.DISK_S / claims.RAM_S
    measured = ratio_text(ratio)
    cached, base = evidence.over_blocks(RAM, _whole_s), evidence.over_blocks(BASELINE, _whole_s)
    if cached and base:
        ratios = [other / whole for whole, other in zip(cached, base, strict=False)]
        measured += f"; for a single epoch, start-up and filling included, {range_text(ratios, format_ratio)}"
    return _of_direction(evidence, RAM, ratio, measured=measured, wanted="faster", theirs=theirs)


def conditional(evidence: Evidence) -> Answer:
    """Is conditional normalization slower than the cache alone?"""
    if why := evidence.missing(RAM, CONDITIONAL):
        return Answer("not measured", "not decided", why)
    ratio = evidence.ratio(CONDITIONAL, RAM)
    theirs = claims.RAM_S / claims.CONDITIONAL_S
    measured = f"{ratio_text(ratio)} over '{RAM}'"
    return _of_direction(evidence, CONDITIONAL, ratio, measured=measured, wanted="slower", theirs=theirs)


def tensor(evidence: Evidence) -> Answer:
    """Do pages that are normalized once and kept run through the pipeline, with the same result?"""
    trials = evidence.records.get(TENSOR, ())
    why = evidence.missing(BASELINE, TENSOR)
    if why and not any(record.failure for record in trials):
        return Answer("not measured", "not decided", why)
    if why:
        return Answer("not measured", "holds", why)
    ratio = evidence.ratio(TENSOR)
    status = evidence.status(TENSOR)
    measured = f"they run, at {ratio_text(ratio)}; result: {(status or 'not checked').replace('_', ' ')}"
    origin = _origin(evidence, TENSOR)
    if status in SAME_RESULT:
        return Answer(measured, "does not hold", "they run, and the result is the baseline's", origin)
    if status == "different":
        return Answer(measured, "holds", "they run, and the result is different", origin)
    return Answer(measured, "not decided", "whether the result is the same was not checked", origin)


def webdataset(evidence: Evidence) -> Answer:
    """Is WebDataset as fast as was hoped?"""
    return _of_size(evidence, WEBDATASET, claims.WEBDATASET)


def dali(evidence: Evidence) -> Answer:
    """Is DALI as fast as was hoped?"""
    trials = evidence.records.get(DALI, ())
    on_cpu = any(record.knobs.device not in ("auto", "cuda") for record in trials) or not any(
        record.environment and record.environment.gpu for record in trials
    )
    return _of_size(evidence, DALI, claims.DALI, note=", decoding on the CPU" if on_cpu else "")


def target(evidence: Evidence) -> Answer:
    """Is there a set of knobs that is as fast as was wanted, with the same result?"""
    name = best_sound(evidence)
    if name is None:
        why = evidence.missing(BASELINE) or "no variant with the same result is faster than the baseline"
        return Answer("not measured", "not decided", why)
    found = _of_size(evidence, name, claims.TARGET)
    return Answer(f"'{name}': {found.measured}", found.verdict, found.reason, found.origin)


def best_sound(evidence: Evidence) -> str | None:
    """The fastest variant whose result was checked and is the baseline's; None where none is faster than that."""
    if evidence.missing(BASELINE):
        return None
    sound = [
        variant.name
        for variant in evidence.comparison.others
        if evidence.status(variant.name) in SAME_RESULT and not evidence.missing(variant.name)
    ]
    best = max(sound, key=lambda name: evidence.ratio(name).estimate, default=None)
    return best if best is not None and evidence.ratio(best).estimate > 1.0 else None


def _of_direction(
    evidence: Evidence, name: str, ratio: Interval, *, measured: str, wanted: Literal["faster", "slower"], theirs: float
) -> Answer:
    """A claim that something is faster, or slower, with the size that they saw."""
    origin = _origin(evidence, name)
    if ratio.ci95 is None:
        return Answer(measured, "not decided", _few_blocks(evidence), origin)
    low, high = ratio.ci95
    place = "inside" if low <= theirs <= high else "below" if theirs < low else "above"
    size = f"their {format_ratio(theirs)} lies {place} the interval"
    verdict = evidence.verdict(ratio)
    if verdict == "inconclusive":
        reason = f"not decided by {counted(evidence.comparison.num_blocks, 'block')}; {size}"
        return Answer(measured, "not decided", reason, origin)
    if verdict != wanted:
        found = "no difference that counts" if verdict == "no_difference" else f"it is {verdict}"
        return Answer(measured, "does not hold", f"{found}; {size}", origin)
    if evidence.status(name) == "different":
        return Answer(measured, "does not hold", f"it is {verdict}, but its result is different", origin)
    return Answer(measured, "holds", f"it is {verdict}; {size}", origin)


def _of_size(evidence: Evidence, name: str, hoped: tuple[float, float], *, note: str = "") -> Answer:
    """A claim that something is a number of times as fast, with the same result."""
    if why := evidence.missing(BASELINE, name):
        return Answer("not measured", "not decided", why)
    ratio = evidence.ratio(name)
    status = evidence.status(name)
    measured = f"{ratio_text(ratio)}{note}; result: {(status or 'not checked').replace('_', ' ')}"
    origin = _origin(evidence, name)
    if status == "different":
        return Answer(measured, "does not hold", "its result is not the baseline's", origin)
    if ratio.ci95 is None:
        return Answer(measured, "not decided", _few_blocks(evidence), origin)
    low, high = ratio.ci95
    least, most = hoped
    if low >= least:
        beyond = f", and above {most:g}x as well" if low > most else ""
        return Answer(measured, "holds", f"the whole interval is above {least:g}x{beyond}", origin)
    if high < least:
        return Answer(measured, "does not hold", f"the whole interval is below {least:g}x{note}", origin)
    return Answer(measured, "not decided", f"the interval holds {least:g}x", origin)


def _few_blocks(evidence: Evidence) -> str:
    return f"fewer than {evidence.comparison.policy.min_blocks} complete blocks give no interval"


def _origin(evidence: Evidence, *names: str) -> Literal["measured", "simulated"]:
    return "simulated" if evidence.is_simulated(*names) else "measured"


def _saved(speed: float) -> float:
    """Share of the time that is saved by a speed-up."""
    return 1.0 - 1.0 / speed


def _saved_text(ratio: Interval) -> str:
    if ratio.ci95 is None:
        return f"{format_share(_saved(ratio.estimate))} (too few blocks for an interval)"
    low, high = map(_saved, ratio.ci95)
    return f"{format_share(_saved(ratio.estimate))} [{format_share(low)}, {format_share(high)}]"


def _predicted_text(gain: PredictedValue) -> str:
    saved = [format_share(_saved(1.0 + value)) for value in (gain.estimate, gain.low, gain.high)]
    return f"{saved[0]} [{saved[1]}, {saved[2]}]"


def _whole_s(record: Record) -> float | None:
    """A run of one epoch, start-up and all, in seconds."""
    if record.startup is None or record.steady is None or record.description is None:
        return None
    return record.startup.total_s + record.description.num_samples / record.steady.samples_per_s
