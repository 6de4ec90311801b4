"""A trial leaves a record however it ends, the caller lives, and no process is left over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from toy import toy_knobs

from workbench.knobs.knobs import Knobs
from workbench.measure.loaders import shared_memory
from workbench.measure.trial.events import Event, parse_event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import EVENTS, SAMPLES, list_runs, read_record, read_spans
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Ended:
    """A trial of the OCR workload that has ended well."""

    folder: Path
    record: Record
    events: list[Event]


@pytest.fixture(scope="module")
def ended_well(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    runs = tmp_path_factory.mktemp("runs")
    knobs = OcrKnobs(
        num_pages=6, batch_size=2, image_size=320, num_workers=2, cache="decoded", cache_store="shared",
        device="replay", checked_samples=1, isolated_samples=0,
    )  # fmt: skip
    events: list[Event] = []
    record = run_trial(knobs, runs, on_event=events.append)
    return Ended(runs / record.run_id, record, events)


def test_a_trial_that_ends_well(ended_well):
    record, folder = ended_well.record, ended_well.folder
    assert record.status == "ok", record.failure
    assert record == read_record(folder)
    assert record.simulated
    assert record.steady is not None
    assert (record.steady.num_steps, record.steady.num_samples) == (3, 6)
    assert record.steady.samples_per_s == pytest.approx(6 / record.steady.wall_s)
    phases = {"imports", "dataset", "cache", "model", "engine", "workers", "warmup", "steady", "finish"}
    assert {event.phase for event in ended_well.events} == phases
    assert [parse_event(line) for line in (folder / EVENTS).read_text().splitlines()] == ended_well.events
    assert (folder / SAMPLES).is_file()
    assert record.notes == []
    assert record.machine is not None


def test_start_up_lies_before_the_steady_part(ended_well):
    startup, steady = ended_well.record.startup, ended_well.record.steady
    assert startup is not None
    assert startup.cache_fill_s > 0
    main = read_spans(ended_well.folder).query("lane == 'main' and stage == 'drain'")
    assert steady.begin_ns < main["end_ns"].max() <= steady.end_ns
    assert steady.end_ns - steady.begin_ns == pytest.approx(steady.wall_s * 1e9)


def test_the_stages_of_all_lanes_are_there(ended_well):
    stages = {(row.lane, row.name) for row in ended_well.record.stages}
    worker = {"cache", "LongestMaxSize", "PadIfNeeded", "Normalize", "ToTensorV2", "keypoints", "polygons", "targets"}
    assert {("worker", name) for name in worker | {"collate", "send", "idle"}} <= stages
    main = {"wait", "receive", "transfer", "forward", "fetch", "postprocess", "metric"}
    assert {("main", name) for name in main} <= stages
    assert ("device", "forward") in stages
    catalogue = ended_well.record.catalogue
    assert all(catalogue.is_declared(name) for lane, name in stages), "the record knows what its stages are"
    spans = read_spans(ended_well.folder)
    assert set(spans["lane"]) == {"worker", "main", "device"}
    assert (spans["end_ns"] >= spans["begin_ns"]).all()


def test_memory_counts_the_cache_once_and_the_whole_tree(ended_well):
    memory = ended_well.record.memory
    assert memory.cache_bytes is not None
    assert memory.cache_bytes >= 6 * 1280 * 720 * 3
    assert memory.peak_pss_bytes > memory.cache_bytes
    assert set(memory.pss_bytes_by_phase) >= {"cache", "steady"}


def test_the_detections_are_those_of_the_pages(ended_well):
    hmean = ended_well.record.quality["H-mean"]
    assert hmean.num_samples == 6
    assert hmean.value > 0.5
    assert hmean.origin == "simulated"


def test_the_record_names_the_environment(ended_well):
    assert ended_well.record.environment.cores >= 1
    assert ended_well.record.environment.packages["albumentations"] == "2.0.8"


def endless(**settings: Any) -> Knobs:
    """A trial that goes on until somebody ends it."""
    return toy_knobs(**{"num_steps": 10_000_000, "num_workers": 1, **settings})


class Watch:
    """Sees the processes of a trial while it runs, and does something to them once it is steady."""

    def __init__(self, act: Callable[[psutil.Process], object] = lambda trial: None) -> None:
        self.act = act
        self.trial: psutil.Process | None = None
        self.tree: list[psutil.Process] = []

    def __call__(self, event: Event) -> None:
        if event.phase == "steady" and self.trial is None:
            (self.trial,) = [p for p in psutil.Process().children() if "workbench.measure.trial.worker" in p.cmdline()]
            self.tree = [self.trial, *self.trial.children(recursive=True)]
            self.act(self.trial)

    def all_gone(self) -> bool:
        return bool(self.tree) and not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in self.tree)


def leave_segments(pids: list[int]) -> None:
    """What a worker leaves in /dev/shm that is killed while it makes a segment, on its behalf."""
    for pid in pids:
        (shared_memory.FOLDER / f"torch_{pid}_77_0").write_bytes(b"x" * 1000)


def segments_of(pids: list[int]) -> list[str]:
    return [path.name for pid in pids for path in shared_memory.FOLDER.glob(f"torch_{pid}_*")]


ENDS: dict[str, tuple[Callable[[psutil.Process], object], str, list[str]]] = {
    "the trial is killed": (lambda trial: trial.kill(), "killed", ["memory"]),
    "a worker is killed": (lambda trial: trial.children()[0].kill(), "killed", ["pid {worker}", "num_workers"]),
    "the trial crashes": (lambda trial: trial.send_signal(signal.SIGSEGV), "crash", ["SIGSEGV"]),
    "whoever follows it fails": (lambda trial: {}["missing"], "cancelled", ["KeyError('missing')"]),
    "it ends well": (lambda trial: None, "", []),
}


@pytest.mark.parametrize("how", ENDS)
def test_however_a_trial_ends_there_is_a_record_and_nothing_else_is_left(tmp_path, how):
    act, kind, words = ENDS[how]
    pids: list[int] = []
    mine = shared_memory.FOLDER / f"torch_{os.getpid()}_77_0"

    def end(trial: psutil.Process) -> None:
        pids.extend([trial.pid, *(child.pid for child in trial.children())])
        leave_segments([*pids, os.getpid()])
        assert len(pids) >= 2
        assert len(segments_of(pids)) >= len(pids)  # and those of batches that are under way
        act(trial)

    watch = Watch(end)
    try:
        if how == "whoever follows it fails":
            with pytest.raises(KeyError, match="missing"):
                run_trial(endless(), tmp_path, on_event=watch)
        else:
            run_trial(endless() if kind else endless(num_steps=200), tmp_path, on_event=watch)
        assert watch.all_gone()
        assert segments_of(pids) == []
        assert mine.is_file()  # of a process that lives and is not the trial's
    finally:
        for name in (mine.name, *segments_of(pids)):
            (shared_memory.FOLDER / name).unlink(missing_ok=True)
    (folder,) = list_runs(tmp_path)
    record = read_record(folder)
    if not kind:
        assert record.status == "ok", record.failure
        return
    assert (record.status, record.failure.kind, record.failure.phase) == ("failed", kind, "steady")
    for text in words:
        assert text.format(worker=pids[1]) in record.failure.message


WITH_PROCESSES = {
    "device": "replay", "replay_ms_per_sample": 0.5, "num_workers": 0, "num_pages": 4, "image_size": 160,
    "targets": "fast", "postprocess": "processes", "isolated_samples": 0, "checked_samples": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("act", "kind", "word"),
    [
        (lambda trial: trial.kill(), "killed", "memory"),
        (lambda trial: trial.send_signal(signal.SIGSEGV), "crash", "SIGSEGV"),
        (lambda trial: trial.children()[1].kill(), "killed", "ended with signal SIGKILL"),
    ],
    ids=["the trial is killed", "the trial crashes", "one of them is killed"],
)
def test_processes_that_work_on_results_are_gone_however_the_trial_ends(tmp_path, act, kind, word):
    watch = Watch(act)
    record = run_trial(OcrKnobs(num_steps=100_000, **WITH_PROCESSES), tmp_path, on_event=watch)
    assert len(watch.tree) == 3
    assert watch.all_gone()
    assert (record.failure.kind, record.failure.phase) == (kind, "steady")
    assert word in record.failure.message


def test_the_stages_of_processes_that_work_on_results_are_in_the_record(tmp_path):
    record = run_trial(OcrKnobs(num_steps=12, **WITH_PROCESSES), tmp_path)
    assert (record.status, record.notes) == ("ok", [])
    rows = {row.name: row for row in record.stages if row.lane == "main" and row.background}
    assert {name: row.side_by_side for name, row in rows.items()} == {
        "fetch": 1, "results": 1, "hand over": 1, "postprocess": 2, "metric": 2,
    }  # fmt: skip
    assert rows["postprocess"].count == 12
    assert record.lane("main").attributed_share > 0.9
    assert record.limits.background_batches == 7
    (folder,) = list_runs(tmp_path)
    spans = read_spans(folder)
    assert set(spans[spans["stage"] == "metric"]["process"]) == {1, 2}


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_cancelled_trial_is_gone_with_all_its_workers(tmp_path, start_method):
    cancel = threading.Event()
    watch = Watch(lambda trial: cancel.set())
    record = run_trial(endless(num_workers=2, start_method=start_method), tmp_path, on_event=watch, cancel=cancel)
    assert (record.status, record.failure.kind, record.failure.phase) == ("failed", "cancelled", "steady")
    assert len(watch.tree) >= 3
    assert watch.all_gone()


def test_a_trial_that_takes_too_long_is_stopped(tmp_path):
    record = run_trial(endless(timeout_s=1.0), tmp_path)
    assert (record.status, record.failure.kind) == ("failed", "timeout")
    assert "timeout_s = 1.00 s (" in record.failure.message
    assert f"{record.failure.phase} " in record.failure.message, "what it did, and for how long"
    assert not [p for p in psutil.Process().children() if "workbench.measure.trial.worker" in p.cmdline()]


def test_bad_input_is_named_without_a_traceback(tmp_path):
    record = run_trial(OcrKnobs(dataset=str(tmp_path / "missing"), num_workers=0), tmp_path)
    assert (record.failure.kind, record.failure.phase) == ("bad_input", "dataset")
    assert "missing" in record.failure.message
    assert "Traceback" not in record.failure.message + record.failure.stderr_tail


LAUNCHER = """
import sys
from pathlib import Path
from toy import toy_knobs
from workbench.measure.trial.launcher import run_trial
knobs = toy_knobs(num_workers=1, num_steps=10_000_000)
run_trial(knobs, Path(sys.argv[1]), on_event=lambda event: print(event.phase, flush=True))
"""


def test_a_trial_ends_when_its_launcher_is_gone(tmp_path):
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    for line in launcher.stdout:
        if line.startswith("steady"):
            break
    tree = psutil.Process(launcher.pid).children(recursive=True)
    assert len(tree) >= 2
    workers = [child.pid for child in tree[1:]]
    leave_segments(workers)
    os.kill(launcher.pid, signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    _, alive = psutil.wait_procs(tree, timeout=30)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert segments_of(workers) == []


SMALL_DISK = """
import os, sys
from pathlib import Path
from toy import toy_knobs
from workbench.measure.trial.launcher import run_trial
folder = Path(sys.argv[1])
def fill(event):
    if event.phase == "workers" and not (folder / "filler").exists():
        file = os.open(folder / "filler", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(file, bytes(4096))
        except OSError:
            os.close(file)
record = run_trial(toy_knobs(num_workers=1, num_steps=20), folder / "runs", on_event=fill)
print(record.status, record.failure.kind, record.failure.message)
"""


def test_a_disk_that_fills_up_meanwhile_is_named_in_one_line(tmp_path):
    """On a file system of 600 kB, where this user may mount one."""
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=600k tmpfs "$0" && exec "$@"', str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*mount, "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    command = [*mount, sys.executable, "-c", SMALL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("failed error cannot write record.json in ")
    assert "no space left on device" in line
    assert "0.000 MB free" in line
