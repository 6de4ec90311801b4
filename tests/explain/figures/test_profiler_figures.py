"""What the profilers have left, as data and as drawings: by process, with its unit."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from drawn import said, shown
from record_factory import make_failed, make_record

from workbench.explain.figures.profiler_figures import draw_flame, draw_memory, flame_graph, memory_curves
from workbench.explain.figures.profilers import line_table, operator_table, read_source, show_profilers, source_html
from workbench.records.run_folder import RECORD, write_json
from workbench.workloads.ocr.knobs import OcrKnobs

SPEEDSCOPE = {
    "shared": {
        "frames": [
            {"name": "main", "file": "/lib/python3.11/site-packages/a/b.py", "line": 7},
            {"name": "<b>"},
            {"name": "rare"},
            {"name": "Loader.load", "file": "/home/me/project/deep/down/loader.py", "line": 8},
            {"name": "Loader.load", "file": "/home/me/project/deep/down/loader.py", "line": 9},
        ]
    },
    "profiles": [
        {"name": "worker 0", "samples": [[0, 3, 1], [0, 4, 1], [0, 2]], "weights": [598.0, 400.0, 2.0]},
        {"name": "main process", "samples": [[0], [0]], "weights": [400.0, 100.0]},
        {"name": "worker 0, QueueFeederThread (workbench's own)", "samples": [[0]], "weights": [500.0]},
    ],
}

LOAD = "Loader.load (deep/down/loader.py)"


def test_a_stack_weighs_what_all_stacks_that_begin_like_it_weigh():
    data = flame_graph(SPEEDSCOPE)
    assert data.total == 1500.0
    assert data.weights == {
        ("worker 0",): 1000.0,
        ("worker 0", LOAD): 998.0,  # in two of its lines
        ("worker 0", LOAD, "<b>"): 998.0,
        ("main process",): 500.0,
        ("main process", "main (a/b.py)"): 500.0,
    }, "what is too rare to be seen is left out, and what all stacks of a thread begin with"
    assert data.left_out == pytest.approx(0.25)


def test_it_says_which_function_takes_most():
    data = flame_graph(SPEEDSCOPE)
    assert data.finding == "'<b>' itself has 66.5 % of the stack samples"
    assert data.table().texts == [
        ("worker 0", "66.7 %", "<b>", "99.8 %"),
        ("main process", "33.3 %", "main (a/b.py)", "100.0 %"),
    ]


def test_a_flame_graph_is_as_wide_as_its_samples():
    figure = draw_flame(flame_graph(SPEEDSCOPE))
    (icicle,) = figure.data
    assert icicle.type == "icicle"
    assert sum(v for v, p in zip(icicle.values, icicle.parents, strict=True) if not p) == 1500.0
    assert "<b>" not in str(list(icicle.labels))
    assert "left out: under 0.2 %, and workbench's own threads (25.0 %)" in str(said(figure).details)


def test_a_label_is_as_long_as_its_place_is_wide():
    widths = {"worker 0": 970.0, "short": 15.0, "Some.name_of_a_function": 15.0}
    frames = [{"name": name} for name in widths]
    samples = [[0, 1], [0, 2], [0]]
    scope = {"shared": {"frames": frames}, "profiles": [
        {"name": "worker 0", "samples": samples, "weights": [300.0, 60.0, 640.0]}]}  # fmt: skip
    assert list(draw_flame(flame_graph(scope)).data[0].labels) == ["worker 0", "short", "name_of_…"]


def test_a_deep_flame_graph_is_small():
    functions = [{"name": f"function_{number}_of_a_long_name", "file": "/x/y/z.py"} for number in range(400)]
    samples = [[*range(60), 60 + number % 340] for number in range(2000)]
    scope = {"shared": {"frames": functions}, "profiles": [
        {"name": "main process", "samples": samples, "weights": [0.01] * 2000}]}  # fmt: skip
    assert len(draw_flame(flame_graph(scope)).to_json()) < 100_000, "10.9 MB where every id held its whole stack"


def test_without_samples_it_says_so():
    nothing = {"shared": {"frames": []}, "profiles": []}
    assert said(draw_flame(flame_graph(nothing))).title == "There are no stack samples."


def samples() -> pd.DataFrame:
    rows = [
        ("main", 0, 100, 0.0, 5, "imports"), ("main", 1, 300, 0.5, 5, "steady"), ("main", 2, 200, 1.5, 5, "steady"),
        ("<b>", 1, 100, 0.0, 5, "steady"), ("<b>", 2, 150, 1.0, 5, "steady"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["process", "at_ns", "pss_bytes", "cpu_s", "shm_bytes", "phase"])
    frame["pid"] = frame["process"].map({"main": 10, "<b>": 11})
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


def test_a_worker_that_is_another_process_from_now_on_has_not_gained_time():
    later = samples()
    later.loc[(later["process"] == "main") & (later["cpu_s"] == 1.5), ["pid", "cpu_s"]] = [12, 0.1]
    cores = memory_curves(later, cores=2).processes["main"]["cores"].tolist()
    assert cores[1] == 0.5 and not cores[2] < 0


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
    assert operator_table(file).texts[0] == ("b", "3", "200 ms", "400 ms")
    assert operator_table(file, by="memory").texts[0] == ("c", "3", "10.0 MB")
    file.write_text(json.dumps([operator("a", 0.1, 0), {**operator("kernel", 0.0, 0), "device_self_s": 0.3}]))
    assert operator_table(file).texts[0] == ("kernel", "3", "0.00 s", "0.00 s", "300 ms")
    file.write_text("[]")
    assert "No operator" in operator_table(file).notes[0]


def line(number: int, hits: int, time_s: float, source: str = "x < <b>") -> dict:
    return {"line": number, "hits": hits, "time_s": time_s, "source": f"    {source}"}


def timed(tmp_path, *functions: dict):
    file = tmp_path / "lines.json"
    file.write_text(json.dumps({"processes": ["main", "worker-0"], "functions": list(functions)}))
    return read_source(file)


def test_source_is_shown_the_most_expensive_function_first(tmp_path):
    data = timed(
        tmp_path,
        {
            "path": "a.f",
            "total_s": 1.0,
            "lines": [line(1, 0, 0.0, '"""Says much."""'), line(2, 5, 0.75), line(3, 5, 0.25)],
        },
        {"path": "b.g", "total_s": 2.0, "lines": [line(9, 1, 2.0)]},
        {"path": "c.never", "total_s": 0.0, "lines": []},
    )
    assert [function.path for function in data.functions] == ["b.g", "a.f", "c.never"]
    shown_html = source_html(data)
    assert "Timed in: main process, worker 0." in shown_html
    assert "Never called: c.never" in shown_html
    assert "<b>x" not in shown_html and "x &lt; &lt;b&gt;" in shown_html
    assert "Says much" not in shown_html, "what is never run takes no time"


def test_lines_that_take_no_time_are_left_out_and_the_others_fill_one_line(tmp_path):
    lines = [
        line(1, 3, 0.004, "cheap = 1"), line(2, 80, 0.6, "words = ["), line(3, 80, 0.0, "word for word in page.words"),
        line(4, 0, 0.0, "]"), line(5, 3, 0.03, "both("), line(6, 3, 0.366, f"other = {'x' * 200}"),
    ]  # fmt: skip
    (function,) = timed(tmp_path, {"path": "a.f", "total_s": 1.0, "lines": lines}).functions
    table = line_table(function)
    assert table.texts[0] == ("2", "80", "600 ms", "60.0 %", "words = [word for word in page.words")
    assert [row[0] for row in table.texts] == ["2", "5", "6"]
    assert table.texts[1][-1] == "both("
    assert len(table.texts[2][-1]) == 90
    assert table.notes == ("Lines with less than 1 % of the time are left out: 0.4 % together.",)


def test_a_function_with_nearly_all_of_its_time_in_one_line_says_what_that_calls(tmp_path):
    lines = [line(53, 64, 0.02, "if ready:"), line(54, 64, 0.98, "return (maker.sample_of(page, read(page)))")]
    data = timed(tmp_path, {"path": "a.f", "total_s": 1.0, "lines": lines})
    assert "98.0 % is what line 54 calls: maker.sample_of(), read()" in source_html(data)
    assert "open" not in source_html(data)


def leave(runs, record):
    write_json(runs / record.run_id / RECORD, record)
    return runs / record.run_id


def test_a_clean_run_shows_what_the_profilers_of_the_run_beside_it_have_found(tmp_path):
    clean = make_record(name="clean").model_copy(update={"profiled_run_id": "slow"})
    slow = make_record(name="slow", profilers="torch").model_copy(update={"profiles": {"torch operators": "o.json"}})
    folder = leave(tmp_path, clean)
    (leave(tmp_path, slow) / "o.json").write_text(json.dumps([operator("aten::add", 0.1, 10)]))
    text = "".join(str(item) for item in show_profilers(clean, folder))
    assert "aten::add" in text
    assert "in the run folder slow" in text
    assert show_profilers(make_record(), folder) == []


def test_a_damaged_profile_is_named_beside_those_that_are_whole(tmp_path):
    profiles = {"torch operators": "o.json", "memory over time": "memory.parquet", "stack samples": "stacks.json"}
    record = make_record(name="slow", profilers="torch").model_copy(update={"profiles": profiles})
    folder = leave(tmp_path, record)
    (folder / "o.json").write_text(json.dumps([operator("aten::add", 0.1, 10)]))
    (folder / "memory.parquet").write_bytes(b"PAR1")
    (folder / "stacks.json").write_text('{"profiles": [')
    text = "".join(str(item) for item in show_profilers(record, folder))
    assert "aten::add" in text
    assert "memory.parquet: is damaged" in text
    assert "is damaged: it is not JSON" in text


def test_a_run_with_profilers_that_failed_says_why(tmp_path):
    failed = make_failed("slow", message="out of memory").model_copy(update={"knobs": OcrKnobs(profilers="torch")})
    leave(tmp_path, failed)
    clean = make_record(name="clean").model_copy(update={"profiled_run_id": "slow"})
    assert "out of memory" in str(show_profilers(clean, leave(tmp_path, clean)))
