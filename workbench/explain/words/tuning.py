"""What a search has found, in sentences; and how to run it, or set it in code of one's own."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

from workbench.explain.words.items import plural
from workbench.knobs.format import format_settings, format_value
from workbench.knobs.observed import DATA_LOADER_KNOBS, OBSERVED
from workbench.knobs.space import setting_name
from workbench.records import Candidate, CheckStatus, Fate, Interval, Tuning
from workbench.units import counted, format_bytes, format_duration, format_ratio

#: What became of settings, as the end of "12 settings ...", in the order in which it happens.
FATES: Mapping[Fate, str] = {
    "left_out": "hold a value that was left out",
    "unpredicted": "cannot be predicted from the short trials",
    "memory": "would take more memory than they may",
    "startup": "would take longer to start than they may",
    "result": "have another result than they may",
    "not_kept": "are slower than the best even at the upper end of what was predicted",
    "no_time": "might be as good as the best; there was no time to compare them",
    "outside": "was not kept, and compared all the same, to see whether predictions are biased",
    "dropped": "left the blocks, clearly slower than the best",
    "compared": "stayed in the blocks to their end",
    "failed": "failed",
}

#: What takes less has not run: its conditions were looked at.
_NOTHING_S = 0.001

_OF_ONE = {"hold": "holds", "have": "has", "are": "is"}

_RESULTS: dict[CheckStatus | None, str] = {
    "same": "its result is the same",
    "within_tolerance": "its result is within tolerance",
    "cannot_tell": "whether its result is as good cannot be told from these samples",
    "different": "its result is NOT the baseline's",
    "not_comparable": "its result was not compared",
    None: "its result was not compared",
}


def tuning_headline(tuning: Tuning) -> str:
    """The answer in a sentence."""
    measured = [c for c in tuning.candidates if c.measured is not None]
    tried = counted(len(measured), "setting")
    if tuning.stop is None:
        return f"The search was interrupted after {format_duration(tuning.spent.total_s)}; it can go on"
    if tuning.stop == "failed":
        why = next((line for note in tuning.notes for line in note.splitlines()), "no reason given")
        return f"There is no answer: the baseline failed ({why})"
    if tuning.winner is None or tuning.verdict is None:
        if tuning.stop == "no_time":
            what = f"to compare a setting{_expected(tuning)}" if tuning.winner is None else "to confirm the best one"
            return f"There is no answer yet: there was no time {what}"
        if not measured:
            return "Nothing to gain: no value makes anything faster, by short trials of each"
        highest = max(measured, key=lambda c: c.measured.estimate if c.measured else 0.0)
        named = f"'{setting_name(highest.settings)}' ({_factor(highest.measured)})"
        return f"Nothing to gain: none of what was compared is faster than the baseline; the best of {tried} is {named}"
    best, gain = setting_name(tuning.winner), _factor(tuning.gain)
    match tuning.verdict:
        case "faster":
            result = _RESULTS[winners_result(tuning)]
            return (
                f"'{best}' is {gain} as fast as the baseline, by a comparison that had no part in choosing it; {result}"
            )
        case "no_difference":
            return f"Nothing to gain: the best of {tried} ('{best}') shows no difference that matters ({gain})"
        case "inconclusive" if tuning.gain is None or tuning.gain.ci95 is None:
            return f"There is no answer yet: too few blocks confirm that '{best}' is faster ({gain})"
        case "inconclusive" if tuning.stop == "no_time":
            before = _predicted(tuning, next((c for c in measured if c.settings == tuning.winner), None))
            known = gain if before is None else f"{gain}; predicted was {_factor(before)}"
            return f"There is no answer yet: '{best}' may be faster, which more time would show ({known})"
        case "inconclusive":
            return f"Nothing to gain, as far as this comparison can say: the best of {tried} is '{best}' ({gain})"
        case "slower":
            return f"Nothing to gain: the best of {tried} ('{best}') is slower when it is compared afresh ({gain})"
    return f"There is no answer: the best of {tried} ('{best}') failed when it was compared afresh"


def _expected(tuning: Tuning) -> str:
    """What predictions say of the best that was not compared, as the end of a sentence; empty: they say nothing."""
    gains = [(c, gain) for c in tuning.candidates if c.fate == "no_time" and (gain := _predicted(tuning, c))]
    if not gains:
        return ""
    best, gain = max(gains, key=lambda pair: pair[1].estimate)
    return f"; by predictions the best is '{setting_name(best.settings)}', {_factor(gain)} as fast as the baseline"


def _predicted(tuning: Tuning, candidate: Candidate | None) -> Interval | None:
    """Throughput over the baseline's, as it was predicted; None where it was not."""
    base = tuning.values[0].samples_per_s if tuning.values else None
    predicted = None if candidate is None else candidate.predicted
    if predicted is None or base is None:
        return None
    return Interval(estimate=predicted.estimate / base, ci95=(predicted.low / base, predicted.high / base))


