"""Figures show what the records hold: every value, its unit, its origin; and nothing from a name is taken for HTML."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.analysis.comparison import compare
from workbench.analysis.parity import PageSample
from workbench.figures import tables
from workbench.figures.parity_pictures import parity_pictures
from workbench.figures.price import price
from workbench.figures.template import stage_colour, text_colour
from workbench.figures.throughput import throughput
from workbench.figures.timeline import MAX_BARS, choose_window, timeline
from workbench.figures.verdicts import verdicts
from workbench.figures.where_time_goes import where_time_goes

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def comparison():
    records = {
        "baseline": [make_record(rate) for rate in (100, 101, 99)],
        "ram": [make_record(rate, cache="decoded", cache_fill_s=1.0) for rate in (150, 152, 149)],
        EVIL: [make_failed(message=EVIL)],
    }
    return compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)


def spans(count: int) -> pd.DataFrame:
    rows = []
    for batch in range(count):
        begin = batch * 1_000_000
        rows.append(("main", 0, "wait", begin, begin + 400_000, -1, batch, False, "measured"))
        rows.append(("main", 0, "fetch", begin + 400_000, begin + 1_000_000, -1, batch, False, "measured"))
        rows.append(("device", 0, "forward", begin + 400_000, begin + 900_000, -1, batch, False, "simulated"))
        for worker in (0, 1):
            pages = range(40)
            step = 1_000_000 // len(pages)
            rows += [
                ("worker", worker, "decode", begin + p * step, begin + (p + 1) * step, p, batch, False, "measured")
                for p in pages
            ]
    columns = ["lane", "process", "stage", "begin_ns", "end_ns", "page", "batch", "overlapped", "origin"]
    return pd.DataFrame(rows, columns=columns)


def titles(figure) -> list[str]:
    layout = figure.to_dict()["layout"]
    axes = [layout[name] for name in layout if name.startswith("xaxis")]
    return [axis.get("title", {}).get("text", "") for axis in axes]


def test_bars_of_a_lane_fill_it():
    figure = where_time_goes(make_record())
    sums: dict[str, float] = {}
    for bar in figure.data:
        for lane, share in zip(bar.y, bar.x, strict=True):
            sums[lane] = sums.get(lane, 0.0) + share
    assert len(sums) == 2
    assert list(sums.values()) == pytest.approx([100.0, 100.0])


def test_a_lane_that_does_not_close_says_so_in_red():
    stages = [make_stage("main", "wait", 0.5)]
    broken = where_time_goes(make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.5)]))
    assert "does not close" in broken.data[0].y[0]
    assert "#C81E1E" in broken.data[0].y[0]
    assert not any("does not close" in lane for bar in where_time_goes(make_record()).data for lane in bar.y)


def test_what_is_simulated_is_hatched():
    stages = [make_stage("device", "forward", 0.5, origin="simulated"), make_stage("main", "wait", 1.0)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.5)]
    figure = where_time_goes(make_record(stages=stages, lanes=lanes))
    shapes = {bar.name: bar.marker.pattern.shape[0] for bar in figure.data}
    assert shapes["forward"] == "/"
    assert shapes["wait"] == ""
    assert "simulated" in figure.layout.title.text


def test_a_run_without_stages_shows_why():
    assert "No stage" in where_time_goes(make_failed()).layout.annotations[0].text


def test_the_timeline_is_bounded_and_keeps_all_lanes():
    window = choose_window(spans(400), make_record())
    assert 0 < len(window) <= MAX_BARS
    assert set(window["lane"]) == {"worker", "main", "device"}
    figure = timeline(spans(400), make_record())
    assert sum(len(bar.x) for bar in figure.data) == len(window)
    assert titles(figure) == ["time (ms)"]


def test_lengths_on_the_timeline_are_milliseconds():
    figure = timeline(spans(10), make_record())
    (fetch,) = [bar for bar in figure.data if bar.name == "fetch"]
    assert list(fetch.x) == pytest.approx([0.6] * len(fetch.x))


def test_speed_ups_have_their_intervals(comparison):
    figure = verdicts(comparison)
    (point,) = figure.data
    ram = next(one for one in comparison.variants if one.name == "ram")
    assert point.x[0] == pytest.approx(ram.speedup.estimate)
    assert point.x[0] + point.error_x.array[0] == pytest.approx(ram.speedup.ci95[1])
    assert point.x[0] - point.error_x.arrayminus[0] == pytest.approx(ram.speedup.ci95[0])
    assert "faster" in point.text[0]


@pytest.mark.parametrize("draw", [verdicts, price, throughput])
def test_every_axis_says_what_it_shows(comparison, draw):
    assert all(titles(draw(comparison)))


def test_figures_are_plain_plotly(comparison):
    for figure in (where_time_goes(make_record()), verdicts(comparison), price(comparison), throughput(comparison)):
        assert json.loads(figure.to_json())["data"] is not None


def test_the_verdict_table_has_everything(comparison):
    table = tables.verdict_table(comparison)
    expected = ("baseline", "cache=decoded", "1.50x", "faster", "failed", "1.00 GB", "not checked", "simulated device")
    for told in expected:
        assert told in table
    assert EVIL not in table
    assert "&lt;script&gt;" in table


def test_the_stage_table_has_a_row_for_each_stage():
    table = tables.stage_table(make_record())
    assert table.count("<tr>") == 1 + len(make_record().stages)
    assert "worker (beside)" in table


def test_the_run_table_tells_of_odd_pages():
    record = make_record()
    pages = record.pages.model_copy(update={"turned_by_exif": 3, "not_rgb": {"CMYK": 2}, "notes": [EVIL]})
    table = tables.run_table(record.model_copy(update={"pages": pages}))
    assert "3 turned by EXIF" in table
    assert "2 of mode CMYK" in table
    assert EVIL not in table


def test_pictures_are_inside_the_page_and_names_are_escaped():
    import numpy as np

    pixels = np.zeros((64, 64, 3), np.uint8)
    sample = PageSample(f"{EVIL}.jpg", pixels, pixels + 9, np.full((64, 64), 9, np.float32))
    shown = parity_pictures([sample], baseline="baseline", variant=EVIL)
    assert shown.count("data:image/jpeg;base64,") == 3
    assert "alt=" in shown
    assert EVIL not in shown
    assert "largest difference 9.00 levels" in shown


def test_a_stage_has_one_colour_everywhere():
    assert stage_colour("decode") == stage_colour("decode")
    assert stage_colour("MyOwnTransform") == stage_colour("MyOwnTransform")
    assert text_colour("#FFFFFF") != text_colour("#000000")
