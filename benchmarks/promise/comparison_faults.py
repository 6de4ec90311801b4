"""Faults that hit one trial of a comparison, or its data: the others keep what they measured, and it is said."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
from promise.changed_data import CHANGES, Change, drawn_pages
from promise.fault import Fault
from promise.interrupt_faults import Moment, command
from promise.left_over import Watch
from promise.machine_faults import Act, into_small_group, remove_groups, send, send_worker

from workbench.files import child_environment
from workbench.records import Comparison
from workbench.records.run_folder import COMPARISON, EVENTS, KNOBS, STATE, list_runs, read_comparison, read_record

_ENDS_WITHIN_S, _POLL_S = 300.0, 0.05

#: The variants: the baseline, and the other one.
_BASELINE, _OTHER = "baseline", "inline"

_TEMPLATE = "workbench.measure.trial.template"


def plant_in_comparison(
    folder: Path, act: Act, *, variant: str, in_turns: bool, words: str = "", forked: bool = False, timeout_s: int = 240
) -> list[str]:
    """Run a comparison of two variants, and do something to the first trial of one of them while it counts steps.

    Args:
        folder: An empty folder.
        act: What is done, to the process of the trial.
        variant: Of which variant.
        in_turns: Whether trials take turns: then one that fails beside the other runs by itself, and the comparison
            goes on with whole ones and ends well. Else the variant has failed, and the other one is whole.
        words: What the failure has to say, where the variant fails.
        forked: Whether it is the process that trials are forked from which is hit, as soon as there are any.
        timeout_s: Of each trial.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    words_given = command("compare", results, "num_steps=100", f"timeout_s={timeout_s}", in_turns=in_turns)

    def hit(since_s: float) -> bool:
        victim = _template(watch) if forked else _trial(watch, results, variant)
        if victim is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                act(victim)
                return True
        return False

    code, said, lost = _disturbed(words_given, folder, watch, hit)
    remove_groups()
    if code is None:
        return lost
    if code != (0 if in_turns else 1):
        lost.append(f"it ended with exit code {code}: {said[-400:]}")
    found = [read_comparison(path.parent) for path in results.glob(f"comparisons/*/{COMPARISON}")]
    if len(found) != 1:
        return [*lost, f"{len(found)} comparisons are there: {said[-400:]}", *watch.left()]
    told = _whole(found[0], results, said) if in_turns else _failed(found[0], variant, words, said)
    return [*lost, *told, *watch.left()]


def plant_change_in_comparison(
    folder: Path, change: Change, *, at: Moment, must_fail: bool, in_turns: bool = False
) -> list[str]:
    """Run a comparison, and change its data set meanwhile.

    Args:
        folder: An empty folder.
        change: What is done to the data set.
        at: In which trial, and when in it; trial 0 warms up.
        must_fail: Whether a variant fails by name then; else the comparison ends well, on trials that all saw the same,
            or says that they did not and has no verdict.
        in_turns: Whether trials take turns.

    Returns:
        Every way in which it was not survived.
    """
    watch, results, pages = Watch(folder), folder / "results", folder / "pages"
    shutil.copytree(drawn_pages(), pages)
    words = command("compare", results, f"dataset={pages}", "num_pages=none", "num_steps=100", in_turns=in_turns)

    def act(since_s: float) -> bool:
        if has_come := at.has_come(results, since_s):
            change(pages)
        return has_come

    code, said, lost = _disturbed(words, folder, watch, act)
    if code is None:
        return lost
    return [*lost, *_changed(code, said, results, at, must_fail=must_fail), *watch.left()]


def _disturbed(
    words: Sequence[str], folder: Path, watch: Watch, disturb: Callable[[float], bool]
) -> tuple[int | None, str, list[str]]:
    """Run a command, and disturb it once.

    Args:
        words: The command.
        folder: Gets what it says.
        watch: Over it.
        disturb: Does it, when it is time, and says whether it has; it is told the seconds since the begin.

    Returns:
        The exit code, None for a command that does not end; what it said; what is wrong so far.
    """
    with (folder / "said.txt").open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, env=child_environment(watch.environment))
    began_s, is_disturbed = time.monotonic(), False
    try:
        while process.poll() is None and time.monotonic() < began_s + _ENDS_WITHIN_S:
            is_disturbed = is_disturbed or disturb(time.monotonic() - began_s)
            time.sleep(_POLL_S)
        if process.poll() is None:
            return None, "", ["the command does not end"]
    finally:
        process.kill()
        process.wait()
    said = (folder / "said.txt").read_text()
    lost = [] if is_disturbed else ["nothing was done to it"]
    lost += ["Traceback" + said.split("Traceback", 1)[1][-600:]] if "Traceback" in said else []
    return process.returncode, said, lost


def _changed(code: int, said: str, results: Path, at: Moment, *, must_fail: bool) -> Iterator[str]:
    """What is wrong with a comparison whose data set was changed."""
    found = [read_comparison(path.parent) for path in results.glob(f"comparisons/*/{COMPARISON}")]
    if (code != 0) != must_fail or len(found) != 1:
        yield f"it ended with exit code {code}, and {len(found)} comparisons are there: {said[-400:]}"
        return
    failures = [one.failure.message for one in found[0].variants if one.failure is not None]
    if must_fail and not any(str(results.parent / "pages") in message for message in failures):
        yield f"no failure names the data set: {failures}; {said[-400:]}"
    ids = (run_id for variant in found[0].variants for run_id in variant.run_ids)
    records = [record for record in (read_record(results / "runs" / run_id) for run_id in ids) if not record.failure]
    if len({record.description.content for record in records if record.description}) > 1 and not must_fail:
        if "data set was changed" not in said:
            yield f"nothing says that trials saw other pages: {said[-400:]}"
        yield from (f"'{one.name}' is {one.verdict}" for one in found[0].others if one.verdict != "inconclusive")
    if at.trial and at.trial > 1 and not records:  # one before it counts
        yield "what was measured before is lost"