def winners_result(tuning: Tuning) -> CheckStatus | None:
    """What the checks say of the winner; None: nothing was compared."""
    return next((trade.result for trade in tuning.trades if trade.settings == tuning.winner), None)


def _factor(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    ends = "" if interval.ci95 is None else " [{:.2f}, {:.2f}]".format(*interval.ci95)
    return f"{format_ratio(interval.estimate)}{ends}"


def why_not_confirmed(tuning: Tuning) -> str:
    """Why no fresh comparison with the baseline came to a verdict, in a sentence."""
    if tuning.stop == "failed":
        return "The baseline failed."
    if tuning.stop != "done":
        return "There was no time for it."
    if any(candidate.measured is not None for candidate in tuning.candidates):
        return "Nothing that shared blocks with the baseline is faster: there was nothing to confirm."
    return "Nothing could be faster than the baseline: there was nothing to compare."


def is_gain(tuning: Tuning) -> bool:
    """Whether something is to be set otherwise."""
    return tuning.verdict == "faster" and bool(tuning.winner)


def command_of(tuning: Tuning) -> str:
    """The command that runs what was found."""
    return run_command(tuning, tuning.winner if is_gain(tuning) else {})


def run_command(tuning: Tuning, setting: Mapping[str, Any] | None) -> str:
    """The command that runs a setting."""
    baseline = tuning.baseline
    changed = {**baseline.compared(), **(setting or {})}
    if baseline.workload != OBSERVED:
        if baseline.workload != type(baseline).model_fields["workload"].default:
            changed = {"workload": baseline.workload, **changed}
        return " ".join(["workbench run", *(f"-p {shlex.quote(_pair(n, v))}" for n, v in changed.items())])
    own = ("command", "folder", "env", "workload")
    given = " ".join(f"-p {shlex.quote(_pair(n, v))}" for n, v in changed.items() if n not in own)
    folder = shlex.quote(getattr(baseline, "folder", "") or ".")
    return f"cd {folder} && workbench attach {given}{' ' if given else ''}-- {getattr(baseline, 'command', '')}"


def _pair(name: str, value: Any) -> str:
    return f"{name}={format_value(value)}"


def snippet_of(tuning: Tuning) -> str:
    """Python and switches that set what was found in one's own code; empty where there is nothing to set."""
    if not is_gain(tuning) or not tuning.winner:
        return ""
    winner = tuning.winner
    of_loader = {DATA_LOADER_KNOBS[name]: value for name, value in winner.items() if name in DATA_LOADER_KNOBS}
    lines = []
    if of_loader:
        given = ", ".join(f"{name}={value!r}" for name, value in of_loader.items())
        lines.append(f"loader = DataLoader(dataset, ..., {given})")
    rows = tuning.baseline.rows()
    for name, value in winner.items():
        match name:
            case "args":
                lines.append(
                    f"{getattr(tuning.baseline, 'command', '')} {value}  # the same command, with these arguments"
                )
            case "env" | "blas_threads":
                text = value if name == "env" else f"OMP_NUM_THREADS={value} MKL_NUM_THREADS={value}"
                lines.append(f"{text} {getattr(tuning.baseline, 'command', '')}".rstrip())
            case "opencv_threads":
                lines.append(f"cv2.setNumThreads({value})  # in worker_init_fn")
            case "torch_threads":
                lines.append(f"torch.set_num_threads({value})  # in worker_init_fn")
            case _ if name not in DATA_LOADER_KNOBS and name in rows:
                lines.append(f"# {format_settings({name: value})}: {rows[name].help}")
    return "\n".join(lines)


def what_was_not_tried(tuning: Tuning) -> list[str]:
    """What was not tried, and why, in sentences."""
    found = [f"{value}: {why}." for value, why in tuning.left_out.items()]
    for fate, words in FATES.items():
        number = tuning.fates.get(fate, 0)
        if number and fate not in ("compared", "dropped", "outside"):
            verb, _, rest = words.partition(" ")
            said = f"{_OF_ONE.get(verb, verb) if number == 1 else verb} {rest}"
            found.append(f"{counted(number, 'setting')} of {tuning.num_settings} {said}.")
    if tuning.num_impossible:
        reasons = "; ".join(f"{why} ({number})" for why, number in tuning.impossible.items())
        found.append(f"{counted(tuning.num_impossible, 'combination')} cannot run: {reasons}.")
    if tuning.num_same:
        said = (
            "is the same as another: what it changes"
            if tuning.num_same == 1
            else "are the same as others: what they change"
        )
        found.append(f"{counted(tuning.num_same, 'combination')} {said} is inactive.")
    return found


def where_the_time_went(tuning: Tuning) -> str:
    """What the search spent its time on, and what an answer would take beyond that, in a sentence."""
    spent = tuning.spent
    parts = {
        "short trials": spent.values_s,
        "predictions": spent.predictions_s,
        "blocks that chose": spent.blocks_s,
        "the comparison that confirms": spent.confirmation_s,
    }
    named = ", ".join(f"{name} {format_duration(each)}" for name, each in parts.items() if each > _NOTHING_S)
    said = f"{format_duration(spent.total_s)} of {format_duration(tuning.budget_s)}: {named or 'nothing yet'}."
    if tuning.more_s is None:
        return said
    return f"{said} For an answer it takes {minutes_to_go_on(tuning)} min more, at least."


def minutes_to_go_on(tuning: Tuning) -> int:
    """Whole minutes that a search needs to come to an answer, at least; 0 where it has one."""
    return math.ceil((tuning.more_s or 0.0) / 60.0)


def how_good_predictions_were(tuning: Tuning) -> str:
    """How far what was compared lay from what was predicted, in a sentence."""
    compared = [c for c in tuning.candidates if c.measured is not None and c.predicted is not None]
    if not compared or tuning.spread is None:
        return "Nothing that was predicted was compared."
    width = f"Their error is taken for {tuning.spread * 100:.1f} % (standard deviation), by all on this machine"
    if tuning.bias is None:
        return f"{width}."
    bias = f"{abs(tuning.bias) * 100:.1f} % too {'low' if tuning.bias > 0 else 'high'} on the average"
    return f"Predictions of {counted(len(compared), 'setting')} were {bias}. {width}."


def limits_sentence(tuning: Tuning) -> str:
    """What a setting had to keep to."""
    limits = tuning.limits
    parts = [f"result {'the same' if limits.result == 'same' else 'within tolerance'}"]
    if limits.memory_bytes is not None:
        parts.append(f"at most {format_bytes(limits.memory_bytes)} of memory")
    if limits.startup_s is not None:
        parts.append(f"at most {format_duration(limits.startup_s)} of start-up")
    return f"Limits: {', '.join(parts)}."


def items_per_s(tuning: Tuning) -> str:
    """The unit of its throughput: ``"pages/s"``."""
    return f"{plural(tuning.baseline.item)}/s"
