"""Figures show what the records hold: every value, its unit, its origin; and nothing from a name is taken for HTML."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from record_factory import make_failed, make_lane, make_record, make_stage
from workbench.workloads.ocr.checks.pages import PageSample

from workbench.explain.figures import tables
from workbench.explain.figures.costs import costs
from workbench.explain.figures.parity_pictures import parity_pictures
from workbench.explain.figures.template import stage_colour, text_colour
from workbench.explain.figures.throughput import throughput
from workbench.explain.figures.timeline import MAX_BARS, choose_window, timeline
from workbench.explain.figures.verdicts import verdicts
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.verdicts.comparison import compare
from workbench.records import DetectionParity, PageParity, Parity

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def comparison():
    records = {
        "baseline": [make_record(rate) for rate in (100, 101, 99)],
        "ram": [make_record(rate, cache="decoded", cache_fill_s=1.0, startup_s=6.0) for rate in (150, 152, 149)],
        EVIL: [make_failed(message=EVIL)],
    }
    return compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)


def real_record(*args, **settings):
    return make_record(*args, **settings).model_copy(update={"simulated": False})


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
    columns = ["lane", "process", "stage", "begin_ns", "end_ns", "page", "batch", "background", "origin"]
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
    assert "simulated" in figure.layout.title.subtitle.text
    assert "simulated" not in where_time_goes(real_record()).layout.title.subtitle.text


def test_what_is_left_over_is_the_last_of_every_lane():
    names = [bar.name for bar in where_time_goes(make_record()).data]
    assert names[-1] == "unattributed"


def test_stages_that_count_twice_are_drawn_beyond_the_whole():
    stages = [make_stage("worker", "Normalize", 3.2), make_stage("worker", "decode", 0.9)]
    figure = where_time_goes(make_record(stages=stages, lanes=[make_lane("worker", 2.0, 2.0)]))
    assert figure.layout.xaxis.range[1] == pytest.approx(205.0)
    assert all(share >= 0 for bar in figure.data for share in bar.x)
    assert "205 % of the whole" in figure.data[0].y[0]
    assert "does not close" in figure.layout.title.text


def test_a_stage_named_in_its_bar_is_not_in_the_legend():
    shown = {bar.name: bar.showlegend for bar in where_time_goes(make_record()).data}
    assert shown["decode"] is False
    assert shown["unattributed"] is True  # too small for its name


def test_titles_say_the_finding(comparison):
    assert where_time_goes(make_record(), name="ram").layout.title.text == (
        "ram: the main process spends 60.0 % of its time waiting for pages"
    )
    assert verdicts(comparison).layout.title.text == "'ram' is faster than 'baseline'"
    assert throughput(comparison).layout.title.text == "Trials scatter by up to 2 % (fastest over slowest, 'baseline')"
    assert "starts more than 1.00 s later" in costs(comparison).layout.title.text
    assert timeline(spans(10), make_record()).layout.title.text.endswith("pages or the device 100.0 % of the time")


@pytest.mark.parametrize("draw", [verdicts, price, throughput])
def test_a_simulated_device_is_told_in_the_title(comparison, draw):
    assert "simulated" in draw(comparison).layout.title.subtitle.text
    records = {name: [real_record(rate) for rate in (100, 101, 99)] for name in ("baseline", "same")}
    measured = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert "simulated" not in draw(measured).layout.title.subtitle.text


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


def test_marks_of_the_speed_up_lie_within_the_axis():
    for rates in ((100.2, 101.1, 99.1), (190, 200, 210), (3000, 3100, 2900), (21, 20, 19)):
        records = {"baseline": [make_record(r) for r in (100, 101, 99)], "a": [make_record(r) for r in rates]}
        axis = verdicts(compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)).layout.xaxis
        low, high = (10**end for end in axis.range)
        assert low < min(axis.tickvals) <= 1.0 <= max(axis.tickvals) < high
        assert len(axis.tickvals) >= 2
        assert low < rates[0] / 100 < high


def test_what_was_not_measured_has_no_bar(comparison):
    figure = costs(comparison)
    rows = [list(bar.x) for bar in figure.data]
    assert all(row[2] is None for row in rows)  # the failed variant
    assert "not measured" in [note.text for note in figure.layout.annotations]
    assert any("pays after" in note.text for note in figure.layout.annotations)


@pytest.mark.parametrize("draw", [verdicts, price, throughput])
def test_every_axis_says_what_it_shows(comparison, draw):
    assert all(titles(draw(comparison)))


def test_figures_are_plain_plotly(comparison):
    for figure in (where_time_goes(make_record()), verdicts(comparison), costs(comparison), throughput(comparison)):
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
    assert table.count("<tr>") == 1 + len(make_record().stages) + len(make_record().lanes)
    assert "worker (beside)" in table
    assert "closure 99.0 %" in table
    assert "does not close" not in table


def test_the_stage_table_says_in_red_what_does_not_close():
    stages = [make_stage("main", "wait", 0.5)]
    gap = tables.stage_table(make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.5)]))
    assert "#C81E1E" in gap
    assert "does not close: 50.0 %" in gap
    twice = tables.stage_table(make_record(stages=stages, lanes=[make_lane("main", 0.25, 0.25)]))
    assert "stages add up to 200.0 %" in twice


def test_the_stage_table_explains_pages_loaded_in_the_main_process():
    assert "num_workers=0" in tables.stage_table(make_record(num_workers=0))


def test_parity_is_told_with_its_evidence(comparison):
    pages = PageParity(max_levels=0.001, mean_levels=0.0, tolerance_levels=1.0, num_pages=4, status="same")
    detections = DetectionParity(
        hmean_difference=0.0, num_pages_difference=0, matched_words=9, unmatched_words=1, status="same"
    )
    same = Parity(pages=pages, detections=detections, status="same")
    wrong = Parity(status="different", notes=["The runs are not of the same pages."])
    baseline, ram, _ = comparison.variants

    def table(parity):
        variants = [baseline, ram.model_copy(update={"parity": parity})]
        return tables.verdict_table(comparison.model_copy(update={"variants": variants}))

    assert (
        "4 pages within 0.01 levels; 9 words detected on both sides, 1 on one side only; H-mean +0.000 (simulated)"
        in table(same)
    )
    assert "DIFFERENT" in table(wrong)
    assert "not of the same pages" in table(wrong)


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
    assert len(shown) < 400_000
    same = PageSample("a.jpg", pixels, pixels, np.zeros((64, 64), np.float32))
    assert "equal in every pixel" in parity_pictures([same], baseline="baseline", variant="a")
    assert "No pages" in parity_pictures([], baseline="baseline", variant="a")


def test_pictures_stay_small_whatever_is_on_them():
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    samples = [PageSample("a.jpg", noise, noise, noise[..., 0].astype(np.float32))] * 2
    assert len(parity_pictures(samples, baseline="baseline", variant="a")) < 400_000


def test_a_stage_has_one_colour_everywhere():
    assert stage_colour("decode") == stage_colour("decode")
    assert stage_colour("MyOwnTransform") == stage_colour("MyOwnTransform")
    assert text_colour("#FFFFFF") != text_colour("#000000")


def test_a_batch_can_be_picked_and_its_way_is_in_order():
    from workbench.explain.figures.batch_path import batch_path

    rows = [
        ("worker", 0, "decode", 0, 40, 0, False), ("worker", 0, "decode", 40, 90, 0, False),
        ("worker", 0, "collate", 90, 100, 0, False), ("main", 0, "receive", 120, 130, 0, False),
        ("main", 0, "forward", 130, 200, 0, False), ("worker", 0, "decode", 100, 150, 1, False),
        ("main", 0, "receive", 210, 220, 1, False),
    ]  # fmt: skip
    columns = ["lane", "process", "stage", "begin_ns", "end_ns", "batch", "background"]
    spans = pd.DataFrame(rows, columns=columns).assign(page=-1, origin="measured")
    spans[["begin_ns", "end_ns"]] *= 1_000_000
    record = make_record()
    steady = record.steady.model_copy(update={"warmup_steps": 0})
    figure = batch_path(spans, record.model_copy(update={"steady": steady}))
    assert [button["label"] for button in figure.layout.updatemenus[0].buttons] == ["batch 0", "batch 1"]
    assert list(figure.data[0].y) == [
        "worker: decode",
        "worker: collate",
        "main process: receive",
        "main process: forward",
    ]
    assert list(figure.data[0].x) == [90.0, 10.0, 10.0, 70.0]
    assert "200 ms under way, 100 ms of it in its worker" in figure.layout.title.text