def _trial(watch: Watch, results: Path, variant: str) -> psutil.Process | None:
    """The process of a trial of a variant that counts steps."""
    for run in results.glob(f"runs/*/{EVENTS}"):
        workers = json.loads((run.parent / KNOBS).read_text())["num_workers"]
        if (workers == 0) == (variant == _OTHER) and '"phase":"steady"' in run.read_text():
            for process in watch.processes():
                with contextlib.suppress(psutil.Error):
                    parent = process.parent()
                    if str(run.parent) in process.cmdline() and (
                        parent is None or parent.cmdline() != process.cmdline()
                    ):
                        return process
    return None


def _template(watch: Watch) -> psutil.Process | None:
    """The process that trials are forked from, when there are some."""
    for process in watch.processes():
        with contextlib.suppress(psutil.Error):
            if _TEMPLATE in process.cmdline() and len(process.children()) > 1:
                return process
    return None


def _whole(comparison: Comparison, results: Path, said: str) -> Iterator[str]:
    """What a comparison lacks that has to be as it would have been, but for a note."""
    if len(comparison.order) != 2 or any(len(variant.run_ids) != 2 for variant in comparison.variants):
        yield f"it is not complete: {comparison.order}"
    yield from (f"'{one.name}' failed: {one.failure.message}" for one in comparison.variants if one.failure)
    state = json.loads(next(results.glob(f"comparisons/*/{STATE}")).read_text())
    failures = [record.failure for record in map(read_record, list_runs(results / "runs")) if record.failure]
    if failures and not state["whole_because"]:
        yield f"nothing says why trials took no turns any more: {said[-400:]}"


def _failed(comparison: Comparison, variant: str, words: str, said: str) -> Iterator[str]:
    """What a comparison does not tell in which one variant failed."""
    by_name = {one.name: one for one in comparison.variants}
    failure = by_name[variant].failure if variant in by_name else None
    if failure is None:
        yield f"nothing says that '{variant}' failed: {said[-400:]}"
    elif words not in failure.message or words not in said:
        yield f"the failure is not told: {failure.message}; {said[-400:]}"
    if variant != _BASELINE and (not by_name[_BASELINE].run_ids or by_name[_BASELINE].samples_per_s is None):
        yield "what the baseline measured is lost"


def _faults() -> Iterator[Fault]:
    kill, stop = partial(send, number=signal.SIGKILL), partial(send, number=signal.SIGSTOP)
    kill_worker = partial(send_worker, number=signal.SIGKILL)

    def fault(
        name: str, act: Act, variants: Sequence[str], words: str, *, in_turns: bool, timeout_s: int
    ) -> Iterator[Fault]:
        for variant in variants:
            plant = partial(plant_in_comparison, act=act, variant=variant, in_turns=in_turns, words=words)
            how = "in turns" if in_turns else "whole trials"
            yield Fault(name, "comparison", f"{variant}, {how}", partial(plant, timeout_s=timeout_s))

    both = (_BASELINE, _OTHER)
    for in_turns in (False, True):
        yield from fault("trial ended by SIGKILL", kill, both, "memory", in_turns=in_turns, timeout_s=240)
        yield from fault(
            "worker ended by SIGKILL", kill_worker, (_BASELINE,), "worker", in_turns=in_turns, timeout_s=240
        )
        yield from fault("stands still", stop, (_OTHER,), "timeout_s", in_turns=in_turns, timeout_s=40)
        if Path("/sys/fs/cgroup/memory").is_dir():
            name = "memory of its control group runs out"
            yield from fault(name, into_small_group, (_OTHER,), "memory", in_turns=in_turns, timeout_s=240)
    for name in ("an image is deleted", "an image becomes larger", "an image is exchanged for one of as many bytes"):
        for at in (Moment("steady, second trial", 1), Moment("steady, third trial", 2)):
            change = partial(plant_change_in_comparison, change=CHANGES[name], at=at)
            yield Fault(name, "comparison", f"{at.name}, whole trials", partial(change, must_fail=True))
        is_gone = name == "an image is deleted"  # then no later trial finds all images
        at = Moment("steady, second trial", 1)
        plant = partial(plant_change_in_comparison, change=CHANGES[name], at=at, in_turns=True, must_fail=is_gone)
        yield Fault(name, "comparison", f"{at.name}, in turns", plant)
        at = Moment("end of the second trial", 1, "finish")
        plant = partial(plant_change_in_comparison, change=CHANGES[name], at=at, must_fail=is_gone)
        yield Fault(name, "comparison", f"{at.name}, whole trials", plant)
    plant = partial(plant_in_comparison, act=kill, variant=_OTHER, in_turns=True, forked=True)
    yield Fault("what trials are forked from is killed", "comparison", "second block, in turns", plant)


FAULTS: tuple[Fault, ...] = tuple(_faults())
