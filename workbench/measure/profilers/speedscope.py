"""py-spy's samples as a person reads them: processes by their names, and of the main process the counted steps alone.

The format is speedscope's: https://www.speedscope.app/file-format-schema.json. Each thread is a profile of samples, and
a sample is a list of frames from the outermost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.records.run_folder import OWN_THREAD

#: The function whose time is the counted steps (`trial.loop.Loop`).
STEADY_FRAME = "Loop._count"

#: What the profilers do after a step, which is no part of it (`profilers.choose.Profilers`).
PROFILERS_FRAME = "Profilers.step"

#: Threads of the trial itself, of multiprocessing's queues, and of its server of file descriptors.
OWN_THREADS = ("leash", "memory", "QueueFeederThread", "(_serve)")

_PROFILE = re.compile(r'Process (?P<pid>\d+) Thread (?P<thread>\S+)(?: "(?P<name>.*)")?$')
_PROCESS_FRAME = re.compile(r"process \d+:")
_MAIN_THREAD = "MainThread"


@dataclass
class _Thread:
    samples: list[list[int]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


def readable(
    scope: Mapping[str, Any],
    main_pid: int,
    workers: Mapping[int, int],
    *,
    within: str | None,
    without: str,
    hidden: str = "",
) -> dict[str, Any]:
    """py-spy's file with names for numbers.

    Args:
        scope: The file, of a recording that lasted as long as the counted steps and little more.
        main_pid: The main process.
        workers: Numbers of the loader workers by their process; several processes may be one worker, one after another.
        within: The function that the main thread must be in for a sample to count; None: any.
        without: The function that it must not be in.
        hidden: Folder of files whose frames are left out of the stacks; empty: none.

    Returns:
        A file with a profile for each thread: the main process first, then the workers, then their other threads, and
        last the threads that no workload has started. Threads of other processes are not in it.
    """
    frames = scope["shared"]["frames"]
    above = {index for index, frame in enumerate(frames) if _PROCESS_FRAME.match(str(frame["name"]))}
    left_out = above | {index for index, frame in enumerate(frames) if hidden and str(frame["file"]).startswith(hidden)}
    steady = {index for index, frame in enumerate(frames) if frame["name"] == within}
    profilers = {index for index, frame in enumerate(frames) if frame["name"] == without}
    threads: dict[tuple[bool, bool, int, str], _Thread] = {}
    for profile in scope["profiles"]:
        found = _PROFILE.match(profile["name"])
        pid = int(found["pid"]) if found else -1
        if found is None or (pid != main_pid and pid not in workers):
            continue
        thread = found["name"] or f"thread {found['thread']}"
        samples = [[index for index in sample if index not in above] for sample in profile["samples"]]
        is_loop = pid == main_pid and thread == _MAIN_THREAD
        key = _key(thread, -1 if pid == main_pid else workers[pid])
        kept = threads.setdefault(key, _Thread())
        for sample, weight in zip(samples, profile["weights"], strict=True):
            is_counted = within is None or not steady.isdisjoint(sample)
            if sample and not (is_loop and not (is_counted and profilers.isdisjoint(sample))):
                kept.samples.append([index for index in sample if index not in left_out])
                kept.weights.append(weight)
    profiles = [_profile(_name(key), thread) for key, thread in sorted(threads.items()) if thread.samples]
    return {
        "$schema": scope["$schema"],
        "name": "stack samples of the counted steps",
        "activeProfileIndex": 0,
        "exporter": "workbench, from py-spy's samples",
        "profiles": profiles,
        "shared": _only_used(frames, profiles),
    }


def _key(thread: str, worker: int) -> tuple[bool, bool, int, str]:
    """What a thread is sorted by: its own last, then by process (-1: main), its main thread first."""
    is_own = any(own in thread for own in OWN_THREADS)
    return is_own, thread != _MAIN_THREAD, worker, thread


def _name(key: tuple[bool, bool, int, str]) -> str:
    is_own, is_other, worker, thread = key
    name = "main process" if worker < 0 else f"worker {worker}"
    return f"{name}{f', {thread}' if is_other else ''}{f' {OWN_THREAD}' if is_own else ''}"


def _profile(name: str, thread: _Thread) -> dict[str, Any]:
    return {
        "type": "sampled",
        "name": name,
        "unit": "seconds",
        "startValue": 0.0,
        "endValue": round(sum(thread.weights), 9),
        "samples": thread.samples,
        "weights": thread.weights,
    }


def _only_used(frames: Sequence[Any], profiles: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The frames that are in a sample; the samples get their new numbers."""
    numbers: dict[int, int] = {}
    for profile in profiles:
        profile["samples"] = [
            [numbers.setdefault(index, len(numbers)) for index in sample] for sample in profile["samples"]
        ]
    return {"frames": [{k: v for k, v in frames[index].items() if v is not None} for index in numbers]}
