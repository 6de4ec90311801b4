"""A trial in this process, from first import to record: after the counted steps nothing loses what was measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from toy import CheckedToy, CompiledToy, Toy, kill_the_worker, toy_knobs

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.knobs.knobs import Knobs
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.measure.profilers import choose, merged_trace
from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.measure.timing.spans import monotonic_ns
from workbench.measure.timing.stages import is_knocked_out
from workbench.measure.trial import finish
from workbench.measure.trial.events import Event
from workbench.measure.trial.measure import Trial
from workbench.records import Record, Score
from workbench.records.run_folder import RECORD, SAMPLES, SPANS, read_record, read_spans, write_json
from workbench.units import NS_PER_S
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


def run(folder: Path, knobs: Knobs, events: list[Event] | None = None) -> Record:
    """The record of a trial, as it is read back."""
    follow: Callable[[Event], None] = (lambda event: None) if events is None else events.append
    record = Trial(knobs, folder, started_ns=monotonic_ns(), on_event=follow).run()
    write_json(folder / RECORD, record)
    return read_record(folder)


def test_what_is_compiled_once_is_no_part_of_a_start(tmp_path, monkeypatch):
    compiled: list[CompiledToy] = []
    monkeypatch.setattr(CompiledToy, "compile_ahead", lambda self: compiled.append(self))
    clock = lambda: monotonic_ns() + 100 * NS_PER_S * len(compiled)  # noqa: E731
    knobs = toy_knobs(CompiledToy)
    record = Trial(knobs, tmp_path, started_ns=clock(), on_event=lambda event: None, clock=clock).run()

    assert record.startup is not None and record.startup.total_s < 50.0
    assert record.startup.imports_s < 50.0
    assert [note for note in record.notes if "code was compiled for 100 s, once on this machine" in note]


def raises(error: Exception | None = None) -> Callable[[], None]:
    def fail() -> None:
        raise error or ZeroDivisionError("planted")

    return fail


def assert_whole(record: Record, *, steps: int = 3) -> None:
    """What was measured in the counted steps is all there."""
    assert record.status == "ok"
    assert record.steady is not None
    assert (record.steady.num_steps, record.steady.num_samples) == (steps, 4 * steps)
    assert record.steady.samples_per_s == pytest.approx(4 * steps / record.steady.wall_s)
    assert record.startup is not None
    assert record.batches.samples[-steps:] == [4] * steps
    assert {"decode", "collate", "forward", "wait"} <= {row.name for row in record.stages}
    assert all(lane.attributed_share is not None for lane in record.lanes)


def test_a_trial_of_a_workload_of_ones_own_leaves_a_whole_record(tmp_path):
    events: list[Event] = []
    record = run(tmp_path, toy_knobs(), events)
    assert_whole(record)
    assert (record.item, [stage.name for stage in record.workload_stages]) == ("number", ["decode"])
    assert record.catalogue.find("worker", "decode").per == "sample"
    assert record.description is not None
    assert [(count.name, count.number) for count in record.description.counts] == [("even numbers", 6)]
    assert record.quality == {"coverage": Score(value=1.0, num_samples=12)}
    assert (record.memory.cache_bytes, record.startup.cache_fill_s) == (None, None)
    assert record.memory.peak_pss_bytes == max(record.memory.pss_bytes_by_phase.values()) > 0
    assert record.isolated.stages == []
    assert record.notes == []
    assert set(read_spans(tmp_path)["lane"]) == {"worker", "main", "device"}
    phases = ["imports", "dataset", "cache", "workers", "model", "engine", "warmup", "steady", "finish"]
    assert [event.phase for event in events if event.total is None] == [name for name in phases if name != "steady"]
    assert {event.phase for event in events} == set(phases)


class Modular(Toy):
    """Names a module that its figures depend on."""

    modules = ("pydantic", "no.such.module")


def test_the_versions_of_a_workloads_modules_belong_to_the_environment(tmp_path, monkeypatch):
    monkeypatch.setattr("toy.Modular", Modular, raising=False)
    packages = [run(tmp_path, toy_knobs(kind)).environment.packages for kind in (Toy, Modular)]
    assert {"torch", "numpy"} <= set(packages[0])
    assert set(packages[1]) - set(packages[0]) == {"pydantic"}


def test_samples_of_a_workload_without_rules_of_its_own_are_recorded(tmp_path):
    run(tmp_path, toy_knobs(checked_samples=3))
    with np.load(tmp_path / SAMPLES) as found:
        assert found["times_seen"].tolist() == [1] * 12
        assert found["whole/data"].flatten().tolist() == [0, 1, 2]
    with zipfile.ZipFile(tmp_path / SAMPLES) as parts:
        assert {part.compress_type for part in parts.infolist()} == {zipfile.ZIP_DEFLATED}


@pytest.mark.parametrize("settings", [{"checked_samples": 0}, {"mode": "train"}, {"knock_out": "decode"}], ids=str)
def test_samples_that_could_not_be_compared_are_not_recorded(tmp_path, settings):
    record = run(tmp_path, toy_knobs(**settings))
    assert_whole(record)
    assert not (tmp_path / SAMPLES).exists()


def test_a_workload_with_a_cache_and_rules_of_its_own(tmp_path):
    record = run(tmp_path, toy_knobs(CheckedToy, isolated_samples=8, num_workers=1, num_steps=3, warmup_steps=2))
    assert_whole(record)
    assert record.memory.cache_bytes == 8 * 12
    assert record.memory.cache_readings == 5 * 4
    assert record.startup.cache_fill_s is not None
    with np.load(tmp_path / SAMPLES) as found:
        assert sorted(found["kept"].tolist()) == list(range(12))
    assert {row.name: row.count for row in record.isolated.stages}["decode"] == 8
    assert len(record.isolated.samples) == 8


def test_what_is_timed_isolated_is_no_part_of_the_description(tmp_path):
    record = run(tmp_path, toy_knobs(CheckedToy, isolated_samples=8, num_workers=1, num_steps=3))
    assert record.isolated.stages
    assert record.description is not None
    assert {count.name: count.number for count in record.description.counts}["counted samples"] == 12


def test_without_stage_timing_there_are_figures_and_no_stages(tmp_path):
    record = run(tmp_path, toy_knobs(stage_timing=False))
    assert record.steady is not None
    assert (record.stages, record.lanes) == ([], [])
    assert not (tmp_path / SPANS).exists()


def test_start_up_adds_up(tmp_path):
    startup = run(tmp_path, toy_knobs(CheckedToy)).startup
    assert startup is not None
    parts = [getattr(startup, name) for name in type(startup).model_fields if name != "total_s"]
    parts = [part for part in parts if part is not None]  # what only an observed script has
    assert sum(parts) == pytest.approx(startup.total_s)
    assert min(parts) >= -1e-9 and len(parts) >= 6


def plant(monkeypatch: pytest.MonkeyPatch, **planted: Callable[[], None]) -> None:
    monkeypatch.setattr(CheckedToy, "planted", planted)


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("quality", "quality"),
        ("cache_state", "reading the cache's state"),
        ("record", "recording samples"),
        ("recorded", "writing the recorded samples"),
        ("check", "description"),
    ],
)
@pytest.mark.parametrize(
    "error", [ZeroDivisionError("planted"), BadInput("the data set", [Problem("planted")])], ids=str
)
def test_a_workload_that_fails_after_the_counted_steps_leaves_a_note(tmp_path, monkeypatch, method, what, error):
    plant(monkeypatch, **{method: raises(error)})
    record = run(tmp_path, toy_knobs(CheckedToy))
    assert_whole(record)
    note = next(note for note in record.notes if note.startswith(what))
    assert note.startswith(f"{what} failed after the counted steps: {type(error).__name__}: ")
    assert "planted" in note
    assert ("coverage" in record.quality) == (method != "quality")
    assert (record.memory.cache_bytes is not None) == (method != "cache_state")
    assert record.description is not None


def test_all_of_it_may_fail_at_once(tmp_path, monkeypatch):
    names = ("quality", "cache_state", "record", "recorded", "check")
    plant(monkeypatch, **dict.fromkeys(names, raises()))
    for name in ("describe_environment", "time_isolated"):
        monkeypatch.setattr(finish, name, lambda *arguments: raises()())
    monkeypatch.setattr(finish, "SPANS", "no/such/folder/spans.parquet")
    record = run(tmp_path, toy_knobs(CheckedToy, num_workers=1, num_steps=3, isolated_samples=4))
    assert_whole(record)
    assert sum("failed after the counted steps" in note for note in record.notes) == 8
    assert record.environment is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.5, None], ids=str)
def test_a_figure_of_quality_that_no_record_can_hold_is_left_out_with_a_note(tmp_path, monkeypatch, value):
    """JSON has no nan: a record that holds one cannot be read back."""
    is_score = isinstance(value, float) and value != 0.5
    wrong = Score(value=value, num_samples=1) if is_score else value
    right = Score(value=0.25, num_samples=1)
    monkeypatch.setattr(CheckedToy, "quality", lambda self: {"loss": wrong, "right": right})
    record = run(tmp_path, toy_knobs(CheckedToy))
    assert_whole(record)
    assert record.quality == {"right": right}
    assert any(note.startswith(f"quality: 'loss' is left out, it is {value}") for note in record.notes)


def test_notes_of_the_loaders_end_are_in_the_record(tmp_path, monkeypatch):
    close = TorchLoader.close
    monkeypatch.setattr(TorchLoader, "close", lambda self: [*close(self), "planted: worker 3 was not stopped"])
    record = run(tmp_path, toy_knobs())
    assert_whole(record)
    assert record.notes == ["planted: worker 3 was not stopped"]


def test_a_worker_that_dies_after_the_counted_steps_is_a_note(tmp_path, monkeypatch):
    plant(monkeypatch, cache_state=kill_the_worker)
    record = run(tmp_path, toy_knobs(CheckedToy, num_workers=1, prefetch_factor=1, num_steps=3))
    assert_whole(record)
    assert any(note.startswith("recording samples failed after the counted steps") for note in record.notes)
    assert any("SIGKILL" in note for note in record.notes)


def test_a_worker_that_dies_before_fails_the_trial(tmp_path, monkeypatch):
    step = Toy.step

    def kill_and_step(self: Toy, *arguments: Any, **settings: Any) -> None:
        if len(self.seen) == 8:
            kill_the_worker()
        step(self, *arguments, **settings)

    monkeypatch.setattr(Toy, "step", kill_and_step)
    with pytest.raises(Exception, match=r"loader worker \(pid"):
        run(tmp_path, toy_knobs(num_workers=1, num_steps=20))
    assert not [child for child in psutil.Process().children() if child.name() == "pt_data_worker"]


class Broken(BaseProfiler):
    """A profiler that fails where a test plants it; else it leaves a file."""

    where = "nowhere"

    def __init__(self, context: ProfilerContext) -> None:
        self._folder = context.folder

    def _may_fail(self, name: str) -> None:
        if name == self.where:
            raise OSError(f"planted in {name}")

    def phase(self, name: str) -> None:
        self._may_fail("phase" if name == "finish" else "")

    def steady(self) -> None:
        self._may_fail("steady")

    def step(self) -> None:
        self._may_fail("step")

    def stop(self) -> None:
        self._may_fail("stop")

    def collect(self) -> Findings:
        self._may_fail("collect")
        (self._folder / "sound.txt").write_text("sound", encoding="utf-8")
        return Findings({"sound": self._folder / "sound.txt"}, ["sound"])


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> type[Broken]:
    monkeypatch.setitem(sys.modules, "broken_profiler", sys.modules[Broken.__module__])
    monkeypatch.setitem(choose.PROFILERS, "memory", ("broken_profiler", "Broken"))
    monkeypatch.setattr(Broken, "where", "nowhere")
    return Broken


@pytest.mark.parametrize("where", ["phase", "steady", "step", "stop", "collect"])
def test_a_profiler_that_breaks_is_a_note(tmp_path, broken, where):
    broken.where = where
    record = run(tmp_path, toy_knobs(profilers="memory"))
    assert_whole(record)
    assert f"memory: OSError: planted in {where}" in record.notes
    assert set(record.profiles) == {"timeline"}


def test_a_sound_profiler_leaves_its_files(tmp_path, broken):
    record = run(tmp_path, toy_knobs(profilers="memory"))
    assert_whole(record)
    assert record.profiles == {"sound": "profiles/sound.txt", "timeline": "profiles/timeline.json.gz"}
    assert all((tmp_path / path).is_file() for path in record.profiles.values())
    assert "sound" in record.notes


@pytest.mark.parametrize(
    ("error", "note", "left"),
    [
        (
            OSError(28, "No space left on device"),
            "the merged trace could not be written (No space left on device)",
            True,
        ),
        (ValueError("planted"), "collecting the profiles failed after the counted steps: ValueError: planted", False),
    ],
    ids=["full disk", "any other"],
)
def test_profiles_that_cannot_be_collected_are_a_note(tmp_path, monkeypatch, broken, error, note, left):
    monkeypatch.setattr(merged_trace, "write_merged_trace", lambda *arguments: raises(error)())
    record = run(tmp_path, toy_knobs(profilers="memory"))
    assert_whole(record)
    assert note in record.notes
    assert ("sound" in record.profiles) == left


FULL_DISK = """
import sys
from pathlib import Path
from measure.trial.test_measure import fill_then_run
if __name__ == "__main__":
    fill_then_run(Path(sys.argv[1]))
