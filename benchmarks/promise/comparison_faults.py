"""Faults of the machine that hit one trial of a comparison: the others keep what they measured, and it is said."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
from promise.fault import Fault
from promise.interrupt_faults import command
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
    with (folder / "said.txt").open("w") as file:
        process = subprocess.Popen(words_given, stdout=file, stderr=file, env=child_environment(watch.environment))
    try:
        until, was_hit = time.monotonic() + _ENDS_WITHIN_S, False
        while process.poll() is None and time.monotonic() < until:
            victim = None if was_hit else _template(watch) if forked else _trial(watch, results, variant)
            if victim is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    act(victim)
                    was_hit = True
            time.sleep(_POLL_S)
        if process.poll() is None:
            return ["the command does not end"]
    finally:
        process.kill()
        process.wait()
        remove_groups()
    said = (folder / "said.txt").read_text()
    lost = [] if was_hit else ["nothing was hit"]
    lost += ["Traceback" + said.split("Traceback", 1)[1][-600:]] if "Traceback" in said else []
    if process.returncode != (0 if in_turns else 1):
        lost.append(f"it ended with exit code {process.returncode}: {said[-400:]}")
    found = [read_comparison(path.parent) for path in results.glob(f"comparisons/*/{COMPARISON}")]
    if len(found) != 1:
        return [*lost, f"{len(found)} comparisons are there: {said[-400:]}", *watch.left()]
    told = _whole(found[0], results, said) if in_turns else _failed(found[0], variant, words, said)
    return [*lost, *told, *watch.left()]


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
    plant = partial(plant_in_comparison, act=kill, variant=_OTHER, in_turns=True, forked=True)
    yield Fault("what trials are forked from is killed", "comparison", "second block, in turns", plant)


FAULTS: tuple[Fault, ...] = tuple(_faults())
