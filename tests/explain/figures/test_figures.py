"""Figures show what the records hold: every value, its unit, its origin; and nothing from a name is taken for HTML."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from drawn import said, shown, subtitle
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.figures.costs import cost_of_run, costs, costs_of
from workbench.explain.figures.template import colour_of, stage_colour, text_colour
from workbench.explain.figures.throughput import throughput
from workbench.explain.figures.timeline import MAX_BARS, batch_path, batch_paths, timeline, window_of
from workbench.explain.figures.verdicts import speed_ups, verdicts
from workbench.explain.figures.where_time_goes import lane_bars, where_time_goes
from workbench.explain.verdicts.comparison import compare
from workbench.stages import Catalogue, Stage

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
    columns = ["lane", "process", "stage", "begin_ns", "end_ns", "sample", "batch", "background", "origin"]
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


def test_the_data_of_the_lanes_is_the_breakdown():
    data = lane_bars(make_record(), name="ram")
    assert data.stages[-1] == "unattributed"
    assert (data.num_samples, data.wall_s, data.item) == (100, 1.0, "page")
    rows = data.table().texts
    assert sum(float(row[2].removesuffix(" %")) for row in rows) == pytest.approx(200.0, abs=0.2)
    assert rows[0] == ("main process", "wait", "60.0 %", "6 ms", "measured")
    assert data.table().columns[3] == "per page"


def test_a_record_that_names_its_item_is_described_with_it():
    record = make_record().model_copy(update={"item": "image"})
    assert lane_bars(record).finding == "60.0 % of the time the main process waits for a batch"
    assert "100 images in 1.00 s" in subtitle(where_time_goes(record))
    assert "for each image" in where_time_goes(record).data[0].hovertemplate


def test_a_lane_that_is_not_explained_says_so_in_red():
    stages = [make_stage("main", "wait", 0.5)]
    broken = where_time_goes(make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.5)]))
    assert "only 50.0 % attributed" in broken.data[0].y[0]
    assert "#C81E1E" in broken.data[0].y[0]
    assert not any("#C81E1E" in lane for bar in where_time_goes(make_record()).data for lane in bar.y)


def test_what_is_simulated_is_hatched():
    stages = [make_stage("device", "forward", 0.5, origin="simulated"), make_stage("main", "wait", 1.0)]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("device", 1.0, 0.5)]
    figure = where_time_goes(make_record(stages=stages, lanes=lanes))
    shapes = {bar.name: bar.marker.pattern.shape[0] for bar in figure.data}
    assert shapes["forward"] == "/"
    assert shapes["wait"] == ""
    assert "simulated" in subtitle(figure)
    assert "simulated" not in subtitle(where_time_goes(real_record()))


def test_what_is_left_over_is_the_last_of_every_lane():
    names = [bar.name for bar in where_time_goes(make_record()).data]
    assert names[-1] == "unattributed"


def test_stages_that_count_twice_are_drawn_beyond_the_whole():
    stages = [make_stage("worker", "Normalize", 3.2), make_stage("worker", "decode", 0.9)]
    figure = where_time_goes(make_record(stages=stages, lanes=[make_lane("worker", 2.0, 2.0)]))
    assert figure.layout.xaxis.range[1] == pytest.approx(205.0)
    assert all(share >= 0 for bar in figure.data for share in bar.x)
    assert "stages add up to 205.0 %" in figure.data[0].y[0]
    assert "do not add up" in figure.layout.title.text


def test_a_stage_named_in_its_bar_is_not_in_the_legend():
    shown = {bar.name: bar.showlegend for bar in where_time_goes(make_record()).data}
    assert shown["decode"] is False
    assert shown["unattributed"] is True  # too small for its name


def test_titles_say_the_finding(comparison):
    assert where_time_goes(make_record(), name="ram").layout.title.text == (
        "ram: 60.0 % of the time the main process waits for a batch"
    )
    assert verdicts(comparison).layout.title.text == "'ram' is faster than 'baseline'"
    assert throughput(comparison).layout.title.text == "Trials of 'baseline' differ by up to 2 % (fastest over slowest)"
    assert "starts more than 1.00 s later" in costs(comparison).layout.title.text
    assert timeline(spans(10), make_record()).layout.title.text.endswith("pages or the device 100.0 % of the time")


@pytest.mark.parametrize("draw", [verdicts, costs, throughput])
def test_a_simulated_device_is_told_in_the_title(comparison, draw):
    assert "simulated" in subtitle(draw(comparison))
    records = {name: [real_record(rate) for rate in (100, 101, 99)] for name in ("baseline", "same")}
    measured = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert "simulated" not in subtitle(draw(measured))


def test_a_run_without_stages_shows_why():
    assert "No stage" in where_time_goes(make_failed()).layout.annotations[0].text


def test_the_timeline_is_bounded_and_keeps_all_lanes():
    window = window_of(spans(400), make_record())
    assert 0 < len(window.spans) <= MAX_BARS
    assert set(window.spans["lane"]) == {"worker", "main", "device"}
    assert [row.strip() for row in window.rows] == ["worker 0", "worker 1", "main process", "device"]
    figure = timeline(spans(400), make_record())
    assert sum(len(bar.x) for bar in figure.data) == len(window.spans)
    assert titles(figure) == ["time (ms)"]


def test_the_timeline_says_how_long_each_process_is_in_which_stage():
    window = window_of(spans(10), make_record())
    assert window.length_ms == pytest.approx(4.0)
    assert ("main process", "fetch", "2.4", "4") in window.table().texts
    assert ("device", "forward", "2", "4") in window.table().texts
    assert window_of(spans(10).iloc[:0], make_record()) is None


def test_lengths_on_the_timeline_are_milliseconds():
    figure = timeline(spans(10), make_record())
    (fetch,) = [bar for bar in figure.data if bar.name == "fetch"]
    assert list(fetch.x) == pytest.approx([0.6] * len(fetch.x))


def test_speed_ups_are_those_of_the_comparison(comparison):
    data = speed_ups(comparison)
    (found,) = data.speed_ups
    ram = next(variant for variant in comparison.variants if variant.name == "ram")
    assert (found.name, found.estimate, found.interval) == ("ram", ram.speedup.estimate, ram.speedup.ci95)
    assert data.table().texts == [("ram", "1.50x", "{:.2f} to {:.2f}".format(*ram.speedup.ci95), "faster")]


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


def test_costs_are_those_of_the_comparison(comparison):
    baseline, ram, failed = costs_of(comparison).variants
    assert (baseline.memory_gb, baseline.parts_s) == ((1.0, 0.0), (5.0, 0.0))
    assert (ram.startup_s, ram.fill_s, ram.parts_s) == (6.0, 1.0, (5.0, 1.0))
    assert (failed.has_failed, failed.memory_gb, failed.parts_s) == (True, None, None)
    assert costs_of(comparison).table().texts == [
        ("baseline", "1.00 GB", "-", "5.00 s", "-", "-"),
        ("ram", "1.00 GB", "-", "6.00 s", "1.00 s", ram.pays),
        (EVIL, "not measured", "-", "not measured", "-", "-"),
    ]


def test_a_cache_is_a_part_of_the_memory():
    record = make_record(cache="decoded", cache_fill_s=1.0)
    held = record.model_copy(update={"memory": record.memory.model_copy(update={"cache_bytes": 4 * 10**8})})
    (cost,) = cost_of_run(held).variants
    assert cost.memory_gb == pytest.approx((0.6, 0.4))
    assert [list(bar.x) for bar in costs(held).data] == [[0.6], [0.4], [4.0], [1.0]]


def test_what_was_not_measured_has_no_bar(comparison):
    figure = costs(comparison)
    rows = [list(bar.x) for bar in figure.data]
    assert all(row[2] is None for row in rows)  # the failed variant
    assert "not measured" in [note.text for note in figure.layout.annotations]
    assert any("pays after" in note.text for note in figure.layout.annotations)


@pytest.mark.parametrize("draw", [verdicts, costs, throughput])
def test_every_axis_says_what_it_shows(comparison, draw):
    assert all(titles(draw(comparison)))


@pytest.mark.parametrize("draw", [verdicts, costs, throughput])
def test_plotly_gets_no_html_from_a_name(comparison, draw):
    assert EVIL not in json.dumps(shown(draw(comparison)))


@pytest.mark.parametrize("draw", [verdicts, costs, throughput])
def test_the_numbers_of_a_figure_travel_with_it(comparison, draw):
    assert "ram" in {row[0] for row in said(draw(comparison)).table.texts}


def test_a_stage_has_the_colour_that_it_declares_or_one_by_its_name():
    assert colour_of("mine") == colour_of("mine", "") == colour_of("mine", "red; x") != colour_of("theirs")
    assert colour_of("mine", "#0072B2") == "#0072B2"
    assert colour_of("unattributed", "#0072B2") == "#C81E1E"


def test_a_workloads_stage_is_drawn_in_its_colour():
    own = Stage("blur", "worker", "work", "sample", colour="#7B5EA7")
    record = make_record(stages=[make_stage("worker", "blur", 2.0)], lanes=[make_lane("worker", 2.0, 2.0)])
    record = record.model_copy(update={"workload_stages": [own]})
    assert lane_bars(record).colours["blur"] == "#7B5EA7"
    assert where_time_goes(record).data[0].marker.color == "#7B5EA7"
    assert stage_colour("blur", Catalogue([own])) == "#7B5EA7"
    assert stage_colour("collate", Catalogue()) == next(s.colour for s in Catalogue() if s.name == "collate")


def test_a_text_is_read_on_what_it_stands_on():
    assert text_colour("#FFFFFF") != text_colour("#000000")


def test_a_batch_can_be_picked_and_its_way_is_in_order():
    rows = [
        ("worker", 0, "decode", 0, 40, 0, False), ("worker", 0, "decode", 40, 90, 0, False),
        ("worker", 0, "collate", 90, 100, 0, False), ("main", 0, "receive", 120, 130, 0, False),
        ("main", 0, "forward", 130, 200, 0, False), ("worker", 0, "decode", 100, 150, 1, False),
        ("main", 0, "receive", 210, 220, 1, False),
    ]  # fmt: skip
    columns = ["lane", "process", "stage", "begin_ns", "end_ns", "batch", "background"]
    spans = pd.DataFrame(rows, columns=columns).assign(sample=-1, origin="measured")
    spans[["begin_ns", "end_ns"]] *= 1_000_000
    record = make_record()
    steady = record.steady.model_copy(update={"warmup_steps": 0})
    record = record.model_copy(update={"steady": steady})
    data = batch_paths(spans, record)
    assert data.paths[0]["count"].tolist() == [2, 1, 1, 1]
    assert data.table(0).texts[0] == ("worker: decode", "0", "90", "2")
    figure = batch_path(spans, record)
    assert [button["label"] for button in figure.layout.updatemenus[0].buttons] == ["batch 0", "batch 1"]
    assert list(figure.data[0].y) == [
        "worker: decode",
        "worker: collate",
        "main process: receive",
        "main process: forward",
    ]
    assert list(figure.data[0].x) == [90.0, 10.0, 10.0, 70.0]
    assert "takes 200 ms from begin to end, 100 ms of it in its worker" in figure.layout.title.text
