"""Every profiler works on every process of a real trial, alone and together, and leaves the record whole."""

from __future__ import annotations

import gzip
import json
import shutil

import pandas as pd
import pytest
from workbench.explain.figures.flame import flame, stack_weights
from workbench.explain.figures.memory_over_time import memory_over_time
from workbench.explain.figures.operators import operator_table

from workbench.knobs.knobs import PROFILERS
from workbench.measure.profilers import choose
from workbench.measure.profilers.torch_trace import read_trace
from workbench.measure.trial.launcher import run_trial
from workbench.records.run_folder import read_spans

TARGETS = "workbench.workloads.ocr.targets.compute_targets"


def knobs(**settings) -> OcrKnobs:
    plain = {"num_pages": 6, "batch_size": 2, "num_steps": 10, "device": "cpu", "encoder": "lcnet_050"}
    return OcrKnobs.parse_own(
        {**plain, "neck": "fpn_small", "image_size": 160, "num_workers": 2, "checked_samples": 0, **settings}
    )


def test_the_names_of_the_knob_are_those_of_the_profilers():
    assert tuple(choose.PROFILERS) == PROFILERS
    assert OcrKnobs.parse_own({"profilers": "stacks, torch"}).profilers == ("torch", "stacks")


@pytest.fixture(scope="module", params=["fork", "spawn"])
def together(request, tmp_path_factory):
    """A trial through all profilers at once."""
    runs = tmp_path_factory.mktemp("runs")
    record = run_trial(knobs(profilers=",".join(PROFILERS), start_method=request.param, num_steps=14), runs)
    assert record.failure is None, record.failure
    return runs / record.run_id, record


def file_of(together, name):
    folder, record = together
    return folder / record.profiles[name]


def test_together_they_work(together):
    _, record = together
    expected = {"torch trace", "torch operators", "line times", "stack samples", "memory over time", "timeline"}
    if any(note.startswith("stacks: ") and "ptrace" in note for note in record.notes):
        expected.remove("stack samples")  # this machine doesn't permit it, and the record says so
    assert set(record.profiles) == expected, record.notes
    assert record.closure.main is not None
    assert record.quality is not None


def test_lines_are_timed_in_every_process_and_merged(together):
    merged = json.loads(file_of(together, "line times").read_text())
    assert sorted(merged["processes"]) == ["main", "worker-0", "worker-1"]
    by_path = {one["path"]: one for one in merged["functions"]}
    targets = by_path[TARGETS]
    source = {line["source"].strip(): line["hits"] for line in targets["lines"]}
    pages = int((read_spans(together[0])["stage"] == "targets").sum())
    assert source["return Targets(shrink_map, shrink_mask, threshold_map, threshold_mask)"] == pages
    assert by_path["workbench.workloads.ocr.workload.OcrWorkload._score"]["total_s"] > 0, "in the main process"
    assert "compute_targets" in source_html(read_source(file_of(together, "line times")))


def test_the_lines_of_a_function_are_as_long_as_its_stage(together):
    merged = json.loads(file_of(together, "line times").read_text())
    total = next(one["total_s"] for one in merged["functions"] if one["path"] == TARGETS)
    spans = read_spans(together[0])
    own = spans[(spans["stage"] == "targets") & (spans["lane"] == "worker")]
    assert total == pytest.approx((own["end_ns"] - own["begin_ns"]).sum() * 1e-9, rel=0.25)


def test_the_torch_trace_has_operators_and_lies_on_the_clock(together):
    events, offset = read_trace(file_of(together, "torch trace"))
    names = {event["name"] for event in events}
    assert "aten::conv2d" in names
    assert offset is not None
    spans = read_spans(together[0])
    main = spans[spans["lane"] == "main"]
    convolutions = [float(event["ts"]) + offset for event in events if event["name"] == "aten::conv2d"]
    forward = main[main["stage"] == "forward"]
    inside = [((forward["begin_ns"] / 1e3 <= at) & (at <= forward["end_ns"] / 1e3)).any() for at in convolutions]
    assert sum(inside) > 0.95 * len(inside)
    assert "aten::" in str(operator_table(file_of(together, "torch operators")).texts)
    assert "aten::" in str(operator_table(file_of(together, "torch operators"), by="memory").texts)


def test_one_trace_holds_all_processes_with_arrows(together):
    with gzip.open(file_of(together, "timeline"), "rt") as file:
        trace = json.load(file)
    events = trace["traceEvents"]
    processes = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert {"worker 0", "worker 1", "main process", "torch operators (main process)"} <= processes
    begins = {event["id"]: event["ts"] for event in events if event["ph"] == "s"}
    ends = {event["id"]: event["ts"] for event in events if event["ph"] == "f"}
    assert begins.keys() == ends.keys()
    assert len(begins) >= 10
    assert all(begins[batch] <= ends[batch] for batch in begins), "no batch arrives before it leaves"


