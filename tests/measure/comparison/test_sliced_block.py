"""Trials of a block take turns: who runs when, for how long, and what becomes of one that fails."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import toy
from record_factory import make_failed, make_record
from toy import toy_knobs

from workbench.measure.comparison import sliced_block
from workbench.measure.comparison.sliced_block import NoRoom, run_sliced_block
from workbench.measure.trial.control_group import Memory
from workbench.measure.trial.freezing import pauses_file
from workbench.measure.trial.launcher import Launch
from workbench.measure.trial.machine import MachineWatch
from workbench.records import Record, Slicing
from workbench.units import NS_PER_S
from workbench.workloads.ocr.knobs import OcrKnobs

VARIANTS = {"baseline": OcrKnobs(), "a": OcrKnobs(num_workers=1)}
SLICING = Slicing(slice_s=2.0, rounds=2, least_steps=5)
ORDERS = [["baseline", "a"], ["a", "baseline"]]


class Stage:
    """Fake trials on one clock, which runs while somebody waits for one of them; `log` says who ran when."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.log: list[tuple[str, float]] = []
        self.made: list[FakeLaunch] = []
        self.fails: set[str] = set()
        self.step_s = {"baseline": 0.1, "a": 0.1}
        self.memory_bytes = 10**9
        self.side_by_side = False
        self.free_bytes = 10**10

    def make(self, knobs: OcrKnobs, runs: Path, **settings: object) -> FakeLaunch:
        name = next(name for name, own in VARIANTS.items() if own.num_workers == knobs.num_workers)
        assert settings["in_turns"]
        launch = FakeLaunch(self, name)
        self.made.append(launch)
        return launch


