"""Profilers on a script: what each of them finds, in which process, and what is said where one cannot look."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from workbench.explain.figures.profilers import read_source
from workbench.measure.profilers.torch_trace import read_trace
from workbench.observer import line_times

pytestmark = pytest.mark.real

STEPS = 12


@pytest.fixture
def profiled(observe, tmp_path):
    """Observes the plain loop with profilers; gives its record and where they have left their files."""

    def run(*profilers, workers=2, **knobs):
        script = ("plain_loop.py", str(workers), "fork", "map")
        record = observe(*script, num_steps=STEPS, profilers=",".join(profilers), **knobs)
        assert record.status == "ok", record.failure
        return record, {name: tmp_path / record.run_id / path for name, path in record.profiles.items()}

    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_lines_are_those_of_the_functions_that_make_samples_and_batches(profiled, workers):
    _, files = profiled("lines", workers=workers)

    source = read_source(files["line times"])
    paths = {function.path: function for function in source.functions}
    assert {"plain_loop.Images.__getitem__", "plain_loop.collate"} <= set(paths)
    hits = {line.source.strip(): line.hits for line in paths["plain_loop.Images.__getitem__"].lines}
    timed_in = {name for name in source.processes if name != "main process"}
    assert timed_in == ({"worker 0", "worker 1"} if workers else set())
    assert max(hits.values()) >= 4 * STEPS


def test_functions_of_the_users_choice_and_one_that_there_is_not(profiled):
    record, files = profiled("lines", line_functions="plain_loop.collate,plain_loop.nothing")

    assert [function.path for function in read_source(files["line times"]).functions] == ["plain_loop.collate"]
    assert any("'plain_loop.nothing' names no Python function" in note for note in record.notes)


def test_the_trace_has_operators_and_stages_on_the_clock_of_the_spans(profiled):
    record, files = profiled("torch")

    events, offset_us = read_trace(files["torch trace"])
    backward = [event for event in events if event["name"] == "workbench backward"]
    assert len(backward) == 8
    operators = {row["name"]: row["calls"] for row in json.loads(files["torch operators"].read_text())}
    assert any(name.startswith("aten::") for name in operators)
    begins_ns = np.array([(event["ts"] + offset_us) * 1e3 for event in backward])
    assert record.steady.begin_ns < begins_ns.min() and begins_ns.max() < record.steady.end_ns
    spans = pd.read_parquet(next(files["torch trace"].parents[2].glob("spans.parquet")))
    own = np.sort(spans[(spans["stage"] == "backward") & (spans["lane"] == "main")]["begin_ns"].to_numpy())
    nearest = np.abs(own[None, :] - begins_ns[:, None]).min(axis=1)
    assert np.median(nearest) < 2e6  # the mark begins within the span


def test_stacks_are_those_of_the_loop_and_memory_has_every_process(profiled):
    record, files = profiled("stacks", "memory")

    memory = pd.read_parquet(files["memory over time"])
    assert {"main", "worker 0", "worker 1"} <= set(memory["process"])
    assert "steady" in set(memory["phase"])
    if "stack samples" not in files:
        pytest.skip(f"py-spy may not look into processes here: {record.notes}")
    scope = json.loads(files["stack samples"].read_text())
    assert scope["profiles"][0]["name"] == "main process"
    frames = {frame["name"] for frame in scope["shared"]["frames"]}
    assert "main" in frames and "wait_for_workbench" not in frames


def test_without_line_profiler_where_the_script_runs_a_note_says_so(profiled, tmp_path):
    broken = tmp_path / "broken" / "line_profiler.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError('of another Python')")
    record, files = profiled("lines", env=f"PYTHONPATH={broken.parent}")

    assert "line times" not in files
    assert any("pip install line_profiler" in note for note in record.notes)


def test_the_function_behind_a_wrapper_is_the_one_that_is_timed():
    class Collates:
        def __call__(self, samples):
            return samples

    class Data:
        @property
        def size(self):
            return 1

        def __getitem__(self, index):
            return index

    found = line_times.chosen([Data()], Collates())
    names = {path.rpartition("<locals>.")[2] for path in found}
    assert names == {"Data.__getitem__", "Collates.__call__"}
    assert line_times.plain_function(Data.size) is Data.size.fget
    assert line_times.plain_function(len) is None
