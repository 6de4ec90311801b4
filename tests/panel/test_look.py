"""A run, shown: tabs drawn from its folder."""

from __future__ import annotations

import json

import ipywidgets as widgets
import numpy as np
import pandas as pd
import pytest
from record_factory import make_lane, make_record, make_stage

from workbench.explain.figures.timeline import MAX_BARS
from workbench.panel.look import TABS, Look
from workbench.panel.run_list import ViewedRun
from workbench.records import SPAN_COLUMNS
from workbench.records.run_folder import SAMPLES, SPANS

PATIENCE_S = 20.0
PLOTLY = "application/vnd.plotly.v1+json"


def spans(count: int = 400) -> pd.DataFrame:
    rows = []
    for number in range(count // 2):
        begin = number * 1_000_000
        rows.append(("worker", 0, "decode", begin, begin + 900_000, number, number // 4, False, "measured"))
        rows.append(("main", 0, "wait", begin, begin + 800_000, -1, number // 4, False, "measured"))
    return pd.DataFrame(rows, columns=SPAN_COLUMNS)


@pytest.fixture
def run(reports, leave_run) -> ViewedRun:
    record = leave_run("2026-a")
    folder = reports / "runs" / "2026-a"
    spans().to_parquet(folder / SPANS)
    return ViewedRun(record, folder)


@pytest.fixture
def look() -> Look:
    return Look()


def outputs(look: Look, title: str) -> tuple:
    assert look.wait_until_drawn(PATIENCE_S)
    return look.widget.children[1].children[titles().index(title)].outputs


def titles() -> list[str]:
    return [title for title, _ in TABS]


def text(items) -> str:
    return json.dumps([item["data"] for item in items])


def test_only_the_tab_in_front_is_drawn(look: Look, run: ViewedRun) -> None:
    look.look_at(run)
    assert [PLOTLY in item["data"] for item in outputs(look, "Where the time goes")] == [True, False]
    assert outputs(look, "Timeline") == ()

    look.widget.children[1].selected_index = titles().index("Timeline")
    assert [PLOTLY in item["data"] for item in outputs(look, "Timeline")] == [True, True]


def test_nothing_is_drawn_out_of_sight(look: Look, run: ViewedRun) -> None:
    look.set_in_front(False)
    look.look_at(run)
    assert outputs(look, "Where the time goes") == ()

    look.set_in_front(True)
    assert outputs(look, "Where the time goes")


def test_another_run_replaces_what_is_shown(look: Look, run: ViewedRun, reports, leave_run) -> None:
    look.look_at(run)
    assert outputs(look, "Where the time goes")
    half = make_record(lanes=[make_lane("main", 1.0, 0.5)], stages=[make_stage("main", "gaze", 0.5)])
    other = leave_run("2026-b", half)
    look.look_at(ViewedRun(other, reports / "runs" / "2026-b"))

    shown = outputs(look, "Where the time goes")
    assert len(shown) == 2
    assert "gaze" in text(shown) and "decode" not in text(shown)
    assert "do not add up" in text(shown)


@pytest.mark.parametrize("title", [title for title, _ in TABS])
def test_every_tab_has_something_to_say_of_any_run(look: Look, run: ViewedRun, title: str) -> None:
    look.look_at(run)
    look.widget.children[1].selected_index = titles().index(title)

    assert look.wait_until_drawn(PATIENCE_S)
    view = look.widget.children[1].children[titles().index(title)]
    assert view.outputs if isinstance(view, widgets.Output) else view.children
    assert "wb-bad" not in look.widget.children[0].value


@pytest.mark.parametrize(("title", "profiler"), [("Operators", "torch"), ("Lines", "lines"), ("Flame graph", "stacks")])
def test_a_run_without_a_profiler_says_how_to_get_it(look: Look, run: ViewedRun, title: str, profiler: str) -> None:
    look.look_at(run)
    look.widget.children[1].selected_index = titles().index(title)

    assert f"had no profiler '{profiler}'" in text(outputs(look, title)).replace("&#x27;", "'")


def test_samples_are_shown_beside_the_baselines(look: Look, run: ViewedRun, reports, leave_run) -> None:
    baseline = leave_run("2026-b")
    for name, level in (("2026-a", 100), ("2026-b", 101)):
        images = np.full((1, 3, 32, 32), level, np.float32)
        arrays = {"names": np.array(["<script>.jpg"]), "images": images.transpose(0, 2, 3, 1)}
        np.savez(reports / "runs" / name / SAMPLES, **arrays)
    look.look_at(ViewedRun(run.record, run.folder, baseline))
    look.widget.children[1].selected_index = titles().index("Samples")

    shown = text(outputs(look, "Samples"))
    assert shown.count("data:image/jpeg") == 3
    assert "<script>" not in shown


def test_what_cannot_be_read_is_said_in_words(look: Look, reports, leave_run) -> None:
    record = leave_run("2026-c")
    look.look_at(ViewedRun(record, reports / "runs" / "2026-c"))
    look.widget.children[1].selected_index = titles().index("Timeline")
    assert look.wait_until_drawn(PATIENCE_S)

    assert "there is no spans.parquet" in look.widget.children[0].value


def test_a_long_run_is_drawn_in_few_bars(look: Look, run: ViewedRun) -> None:
    spans(100_000).to_parquet(run.folder / SPANS)
    look.look_at(run)
    look.widget.children[1].selected_index = titles().index("Timeline")

    timeline = outputs(look, "Timeline")[0]["data"][PLOTLY]
    assert 0 < sum(len(trace["y"]) for trace in timeline["data"]) <= MAX_BARS