class FakeLaunch:
    """A trial that is up after a second; asked to end, it has steps for 0.1 s, then more to do, in the end isolated."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name
        self.phase, self.ran_s, self.is_frozen = "launch", 0.0, False
        self.has_ended = self.has_been_ended = False
        self.left_s: float | None = None
        self.stopped: tuple[str, str] | None = None
        self.freezer = SimpleNamespace(freeze=self._freeze, thaw=self._thaw, slices=[])

    def _freeze(self) -> None:
        self.is_frozen = True

    def _thaw(self) -> None:
        self.is_frozen = False
        self.stage.log.append((self.name, 0.0))

    def start(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        assert not self.is_frozen, "nobody waits for a frozen trial"
        others = [launch for launch in self.stage.made if launch is not self]
        running = [launch for launch in others if not launch.is_frozen and not launch.has_ended]
        assert not running or {self.phase, *(launch.phase for launch in running)} == {"finish"}, (
            "one runs, and no other"
        )
        self.stage.side_by_side |= bool(running)
        self.ran_s += seconds
        if self.stage.log and self.stage.log[-1][0] == self.name:
            self.stage.log[-1] = (self.name, self.stage.log[-1][1] + seconds)
        if self.phase == "launch" and self.ran_s >= 1.0:
            self.phase, self.has_ended = "steady", self.name in self.stage.fails
        if self.left_s is not None:
            self.left_s -= seconds
            self.has_ended = self.left_s <= 0.0
            self.phase = "steady" if self.left_s > 0.4 else "finish" if self.left_s > 0.2 else "isolated"

    def look(self, cancel: threading.Event) -> tuple[str, str] | None:
        return ("cancelled", "cancelled") if cancel.is_set() else None

    def finish(self) -> None:
        self.left_s = 0.5

    def end(self, stopped: tuple[str, str] | None = None) -> None:
        if not self.has_been_ended:
            self.has_been_ended = self.has_ended = True
            self.stopped = stopped

    def raise_callers_error(self) -> None:
        pass

    @property
    def step_s(self) -> float:
        return self.stage.step_s[self.name]

    @property
    def memory_bytes(self) -> int:
        return self.stage.memory_bytes

    def record(self, machine: object) -> Record:
        failed = self.name in self.stage.fails or self.stopped is not None
        return make_failed() if failed else make_record()


@pytest.fixture
def stage(monkeypatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(sliced_block, "usable_memory", lambda: Memory(10**11, stage.free_bytes, is_limited=False))
    return stage


def run(stage: Stage, **settings: object) -> dict[str, Record]:
    return run_sliced_block(VARIANTS, Path(), ORDERS, SLICING, seed=1, make=stage.make, **settings)


def test_one_runs_and_the_others_are_frozen_in_the_given_order(stage):
    records = run(stage)
    slices = stage.log[: 2 * len(ORDERS)]
    assert [name for name, _ in slices] == ["baseline", "a", "a", "baseline"]
    assert all(2.0 * 0.84 <= length <= 2.0 * 1.16 for _, length in slices)
    assert len({round(length, 3) for _, length in slices}) > 1, "slices of one length keep step with epochs"
    assert [record.status for record in records.values()] == ["ok", "ok"]
    assert all(launch.has_been_ended for launch in stage.made)


def test_they_end_side_by_side_but_for_what_is_timed(stage):
    run(stage)
    assert stage.side_by_side, "and never beside one with steps left, or one that is timed isolated"
    assert {launch.phase for launch in stage.made} == {"isolated"}


def test_scripts_end_one_by_one(stage, monkeypatch):
    monkeypatch.setattr(sliced_block, "ObservedKnobs", OcrKnobs)
    run(stage)
    assert not stage.side_by_side
    assert all(launch.has_been_ended for launch in stage.made)


def test_a_slice_holds_some_steps_however_slow_they_are(stage):
    stage.step_s["a"] = 1.0
    run(stage)
    assert all(5.0 * 0.84 <= length <= 5.0 * 1.16 for name, length in stage.log[:4] if name == "a")


def test_no_slice_is_endless(stage):
    stage.step_s["a"] = 60.0
    run(stage)
    assert all(length <= 10.0 * 1.16 for _, length in stage.log[: 2 * len(ORDERS)])


def test_the_others_go_on_where_one_fails(stage):
    stage.fails = {"a"}
    records = run(stage)
    assert {name: record.status for name, record in records.items()} == {"baseline": "ok", "a": "failed"}
    assert {name for name, _ in stage.log} == {"baseline"}
    assert all(launch.has_been_ended for launch in stage.made)


def test_without_room_for_all_none_is_left(stage):
    stage.free_bytes = 11 * 10**8
    with pytest.raises(NoRoom, match=r"no room for 'a' beside the others: 1\.1.* GB of memory are free"):
        run(stage)
    assert all(launch.has_been_ended for launch in stage.made)


def test_cancelled_trials_are_ended(stage):
    cancel = threading.Event()
    cancel.set()
    assert run(stage, cancel=cancel) == {}


def test_an_interrupt_ends_all_of_them(stage, monkeypatch):
    wait: Callable[[FakeLaunch, float], None] = FakeLaunch.wait

    def interrupted(self: FakeLaunch, seconds: float) -> None:
        if len(stage.log) == 2:
            raise KeyboardInterrupt
        wait(self, seconds)

    monkeypatch.setattr(FakeLaunch, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(stage)
    assert [launch.stopped for launch in stage.made] == [("cancelled", "interrupted from the keyboard")] * 2


@pytest.mark.real
def test_real_trials_take_turns(tmp_path):
    """Two toy trials with workers: each runs only in its slices, and counts on until all are over."""
    knobs = toy_knobs(num_workers=1, device="cpu", num_steps=3, batch_size=4)
    watch = MachineWatch()
    records = run_sliced_block(
        {"baseline": knobs, "a": knobs}, tmp_path, [["baseline", "a"]] * 2, Slicing(slice_s=0.5, rounds=2), seed=0,
        make=Launch,
    )  # fmt: skip
    wall_s = watch.describe().wall_s
    for record in records.values():
        assert record.status == "ok", record.failure
        assert len(record.slices) == 2
        assert record.steady is not None
        assert record.steady.num_steps > 3
        running_s = sum(one.end_ns - one.begin_ns for one in record.slices) / NS_PER_S
        assert record.steady.wall_s < running_s + 2.0, "its clock stood still while the other ran"
        inside = [one for one in record.slices if one.begin_ns < record.batches.end_ns[-1]]
        assert inside
        assert record.machine is not None
        assert record.machine.wall_s < wall_s


_LAUNCHER = """
import sys
from pathlib import Path
from toy import toy_knobs
from workbench.measure.comparison.sliced_block import run_sliced_block
from workbench.records import Slicing

knobs = toy_knobs(num_workers=1, device="cpu", batch_size=4)
run_sliced_block({"baseline": knobs, "a": knobs}, Path(sys.argv[1]), [["baseline", "a"]] * 1000, Slicing(), seed=0)
"""


@pytest.mark.real
def test_nothing_is_left_where_whoever_has_frozen_trials_is_killed(tmp_path):
    """One of them is frozen then, with its worker, and hears nothing of its leash."""
    launcher = subprocess.Popen([sys.executable, "-c", _LAUNCHER, str(tmp_path)], cwd=Path(toy.__file__).parent)
    until = time.monotonic() + 120.0
    while len(frozen := _of(tmp_path, psutil.STATUS_STOPPED)) < 1 or len(_of(tmp_path)) < 2:
        assert launcher.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    launcher.kill()
    launcher.wait()
    _, alive = psutil.wait_procs(frozen, timeout=20.0)
    assert alive == []
    while _of(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert _of(tmp_path) == []
    assert [path for run in tmp_path.iterdir() if (path := pauses_file(run)).exists()] == []


def _of(runs: Path, status: str | None = None) -> list[psutil.Process]:
    """The processes of trials in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        its = process.info
        is_own = any(str(runs) in word for word in its["cmdline"] or ()) and "trial.worker" in " ".join(its["cmdline"])
        if is_own and its["status"] != psutil.STATUS_ZOMBIE and status in (None, its["status"]):
            found.append(process)
    return found