"""


def fill_then_run(folder: Path) -> None:
    """In a process of its own: no room is left on the disk from the moment at which the samples are written."""

    def fill() -> None:
        with pytest.raises(OSError, match="No space"), (folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))

    CheckedToy.planted = {"recorded": fill}
    record = Trial(toy_knobs(CheckedToy), folder, started_ns=monotonic_ns(), on_event=lambda event: None).run()
    assert_whole(record)
    print((folder / SAMPLES).exists(), *record.notes)


def test_samples_that_find_no_room_leave_no_half_of_a_file(tmp_path, checkout):
    """On a file system of 600 kB, where this user may mount one."""
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=600k tmpfs "$0" && exec "$@"', str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*mount, "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    command = [*mount, sys.executable, "-c", FULL_DISK, str(tmp_path)]
    path = os.pathsep.join([str(checkout), str(checkout / "tests")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("False writing the recorded samples failed after the counted steps: CannotWrite")


@pytest.mark.parametrize("knob", [{"slow_down": "decoed:1"}, {"knock_out": "decoed"}], ids=str)
def test_a_knob_that_names_a_stage_that_never_ran_is_refused(tmp_path, knob):
    with pytest.raises(BadInput, match="there is no stage named 'decoed'"):
        run(tmp_path, toy_knobs(**knob))


def test_a_knocked_out_stage_is_replayed_and_its_samples_are_said_to_be_invalid(tmp_path):
    record = run(tmp_path, toy_knobs(knock_out="decode"))
    assert_whole(record)
    assert record.quality == {}
    assert record.notes == ["knocked out: decode; samples and results are not valid"]
    (decode,) = [row for row in record.stages if row.name == "decode"]
    assert decode.p50_s < 0.001, "a sample takes a millisecond"
    assert not is_knocked_out("decode"), "what runs in this process afterwards is not replayed"


def test_an_error_before_the_counted_steps_are_over_is_raised(tmp_path, monkeypatch):
    step = Toy.step

    def fail_late(self: Toy, *arguments: Any, **settings: Any) -> None:
        if len(self.seen) == 16:
            raise WorkbenchError("planted in a counted step")
        step(self, *arguments, **settings)

    monkeypatch.setattr(Toy, "step", fail_late)
    with pytest.raises(WorkbenchError, match="planted in a counted step"):
        run(tmp_path, toy_knobs())


def test_a_combination_that_only_this_machine_makes_impossible_is_refused(tmp_path, monkeypatch):
    """A replay device gives the targets for results: without a CUDA device `auto` cannot do without them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="targets=none"):
        run(tmp_path, OcrKnobs(device="auto", targets="none", num_pages=2))


def test_a_trial_without_time_for_all_its_steps_is_kept_with_those_that_it_did(tmp_path):
    record = run(tmp_path, toy_knobs(num_steps=10**6, num_workers=1, timeout_s=12.0))
    assert record.status == "ok"
    assert record.steady is not None and 3 <= record.steady.num_steps < 10**6
    (note,) = [note for note in record.notes if "timeout_s" in note and "counted steps" in note]
    assert note.startswith(f"ended after {record.steady.num_steps} of 1000000 counted steps")
