"""What the profilers have left, as data and as drawings: by process, with its unit."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from drawn import said, shown

from workbench.explain.figures.profiler_figures import draw_flame, draw_memory, flame_graph, memory_curves
from workbench.explain.figures.profilers import operator_table, read_source, source_html

SPEEDSCOPE = {
    "shared": {
        "frames": [
            {"name": "main", "file": "/lib/site-packages/a/b.py", "line": 7},
            {"name": "<b>"},
            {"name": "rare"},
        ]
    },
    "profiles": [
        {"name": "worker 0", "samples": [[0, 1], [0, 2]], "weights": [998.0, 2.0]},
        {"name": "main thread", "samples": [[0]], "weights": [500.0]},
    ],
}


def test_a_stack_weighs_what_all_stacks_that_begin_like_it_weigh():
    data = flame_graph(SPEEDSCOPE)
    assert data.total == 1500.0
    assert data.weights[("worker 0",)] == data.weights[("worker 0", "main (a/b.py:7)")] == 1000.0
    assert ("worker 0", "main (a/b.py:7)", "rare") not in data.weights  # too rare to be seen
    assert data.finding == "The busiest of 2 threads: worker 0"
    assert data.table().texts == [("worker 0", "66.7 %"), ("main thread", "33.3 %")]


def test_a_flame_graph_is_as_wide_as_its_samples():
    figure = draw_flame(flame_graph(SPEEDSCOPE))
    assert figure.data[0].type == "icicle"
    assert sum(v for v, p in zip(figure.data[0].values, figure.data[0].parents, strict=True) if not p) == 1500.0
    assert "<b>" not in str(list(figure.data[0].labels))


def test_without_samples_it_says_so():
    nothing = {"shared": {"frames": []}, "profiles": []}
    assert said(draw_flame(flame_graph(nothing))).title == "There are no stack samples."


def samples() -> pd.DataFrame:
    rows = [
        ("main", 0, 100, 0.0, 5, "imports"), ("main", 1, 300, 0.5, 5, "steady"), ("main", 2, 200, 1.5, 5, "steady"),
        ("<b>", 1, 100, 0.0, 5, "steady"), ("<b>", 2, 150, 1.0, 5, "steady"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["process", "at_ns", "pss_bytes", "cpu_s", "shm_bytes", "phase"])
    frame["at_ns"] = 10**12 + frame["at_ns"] * 10**9
    frame[["pss_bytes", "shm_bytes"]] *= 10**6
    return frame


def test_memory_is_summed_over_processes_and_cores_come_from_between_the_samples():
    data = memory_curves(samples(), cores=2)
    assert (data.peak_bytes, data.peak_phase) == (400_000_000, "steady")
    main = data.processes["main"]
    assert main["at_s"].tolist() == [0.0, 1.0, 2.0]
    assert main["pss_mb"].tolist() == [100.0, 300.0, 200.0]
    assert main["cores"].tolist()[1:] == [0.5, 1.0]
    assert data.phases == ((0.0, "imports"), (1.0, "steady"))
    assert data.table().texts == [("main", "300", "0.75"), ("<b>", "150", "1.00")]


def test_memory_and_cores_are_drawn_on_one_axis():
    figure = draw_memory(memory_curves(samples(), cores=2))
    assert figure.layout.title.text == "The peak of 400 MB is in phase 'steady'"
    assert [line.name for line in figure.data] == ["main", "main", "&lt;b&gt;", "&lt;b&gt;", "/dev/shm (all users)"]
    assert list(figure.data[-1].y) == pytest.approx([5.0, 5.0, 5.0])
    assert "<b>" not in str(shown(figure)["data"])


def operator(name: str, own_s: float, size: int) -> dict:
    return {
        "name": name, "calls": 3, "cpu_self_s": own_s, "cpu_s": 2 * own_s, "device_self_s": 0.0, "cpu_bytes": size,
        "device_bytes": 0,
    }  # fmt: skip


def test_operators_are_sorted_by_what_is_asked_for(tmp_path):
    file = tmp_path / "operators.json"
    file.write_text(json.dumps([operator("a", 0.1, 10**6), operator("b", 0.2, 0), operator("c", 0.0, 10**7)]))
    assert [row[0] for row in operator_table(file).texts] == ["b", "a"]
    assert [row[0] for row in operator_table(file, by="memory").texts] == ["c", "a"]
    assert operator_table(file).texts[0] == ("b", "3", "200 ms", "400 ms", "-", "0 B")
    file.write_text("[]")
    assert "No operator" in operator_table(file).notes[0]


def test_source_is_annotated_the_most_expensive_function_first(tmp_path):
    def line(number: int, hits: int, time_s: float) -> dict:
        return {"line": number, "hits": hits, "time_s": time_s, "source": "x < <b>"}

    functions = [
        {"path": "a.f", "total_s": 1.0, "lines": [line(1, 0, 0.0), line(2, 5, 0.75)]},
        {"path": "b.g", "total_s": 2.0, "lines": [line(9, 1, 2.0)]},
        {"path": "c.never", "total_s": 0.0, "lines": []},
    ]
    file = tmp_path / "lines.json"
    file.write_text(json.dumps({"processes": ["main", "worker 0"], "functions": functions}))
    data = read_source(file)
    assert [function.path for function in data.functions] == ["b.g", "a.f", "c.never"]
    shown_html = source_html(data)
    assert "Timed in: main, worker 0." in shown_html
    assert "Never called: c.never" in shown_html
    assert "75.0 %" in shown_html
    assert "<b>x" not in shown_html and "x &lt; &lt;b&gt;" in shown_html
    assert shown_html.count("background:rgba") == 2  # lines that were never reached have no colour