def test_stacks_are_sampled_in_the_whole_tree(together):
    if "stack samples" not in together[1].profiles:
        pytest.skip("this machine doesn't let py-spy look into processes")
    scope = json.loads(file_of(together, "stack samples").read_text())
    weights = stack_weights(scope)
    frames = {frame for stack in weights for frame in stack}
    assert any("__getitem__" in frame for frame in frames), "in a worker"
    assert any("run" in frame for frame in frames)
    assert flame(file_of(together, "stack samples")).data[0].type == "icicle"


def test_memory_is_seen_over_time_in_every_process(together):
    table = pd.read_parquet(file_of(together, "memory over time"))
    assert {"main", "worker 0", "worker 1"} <= set(table["process"])
    assert (table["pss_bytes"] > 0).all()
    spans = read_spans(together[0])
    assert table["at_ns"].max() > spans["begin_ns"].min(), "on the clock of the spans"
    assert "peak" in memory_over_time(file_of(together, "memory over time"), cores=2).layout.title.text
    assert any(note.startswith("memory: peak") for note in together[1].notes)


def test_a_function_that_does_not_exist_is_refused_all_of_them(tmp_path):
    record = run_trial(knobs(profilers="lines", line_functions="no.such.thing, workbench.knobs.knobs.nothing"), tmp_path)
    assert record.failure is not None
    assert record.failure.kind == "bad_input"
    assert "no.such.thing" in record.failure.message
    assert "workbench.knobs.knobs.nothing" in record.failure.message


def test_a_function_that_is_never_called_is_named(tmp_path):
    path = "workbench.workloads.ocr.synthetic.draw.draw_page"
    record = run_trial(knobs(profilers="lines", line_functions=f"{TARGETS},{path}", num_workers=0), tmp_path)
    assert record.status == "ok"
    assert any(path in note and "never called" in note for note in record.notes)


def test_a_worker_that_dies_loses_only_its_own(tmp_path):
    from workbench.measure.profilers.line_times import merge

    own = [{"file": "gone.py", "first_line": 1, "lines": [[2, 3, 0.5]]}]
    (tmp_path / "worker-1-7.json").write_text(json.dumps(own))
    merged = merge([TARGETS], [tmp_path / "worker-1-7.json"])
    assert merged["processes"] == ["worker-1"]


def test_without_py_spy_the_trial_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    from workbench.measure.profilers import stack_samples
    from workbench.measure.profilers.profiler import ProfilerContext

    monkeypatch.setattr(stack_samples, "_find_py_spy", lambda: None)
    profiler = stack_samples.StackSamples(ProfilerContext(knobs(), tmp_path, lambda: 0))
    profiler.steady()
    profiler.stop()
    assert "pip install py-spy" in profiler.collect().notes[0]


def test_without_permission_a_line_says_what_to_change(tmp_path, monkeypatch):
    from workbench.measure.profilers import stack_samples
    from workbench.measure.profilers.profiler import ProfilerContext

    refuses = tmp_path / "py-spy"
    refuses.write_text(
        "#!/bin/sh\necho 'Error: Permission Denied: Try running again with elevated permissions' >&2\nexit 1\n"
    )
    refuses.chmod(0o755)
    monkeypatch.setattr(stack_samples, "_find_py_spy", lambda: str(refuses))
    profiler = stack_samples.StackSamples(ProfilerContext(knobs(), tmp_path, lambda: 0))
    profiler.steady()
    profiler._process.wait(10)
    profiler.stop()
    (note,) = profiler.collect().notes
    assert "Permission Denied" in note
    assert "ptrace_scope" in note


def test_a_lens_that_breaks_leaves_a_note_and_the_others_alone(tmp_path):
    from workbench.measure.profilers.choose import Profilers
    from workbench.measure.profilers.profiler import Findings, IdleLens

    class Broken(IdleLens):
        def steady(self) -> None:
            raise OSError("No space left on device")

    class Sound(IdleLens):
        def collect(self) -> Findings:
            return Findings(notes=["sound"])

    profilers = Profilers({"broken": Broken(), "sound": Sound()})
    profilers.steady()
    profilers.step()
    assert profilers.collect().notes == ["sound", "broken: OSError: No space left on device"]


def test_a_profiler_that_is_not_installed_is_named(tmp_path, monkeypatch):
    from workbench.errors import BadInput
    from workbench.measure.profilers.profiler import ProfilerContext

    monkeypatch.setitem(choose.PROFILERS, "lines", ("no_such_profiler", "LineTimes"))
    with pytest.raises(BadInput, match="pip install no_such_profiler"):
        choose.open_profilers(ProfilerContext(knobs(profilers="lines"), tmp_path, lambda: 0))


def test_too_few_steps_for_a_torch_trace_are_told(tmp_path):
    record = run_trial(knobs(profilers="torch", num_steps=2, num_workers=0), tmp_path)
    assert record.status == "ok"
    assert any("num_steps=3" in note for note in record.notes)


def test_py_spy_is_there_for_these_tests():
    from workbench.measure.profilers.stack_samples import _find_py_spy

    assert _find_py_spy() or shutil.which("py-spy")
