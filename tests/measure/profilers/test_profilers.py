"""Every profiler works on every process of a real trial, alone and together, and leaves the record whole."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy import BusyToy, toy_knobs
from trace_contract import trace_problems

from workbench.errors import BadInput
from workbench.explain.figures.profiler_figures import flame, flame_graph, memory_over_time
from workbench.explain.figures.profilers import operator_table, read_source
from workbench.knobs.measuring import PROFILERS
from workbench.measure.profilers import choose, merged_trace, stack_samples
from workbench.measure.profilers.choose import Profilers
from workbench.measure.profilers.line_times import LineTimes, find_functions, merge
from workbench.measure.profilers.memory_over_time import MemoryOverTime
from workbench.measure.profilers.merged_trace import collect_profilers, write_merged_trace
from workbench.measure.profilers.profiler import BaseProfiler, Findings, ProfilerContext
from workbench.measure.profilers.speedscope import STEADY_FRAME
from workbench.measure.profilers.torch_trace import TorchTrace, read_trace
from workbench.measure.timing.spans import Spans, TrackSpans
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import OWN_THREAD, PROFILES, read_spans
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.workload import OcrWorkload

pytestmark = pytest.mark.real

IN_WORKERS = "workbench.workloads.ocr.targets.compute_targets"
IN_MAIN = "workbench.workloads.ocr.detector.postprocess.search"


def test_the_names_of_the_knob_are_those_of_the_profilers():
    assert set(choose.PROFILERS) == set(PROFILERS)
    assert list(choose.PROFILERS)[-1] == "stacks", "it begins last and ends first"
    assert toy_knobs(profilers="stacks, torch").profilers == ("torch", "stacks")


@dataclass(frozen=True)
class Together:
    """A trial through all profilers at once."""

    folder: Path
    record: Record

    def file(self, name: str) -> Path:
        return self.folder / self.record.profiles[name]


@pytest.fixture(scope="module", params=["fork", "spawn"])
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Together:
    runs = tmp_path_factory.mktemp("runs")
    knobs = OcrKnobs(
        num_pages=6, batch_size=2, num_steps=30, num_workers=2, start_method=request.param, checked_samples=0,
        device="cpu", encoder="lcnet_050", neck="fpn_small", image_size=160, profilers=PROFILERS,
        model_threads=1,
    )  # fmt: skip
    record = run_trial(knobs, runs)
    assert record.failure is None, record.failure
    return Together(runs / record.run_id, record)


def test_together_they_work(together):
    record = together.record
    expected = {"torch trace", "torch operators", "line times", "stack samples", "memory over time", "timeline"}
    if any(note.startswith("stacks: ") and "ptrace" in note for note in record.notes):
        expected.remove("stack samples")  # this machine doesn't permit it, and the record says so
    assert set(record.profiles) == expected, record.notes
    assert record.lane("main").attributed_share is not None
    assert record.quality["H-mean"].num_samples == 6
    assert "profilers" in {row.name for row in record.stages}, "what they do in a step is a stage of its own"


def test_lines_are_timed_in_every_process_and_merged(together):
    merged = json.loads(together.file("line times").read_text())
    assert sorted(merged["processes"]) == ["main", "worker-0", "worker-1"]
    functions = {function["path"]: function for function in merged["functions"]}
    assert list(functions) == list(OcrWorkload.line_functions)
    assert not [note for note in together.record.notes if "was never called" in note]
    first = next(line for line in functions[IN_WORKERS]["lines"] if line["hits"])
    assert first["hits"] == (read_spans(together.folder)["stage"] == "targets").sum(), "once for each sample"
    assert functions[IN_MAIN]["total_s"] > 0
    assert len(read_source(together.file("line times")).functions) == len(functions)


def test_the_lines_of_a_function_take_no_longer_than_its_stage(together):
    merged = json.loads(together.file("line times").read_text())
    total_s = next(function["total_s"] for function in merged["functions"] if function["path"] == IN_WORKERS)
    spans = read_spans(together.folder)
    own = spans[(spans["stage"] == "targets") & (spans["lane"] == "worker")]
    # The function is called within the stage, and is nearly all of it.
    stage_s = (own["end_ns"] - own["begin_ns"]).sum() * 1e-9
    assert 0.5 * stage_s < total_s <= 1.01 * stage_s


def test_the_torch_trace_has_operators_and_lies_on_the_clock(together):
    events, offset = read_trace(together.file("torch trace"))
    assert offset is not None
    spans = read_spans(together.folder)
    forward = spans[(spans["lane"] == "main") & (spans["stage"] == "forward")]
    convolutions = [float(event["ts"]) + offset for event in events if event["name"] == "aten::conv2d"]
    inside = [((forward["begin_ns"] / 1e3 <= at) & (at <= forward["end_ns"] / 1e3)).any() for at in convolutions]
    assert sum(inside) > 0.95 * len(inside) > 0
    for by in ("time", "memory"):
        assert "aten::" in str(operator_table(together.file("torch operators"), by=by).texts)


def test_one_trace_holds_all_processes_with_arrows(together):
    with gzip.open(together.file("timeline"), "rt") as file:
        events = json.load(file)["traceEvents"]
    processes = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert processes == {"worker 0", "worker 1", "main process", "device", "torch operators (main process)"}
    assert trace_problems(events) == []
    begins = {event["id"]: event["ts"] for event in events if event["ph"] == "s"}
    ends = {event["id"]: event["ts"] for event in events if event["ph"] == "f"}
    assert begins.keys() == ends.keys()
    assert len(begins) >= 10
    assert all(begins[batch] <= ends[batch] for batch in begins), "no batch arrives before it leaves"


def test_stacks_are_sampled_in_the_whole_tree(together):
    if "stack samples" not in together.record.profiles:
        pytest.skip("this machine doesn't let py-spy look into processes")
    scope = json.loads(together.file("stack samples").read_text())
    names = [profile["name"] for profile in scope["profiles"]]
    assert names[0] == "main process"
    assert set(names[1:3]) <= {"worker 0", "worker 1"}
    data = flame_graph(scope)
    frames = {frame for stack in data.weights for frame in stack}
    assert any("__getitem__" in frame for frame in frames), "in a worker"
    assert not any(thread.endswith(OWN_THREAD) for thread in data.threads)
    assert flame(together.file("stack samples")).data[0].type == "icicle"


def test_every_sample_of_the_main_process_is_of_a_counted_step(together):
    if "stack samples" not in together.record.profiles:
        pytest.skip("this machine doesn't let py-spy look into processes")
    scope = json.loads(together.file("stack samples").read_text())
    frames = scope["shared"]["frames"]
    main = scope["profiles"][0]
    outside = [sample for sample in main["samples"] if STEADY_FRAME not in {frames[index]["name"] for index in sample}]
    assert main["samples"]
    assert outside == []
    assert "_find_and_load" not in {frames[index]["name"] for sample in main["samples"] for index in sample}


def test_no_step_waits_for_the_profilers(together):
    stage = together.record.stage("profilers", "main")
    assert stage.total_s < 0.1 * together.record.steady.wall_s, "5 s of imports lay in one of them"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_busy_function_of_the_data_set_is_on_top(tmp_path, num_workers):
    knobs = toy_knobs(BusyToy, num_samples=60, num_steps=45, num_workers=num_workers, profilers="torch,stacks")
    record = run_trial(knobs, tmp_path)
    assert record.failure is None, record.failure
    if "stack samples" not in record.profiles:
        pytest.skip("this machine doesn't let py-spy look into processes")
    data = flame_graph(json.loads((tmp_path / record.run_id / record.profiles["stack samples"]).read_text()))
    assert data.finding.startswith("'keep_a_core_busy' itself has "), data.table().texts
    thread = "worker 0" if num_workers else "main process"
    busy = sum(weight for (of, name), weight in data.own.items() if of == thread and "keep_a_core_busy" in name)
    assert busy > 0.5 * data.weights[(thread,)]
    assert not [stack for stack in data.weights if any("_find_and_load" in frame for frame in stack)]


def test_memory_is_seen_over_time_in_every_process(together):
    table = pd.read_parquet(together.file("memory over time"))
    assert {"main", "worker 0", "worker 1"} <= set(table["process"])
    assert (table["pss_bytes"] > 0).all()
    spans = read_spans(together.folder)
    assert spans["begin_ns"].min() < table["at_ns"].max() < spans["end_ns"].max() + 60e9, "on the clock of the spans"
    assert "peak" in memory_over_time(together.file("memory over time"), cores=2).layout.title.text
    assert any(note.startswith("memory: peak") for note in together.record.notes)


def context(folder: Path, **settings: Any) -> ProfilerContext:
    return ProfilerContext(toy_knobs(**settings), folder, lambda: 0)


def called(number: int) -> int:
    time.sleep(0.001)
    return number


def never_called() -> None:
    raise AssertionError


@pytest.fixture
def this_module(monkeypatch: pytest.MonkeyPatch) -> str:
    """This module, under a name by which its functions can be found."""
    monkeypatch.setitem(sys.modules, "timed_functions", sys.modules[called.__module__])
    return "timed_functions"


def test_functions_that_do_not_exist_are_refused_all_of_them():
    with pytest.raises(BadInput) as caught:
        find_functions(["no.such.thing", "toy.Toy.step", "workbench.knobs.knobs.nothing", "workbench.units.NS_PER_S"])
    assert [problem.what for problem in caught.value.problems] == [
        "'no.such.thing' names no Python function",
        "'workbench.knobs.knobs.nothing' names no Python function",
        "'workbench.units.NS_PER_S' names no Python function",
    ]


def test_a_profiler_refuses_them_before_anything_is_measured(tmp_path):
    profilers = Profilers({"lines": LineTimes(context(tmp_path, profilers="lines", line_functions="no.such.thing"))})
    with pytest.raises(BadInput, match=r"'no\.such\.thing' names no Python function"):
        profilers.start()


def test_a_function_that_is_never_called_is_named(tmp_path, this_module):
    paths = (f"{this_module}.called", f"{this_module}.never_called")
    profiler = LineTimes(context(tmp_path, profilers="lines", line_functions=",".join(paths)))
    profiler.start()
    for number in range(3):
        called(number)
    profiler.stop()
    called(3)
    found = profiler.collect()
    assert found.notes == [f"lines: '{paths[1]}' was never called"]
    functions = json.loads(found.files["line times"].read_text())["functions"]
    assert [line["hits"] for line in functions[0]["lines"] if line["hits"]] == [3, 3]
    assert functions[0]["total_s"] >= 3 * 0.001
    assert functions[1]["lines"] == []


def test_of_a_worker_that_died_the_others_lines_are_left(tmp_path):
    code = called.__code__
    line = code.co_firstlineno + 1
    for name, hits in (("main-6", 2), ("worker-1-7", 3)):
        own = {"path": "called", "file": code.co_filename, "first_line": code.co_firstlineno, "last_line": line + 1}
        (tmp_path / f"{name}.json").write_text(json.dumps([{**own, "lines": [[line, hits, 0.5]]}]))
    merged = merge(sorted(tmp_path.iterdir()))
    assert merged["processes"] == ["main", "worker-1"]
    (function,) = merged["functions"]
    assert [(each["line"], each["hits"]) for each in function["lines"] if each["hits"]] == [(line, 5)]
    assert function["total_s"] == 1.0


def test_without_py_spy_the_trial_goes_on_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(stack_samples, "_find_py_spy", lambda: None)
    profiler = stack_samples.StackSamples(context(tmp_path))
    profiler.steady()
    profiler.stop()
    assert "pip install py-spy" in profiler.collect().notes[0]


def test_without_permission_a_note_says_what_to_change(tmp_path, monkeypatch):
    refuses = tmp_path / "py-spy"
    refuses.write_text(
        "#!/bin/sh\necho 'Error: Permission Denied: Try running again with elevated permissions' >&2\nexit 1\n"
    )
    refuses.chmod(0o755)
    monkeypatch.setattr(stack_samples, "_find_py_spy", lambda: str(refuses))
    profiler = stack_samples.StackSamples(context(tmp_path))
    profiler.steady()
    assert profiler._process is not None
    profiler._process.wait(60)
    profiler.stop()
    (note,) = profiler.collect().notes
    assert "Permission Denied" in note
    assert "ptrace_scope" in note


def test_too_few_steps_for_a_torch_trace_are_a_note(tmp_path):
    profiler = TorchTrace(context(tmp_path))
    profiler.steady()
    profiler.step()
    profiler.stop()
    found = profiler.collect()
    assert found.files == {}
    assert found.notes == ["torch: nothing was recorded; it takes num_steps=2 or more"]


def test_what_torch_imports_for_its_trace_is_imported_before_the_counted_steps(tmp_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from workbench.knobs.knobs import Knobs\n"
        "from workbench.measure.profilers.profiler import ProfilerContext\n"
        "from workbench.measure.profilers.torch_trace import TorchTrace\n"
        f"profiler = TorchTrace(ProfilerContext(Knobs(profilers='torch'), Path({str(tmp_path)!r}), lambda: 0))\n"
        "profiler.start()\n"
        "profiler.steady()\n"
        "before = set(sys.modules)\n"
        "for step in range(12): profiler.step()\n"
        "profiler.stop()\n"
        "print(sorted(set(sys.modules) - before))\n"
        "print(sorted(profiler.collect().files))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.splitlines() == ["[]", "['torch operators', 'torch trace']"], done.stderr


def test_the_profilers_end_in_the_other_order_than_they_began():
    ended = []

    class Ends(BaseProfiler):
        def __init__(self, name: str) -> None:
            self.name = name

        def stop(self) -> None:
            ended.append(self.name)

    Profilers({name: Ends(name) for name in ("torch", "stacks")}).stop()
    assert ended == ["stacks", "torch"]


def test_what_the_profilers_do_is_no_mark_in_their_traces():
    marked = []

    class Marks(BaseProfiler):
        def mark(self, stage: str) -> Any:
            marked.append(stage)
            return contextlib.nullcontext()

    timed = Profilers({"marks": Marks()}).marked(lambda name: contextlib.nullcontext())
    marked.clear()
    with timed("forward"), timed(choose.OWN_STAGE):
        pass
    assert marked == ["forward"]


def test_the_memory_of_a_process_is_seen_with_the_phase(tmp_path):
    profiler = MemoryOverTime(context(tmp_path))
    profiler.start()
    profiler.phase("steady")
    profiler.stop()
    found = profiler.collect()
    table = pd.read_parquet(found.files["memory over time"])
    last = table[table["pid"] == os.getpid()].iloc[-1]
    assert (last["process"], last["phase"], last["at_ns"]) == ("main", "steady", 0)
    assert last["pss_bytes"] > 1e6


def test_a_process_that_has_just_ended_is_no_sample(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet waited for: it reads as 0 bytes
    try:
        profiler = MemoryOverTime(context(tmp_path))
        profiler.start()
        profiler.stop()
        table = pd.read_parquet(profiler.collect().files["memory over time"])
    finally:
        ended.wait()
    assert os.getpid() in set(table["pid"])
    assert ended.pid not in set(table["pid"])


class Sound(BaseProfiler):
    def collect(self) -> Findings:
        return Findings(notes=["sound"])


@pytest.mark.parametrize("method", ["phase", "steady", "step", "stop", "collect"])
def test_a_profiler_that_breaks_leaves_a_note_and_the_others_alone(method):
    def fail(*arguments: object) -> None:
        raise OSError("No space left on device")

    broken = BaseProfiler()
    setattr(broken, method, fail)
    profilers = Profilers({"broken": broken, "sound": Sound()})
    profilers.phase("warmup")
    profilers.steady()
    profilers.step()
    profilers.step()
    profilers.stop()
    assert profilers.collect().notes == ["sound", "broken: OSError: No space left on device"]


def test_a_profiler_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(choose.PROFILERS, "lines", ("no_such_profiler", "LineTimes"))
    with pytest.raises(BadInput, match="pip install no_such_profiler"):
        choose.open_profilers(context(tmp_path, profilers="lines"))


def track(*rows: tuple[str, int, int, int]) -> TrackSpans:
    """A track of worker 0, of rows of stage, begin, end and batch."""
    names = tuple(dict.fromkeys(row[0] for row in rows))
    columns = ([names.index(row[0]) for row in rows], *zip(*(row[1:3] for row in rows), strict=True))
    stage, begin, end = (np.array(column, np.int64) for column in columns)
    sample, batch = np.full(len(rows), -1), np.array([row[3] for row in rows])
    return TrackSpans("worker", 0, False, "measured", Spans(names, stage, begin, end, sample, batch))


def test_a_trace_that_is_too_long_is_cut_at_its_end_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(merged_trace, "MAX_EVENTS", 2)
    (tmp_path / PROFILES).mkdir()
    spans = track(("read", 0, 1_000, 0), ("read", 1_000, 2_000, 0), ("read", 2_000, 3_000, 0))
    files, notes = collect_profilers(Profilers({"sound": Sound()}), tmp_path, [spans])
    assert files == {"timeline": "profiles/timeline.json.gz"}
    assert notes == ["sound", "the merged trace is cut after 2 events: 1 more"]
    with gzip.open(tmp_path / files["timeline"], "rt") as file:
        events = [event for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
    assert [(event["name"], event["ts"], event["dur"], event["args"]) for event in events] == [
        ("read", 0.0, 1.0, {"batch": 0}),
        ("read", 1.0, 1.0, {"batch": 0}),
    ]


def test_a_trace_that_cannot_be_written_is_not_there_and_a_note(tmp_path):
    (tmp_path / PROFILES).mkdir()
    (tmp_path / PROFILES / "timeline.json.gz").mkdir()  # in its place
    files, notes = collect_profilers(Profilers({}), tmp_path, [track(("read", 0, 1, 0))])
    assert files == {}
    assert notes == ["the merged trace could not be written (Is a directory)"]
    assert [path.name for path in (tmp_path / PROFILES).iterdir()] == ["timeline.json.gz"]


def test_without_a_torch_trace_the_stages_are_there_all_the_same(tmp_path):
    written = write_merged_trace(tmp_path / "timeline.json.gz", [track(("read", 0, 1, 0))], None)
    assert (written.num_events, written.num_cut) == (1, 0)


def test_py_spy_is_there_for_these_tests():
    assert stack_samples._find_py_spy()
