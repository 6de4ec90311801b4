"""A trial leaves a record however it ends, the caller lives, and no process is left over."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from workbench.measure.loaders import shared_memory
from workbench.measure.trial.events import Event, parse_event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import EVENTS, PAGES, SPANS, read_record, read_spans
from workbench.workloads.ocr.knobs import OcrKnobs


def knobs(**settings: object) -> OcrKnobs:
    return OcrKnobs(**{"num_pages": 6, "batch_size": 2, "device": "replay", "checked_samples": 1, **settings})


def test_a_combination_that_only_this_machine_makes_impossible_is_refused(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device on this machine")
    record = run_trial(knobs(device="auto", targets="none"), tmp_path)
    assert record.failure is not None
    assert record.failure.kind == "bad_input"
    assert "targets=none" in record.failure.message


def endless(**settings: object) -> OcrKnobs:
    """A trial that goes on until somebody ends it."""
    return knobs(num_steps=100_000, **settings)


class Watch:
    """Sees the processes of a trial while it runs, and does something to them once it is steady."""

    def __init__(self, act=lambda trial: None) -> None:
        self.act = act
        self.trial: psutil.Process | None = None
        self.tree: list[psutil.Process] = []
        self.acted_at = 0.0

    def __call__(self, event: Event) -> None:
        if event.phase == "steady" and self.trial is None:
            (self.trial,) = [p for p in psutil.Process().children() if "workbench.measure.trial.worker" in p.cmdline()]
            self.tree = [self.trial, *self.trial.children(recursive=True)]
            self.acted_at = time.monotonic()
            self.act(self.trial)

    def all_gone(self) -> bool:
        return bool(self.tree) and not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in self.tree)


@pytest.fixture(scope="module")
def ended_well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Record, list[Event]]]:
    runs = tmp_path_factory.mktemp("runs")
    events: list[Event] = []
    record = run_trial(knobs(num_workers=2, cache="decoded", cache_store="shared"), runs, on_event=events.append)
    yield runs / record.run_id, record, events


def test_a_trial_that_ends_well(ended_well):
    folder, record, events = ended_well
    assert record.status == "ok", record.failure
    assert record == read_record(folder)
    assert record.simulated
    assert record.steady is not None
    assert (record.steady.num_steps, record.steady.num_pages) == (3, 6)
    assert record.steady.samples_per_s == pytest.approx(6 / record.steady.wall_s)
    assert {event.phase for event in events} >= {"imports", "dataset", "cache", "model", "workers", "warmup", "steady"}
    assert [parse_event(line) for line in (folder / EVENTS).read_text().splitlines()] == events
    assert (folder / PAGES).is_file()


def test_start_up_adds_up_and_lies_before_the_steady_part(ended_well):
    _, record, _ = ended_well
    startup = record.startup
    parts = [getattr(startup, name) for name in type(startup).model_fields if name != "total_s"]
    assert sum(parts) == pytest.approx(startup.total_s)
    assert min(parts) >= -1e-9
    assert startup.cache_fill_s > 0


def test_the_stages_of_all_lanes_are_there(ended_well):
    folder, record, _ = ended_well
    stages = {(row.lane, row.name) for row in record.stages}
    worker = {"cache", "LongestMaxSize", "PadIfNeeded", "Normalize", "ToTensorV2", "keypoints", "polygons", "targets"}
    assert {("worker", name) for name in worker | {"collate", "send", "idle"}} <= stages
    main = {"wait", "receive", "transfer", "forward", "fetch", "postprocess", "metric"}
    assert {("main", name) for name in main} <= stages
    assert ("device", "forward") in stages
    spans = read_spans(folder)
    assert set(spans["lane"]) == {"worker", "main", "device"}
    assert (spans["end_ns"] >= spans["begin_ns"]).all()
    assert (folder / SPANS).stat().st_size < 1e6


def test_memory_counts_the_cache_once_and_the_whole_tree(ended_well):
    _, record, _ = ended_well
    assert record.memory.cache_bytes == 6 * 1280 * 720 * 3 or record.memory.cache_bytes > 0
    assert record.memory.peak_pss_bytes > record.memory.cache_bytes
    assert set(record.memory.pss_bytes_by_phase) >= {"cache", "steady"}


def test_the_detections_are_those_of_the_pages(ended_well):
    _, record, _ = ended_well
    assert record.quality.num_pages == 6
    assert record.quality.hmean > 0.5
    assert record.quality.origin == "simulated"


def test_the_environment_is_told(ended_well):
    _, record, _ = ended_well
    assert record.environment.cores >= 1
    assert record.environment.packages["albumentations"] == "2.0.8"


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_cancelled_trial_is_gone_with_all_its_workers(tmp_path, start_method):
    cancel = threading.Event()
    watch = Watch(lambda trial: cancel.set())
    record = run_trial(endless(num_workers=2, start_method=start_method), tmp_path, on_event=watch, cancel=cancel)
    took_s = time.monotonic() - watch.acted_at
    assert (record.status, record.failure.kind, record.failure.phase) == ("failed", "cancelled", "steady")
    assert len(watch.tree) >= 3
    assert watch.all_gone()
    assert took_s < 10  # the promise is 2 s; a busy machine gets more


def test_a_trial_that_takes_too_long_is_stopped(tmp_path):
    watch = Watch()
    record = run_trial(endless(num_workers=1, timeout_s=12.0), tmp_path, on_event=watch)
    assert (record.status, record.failure.kind) == ("failed", "timeout")
    assert "timeout_s" in record.failure.message
    assert watch.all_gone()


def test_a_killed_trial_says_what_may_have_killed_it(tmp_path):
    watch = Watch(lambda trial: trial.kill())
    record = run_trial(endless(num_workers=2), tmp_path, on_event=watch)
    assert (record.failure.kind, record.failure.phase) == ("killed", "steady")
    assert "memory" in record.failure.message
    assert watch.all_gone()
    assert read_record(tmp_path / record.run_id) == record


def test_a_crash_names_its_signal(tmp_path):
    watch = Watch(lambda trial: trial.send_signal(signal.SIGSEGV))
    record = run_trial(endless(num_workers=0), tmp_path, on_event=watch)
    assert record.failure.kind == "crash"
    assert "SIGSEGV" in record.failure.message


def test_a_killed_loader_worker_fails_the_trial_and_names_the_worker(tmp_path):
    pids: list[int] = []

    def kill_one(trial: psutil.Process) -> None:
        worker = trial.children()[0]
        pids.append(worker.pid)
        worker.kill()

    record = run_trial(endless(num_workers=1), tmp_path, on_event=Watch(kill_one))
    assert record.failure.kind == "killed"
    assert str(pids[0]) in record.failure.message
    assert "num_workers" in record.failure.message


def leave_segments(pids: list[int]) -> None:
    """What a worker leaves in /dev/shm that is killed while it makes a segment, on its behalf."""
    for pid in pids:
        (shared_memory.FOLDER / f"torch_{pid}_77_0").write_bytes(b"x" * 1000)


def segments_of(pids: list[int]) -> list[str]:
    return [name for pid in pids for name in (path.name for path in shared_memory.FOLDER.glob(f"torch_{pid}_*"))]


ENDS = {
    "the trial is killed": lambda trial: trial.kill(),
    "a worker is killed": lambda trial: trial.children()[0].kill(),
    "the trial crashes": lambda trial: trial.send_signal(signal.SIGSEGV),
    "whoever follows it fails": lambda trial: {}["missing"],
    "it ends well": lambda trial: None,
}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_left_in_shared_memory_however_a_trial_ends(tmp_path, how):
    pids: list[int] = []
    mine = shared_memory.FOLDER / f"torch_{os.getpid()}_77_0"

    def end(trial: psutil.Process) -> None:
        pids.extend([trial.pid, *(child.pid for child in trial.children())])
        leave_segments([*pids, os.getpid()])
        assert len(segments_of(pids)) == len(pids) >= 2
        ENDS[how](trial)

    asked = knobs if how == "it ends well" else endless
    try:
        with contextlib.suppress(KeyError):
            run_trial(asked(num_workers=1), tmp_path, on_event=Watch(end))
        assert pids
        assert segments_of(pids) == []
        assert mine.is_file()  # of a process that lives and is not the trial's
    finally:
        for name in (mine.name, *segments_of(pids)):
            (shared_memory.FOLDER / name).unlink(missing_ok=True)


def test_an_error_of_the_caller_ends_the_trial_and_is_raised(tmp_path):
    watch = Watch(lambda trial: {}["missing"])
    with pytest.raises(KeyError, match="missing"):
        run_trial(endless(num_workers=1), tmp_path, on_event=watch)
    assert watch.all_gone()
    (folder,) = tmp_path.iterdir()
    assert read_record(folder).failure.kind == "cancelled"


def test_bad_input_is_named_without_a_traceback(tmp_path):
    record = run_trial(knobs(dataset=str(tmp_path / "missing"), num_workers=0), tmp_path)
    assert (record.failure.kind, record.failure.phase) == ("bad_input", "dataset")
    assert "missing" in record.failure.message
    assert "Traceback" not in record.failure.message + record.failure.stderr_tail


def test_a_trial_ends_when_its_launcher_is_gone(tmp_path):
    script = (
        "import sys; from pathlib import Path; from workbench.knobs.knobs import Knobs\n"
        "from workbench.measure.trial.launcher import run_trial\n"
        "knobs = OcrKnobs(num_pages=6, batch_size=2, device='replay', num_workers=1, num_steps=100000)\n"
        "run_trial(knobs, Path(sys.argv[1]), on_event=lambda event: print(event.phase, flush=True))"
    )
    launcher = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
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
    _, alive = psutil.wait_procs(tree, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert segments_of(workers) == []


SMALL_DISK = """
import os, sys
from pathlib import Path
from workbench.knobs.knobs import Knobs
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
knobs = OcrKnobs(num_pages=6, batch_size=2, device="replay", num_workers=1, checked_samples=1)
record = run_trial(knobs, folder / "runs", on_event=fill)
print(record.status, record.failure.kind, record.failure.message)
"""


def test_a_disk_that_fills_up_meanwhile_is_told_in_one_line(tmp_path):
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
