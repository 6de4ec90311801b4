"""Stack samples: names for numbers, the counted steps alone, and the workbench's own threads last."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.measure.profilers import speedscope
from workbench.measure.profilers.speedscope import PROFILERS_FRAME, STEADY_FRAME
from workbench.measure.trial.loop import Loop

FRAMES = ['process 10:"python -m workbench.measure.trial.worker"', "Trial.run", STEADY_FRAME, "step", PROFILERS_FRAME,
          "fetch", "never", "serve"]  # fmt: skip
PROCESS, RUN, STEADY, STEP, PROFILERS, FETCH, NEVER, SERVE = range(len(FRAMES))


def readable(scope: dict[str, Any], main_pid: int, workers: dict[int, int]) -> dict[str, Any]:
    return speedscope.readable(scope, main_pid, workers, within=STEADY_FRAME, without=PROFILERS_FRAME)


def profile(pid: int, thread: str, *samples: list[int]) -> dict[str, Any]:
    return {
        "type": "sampled", "name": f'Process {pid} Thread {pid} "{thread}"', "unit": "seconds", "startValue": 0.0,
        "endValue": 0.01 * len(samples), "samples": list(samples), "weights": [0.01] * len(samples),
    }  # fmt: skip


def scope(*profiles: dict[str, Any]) -> dict[str, Any]:
    frames = [{"name": name, "file": "a.py", "line": 1, "col": None} for name in FRAMES]
    return {"$schema": "https://x", "profiles": list(profiles), "shared": {"frames": frames}, "exporter": "py-spy@0.4"}


def stacks(found: dict[str, Any]) -> dict[str, list[list[str]]]:
    frames = [frame["name"] for frame in found["shared"]["frames"]]
    return {each["name"]: [[frames[index] for index in sample] for sample in each["samples"]]
            for each in found["profiles"]}  # fmt: skip


def test_of_the_main_process_the_counted_steps_are_left():
    found = readable(
        scope(
            profile(10, "MainThread", [PROCESS, RUN, STEADY, STEP], [PROCESS, RUN], [PROCESS, RUN, STEADY, PROFILERS])
        ),
        10,
        {},
    )
    assert stacks(found) == {"main process": [["Trial.run", STEADY_FRAME, "step"]]}
    assert found["profiles"][0]["endValue"] == pytest.approx(0.01)
    assert found["profiles"][0]["weights"] == [0.01]


def test_the_frame_that_they_are_told_by_is_the_loops():
    assert Loop._count.__qualname__ == STEADY_FRAME
    from workbench.measure.profilers.choose import Profilers

    assert Profilers.step.__qualname__ == PROFILERS_FRAME


def test_processes_have_the_names_that_they_have_everywhere():
    found = readable(
        scope(
            profile(12, "QueueFeederThread", [PROCESS, SERVE]),
            profile(12, "MainThread", [PROCESS, FETCH]),
            profile(11, "MainThread", [PROCESS, FETCH]),
            profile(10, "leash", [PROCESS, SERVE]),
            profile(10, "pending_0", [PROCESS, STEP]),
            profile(10, "MainThread", [PROCESS, STEADY]),
            profile(13, "MainThread", [PROCESS, FETCH]),
            profile(99, "MainThread", [PROCESS, FETCH]),
        ),
        10,
        {11: 1, 12: 0, 13: 1},
    )
    assert list(stacks(found)) == [
        "main process",
        "worker 0",
        "worker 1",
        "main process, pending_0",
        "main process, leash (workbench's own)",
        "worker 0, QueueFeederThread (workbench's own)",
    ]
    assert len(stacks(found)["worker 1"]) == 2, "a worker that was started anew is the same worker"


def test_only_frames_that_are_used_are_kept_and_hold_no_nulls():
    found = readable(scope(profile(11, "MainThread", [PROCESS, RUN, FETCH])), 10, {11: 0})
    assert [frame["name"] for frame in found["shared"]["frames"]] == ["Trial.run", "fetch"]
    assert all(None not in frame.values() for frame in found["shared"]["frames"])
    assert found["profiles"][0].keys() >= {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
    assert found["profiles"][0]["unit"] == "seconds"


def test_frames_of_a_folder_are_left_out_of_the_stacks():
    recorded = scope(profile(10, "MainThread", [RUN, STEADY, STEP, FETCH]))
    recorded["shared"]["frames"][STEP]["file"] = "/x/observer/timed.py"
    found = speedscope.readable(recorded, 10, {}, within=None, without="waits", hidden="/x/observer")
    assert stacks(found) == {"main process": [["Trial.run", STEADY_FRAME, "fetch"]]}
