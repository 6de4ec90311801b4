"""Racing runs from the panel, with trials that are made up."""

from __future__ import annotations

import itertools
import json
import threading

import ipywidgets as widgets
import pytest
from record_factory import make_record

from workbench.panel.comparison_panel import ComparisonPanel
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import RunQueue
from workbench.panel.variant_names import name_choices, name_variants
from workbench.records.run_folder import RECORD, list_runs, write_json
from workbench.report.by_hand import Judging
from workbench.workloads.ocr.knobs import OcrKnobs

PATIENCE_S = 60.0
RATES = {"none": 50.0, "decoded": 80.0, "prepared": 51.0}


class FakeTrials:
    """Stands in for `run_trial`: leaves a record at once, a little faster or slower than the one before."""

    def __init__(self) -> None:
        self.count = 0
        self.cancel_after = 10**9

    def __call__(self, knobs, runs, *, program=None, on_event=None, cancel=None):
        self.count += 1
        if self.count > self.cancel_after:
            cancel.set()
        name = f"2027-{self.count:04}"
        rate = RATES[knobs.cache] * (1.0 + 0.001 * (self.count % 5))
        record = make_record(rate, name=name).model_copy(update={"knobs": knobs})
        write_json(runs / name / RECORD, record)
        return record


class Panel:
    """A comparison panel, and what it tells."""

    def __init__(self, reports, *run_ids: str) -> None:
        self.runs = RunList(reports)
        self.runs.refresh()
        self.queue = RunQueue()
        self.told: list[object] = []
        self.panel = ComparisonPanel(
            self.runs, self.queue, Judging(reports), on_begin=self.told.append, on_event=self.told.append,
            on_end=lambda told, bad: self.told.append((told, bad)), on_baseline=lambda: self.told.append("baseline"),
        )  # fmt: skip
        self.panel.set_ticked(run_ids)

    def press(self, text: str) -> None:
        self.of(widgets.Button, text).click()
        assert self.queue.wait_until_idle(PATIENCE_S)

    def of(self, kind, text: str):
        return next(one for one in everything(self.panel.widget) if isinstance(one, kind) and one.description == text)

    def text(self) -> str:
        return " ".join(one.value for one in everything(self.panel.widget) if isinstance(one, widgets.HTML))

    def outputs(self) -> tuple:
        return next(one for one in everything(self.panel.widget) if isinstance(one, widgets.Output)).outputs


def everything(widget) -> list[widgets.Widget]:
    return [widget, *(one for child in getattr(widget, "children", ()) for one in everything(child))]


@pytest.fixture
def trials(monkeypatch) -> FakeTrials:
    fake = FakeTrials()
    monkeypatch.setattr("workbench.measure.comparison.run.run_trial", fake)
    return fake


@pytest.fixture
def compared(reports, leave_run, trials) -> Panel:
    for name, cache in (("2026-a", "none"), ("2026-b", "decoded"), ("2026-c", "prepared")):
        leave_run(name, cache=cache)
    return Panel(reports, "2026-a", "2026-b")


def test_it_takes_two_to_race(compared: Panel) -> None:
    compared.panel.set_ticked(["2026-a"])
    assert compared.of(widgets.Button, "ComparisonRun").disabled
    compared.panel.set_ticked(["2026-a", "2026-b"])
    assert not compared.of(widgets.Button, "ComparisonRun").disabled
    assert compared.of(widgets.Dropdown, "baseline").options == (("cache=none", "2026-a"), ("cache=decoded", "2026-b"))


def test_a_race_ends_with_verdicts_and_can_be_exported(compared: Panel, reports) -> None:
    compared.press("ComparisonRun")

    assert "cache=decoded&#x27; is 1.60x" in compared.text()
    shown = json.dumps([item["data"] for item in compared.outputs()])
    assert "faster" in shown and "blocks done" in shown and "<table" in shown
    assert not compared.of(widgets.Button, "Export HTML").disabled
    (folder,) = (reports / "comparisons").iterdir()
    assert compared.of(widgets.Dropdown, "shown").options == (folder.name,)
    assert ("The comparison is over: every verdict is clear.", False) in compared.told


def test_the_chosen_baseline_is_the_races(compared: Panel) -> None:
    compared.of(widgets.Dropdown, "baseline").value = "2026-b"
    assert compared.panel.baseline == "2026-b"
    assert "baseline" in compared.told
    compared.press("ComparisonRun")

    assert "No variant is faster than &#x27;baseline&#x27;; &#x27;cache=none&#x27; is slower" in compared.text()


def test_intervals_are_drawn_while_it_runs_and_narrow(compared: Panel, monkeypatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(
        ComparisonPanel, "_show_so_far", lambda self, journal, records: drawn.append(min(map(len, records.values())))
    )
    compared.panel.set_ticked(["2026-a", "2026-c"])
    compared.press("ComparisonRun")

    assert drawn == sorted(drawn)
    assert drawn[:3] == [1, 2, 3]


def test_a_cancelled_race_can_go_on(compared: Panel, trials: FakeTrials, reports) -> None:
    trials.cancel_after = 4
    compared.press("ComparisonRun")
    assert ("The comparison is over: it was cancelled, and can go on.", False) in compared.told
    assert compared.of(widgets.Button, "Export HTML").disabled

    trials.cancel_after = 10**9
    compared.press("More blocks")
    assert "is 1.60x" in compared.text()
    (folder,) = (reports / "comparisons").iterdir()
    state = json.loads((folder / "state.json").read_text())
    assert len({trial["run_id"] for trial in state["trials"]}) == len(state["trials"])


def test_lenses_are_left_out_of_races(compared: Panel, leave_run, reports) -> None:
    leave_run("2026-d", profilers="lines", line_functions="a.b")
    compared.runs.refresh()
    compared.panel.set_ticked(["2026-a", "2026-d"])
    compared.press("ComparisonRun")

    knobs = [json.loads((folder / RECORD).read_text())["knobs"] for folder in list_runs(reports / "runs")]
    assert [one["profilers"] for one in knobs if one["profilers"]] == ["lines"]
    assert "&#x27;same knobs&#x27;" in compared.text()


def test_a_data_set_that_is_gone_is_said_in_words(compared: Panel, leave_run) -> None:
    leave_run("2026-d", dataset="/nowhere/<b>")
    compared.runs.refresh()
    compared.panel.set_ticked(["2026-a", "2026-d"])
    compared.press("ComparisonRun")

    assert "there is no such folder" in compared.text()
    assert "<b>" not in compared.text()
    assert ("It did not come to its end.", True) in compared.told


def test_earlier_comparisons_can_be_looked_at(compared: Panel, reports) -> None:
    compared.press("ComparisonRun")
    again = Panel(reports)
    again.panel.refresh()
    assert again.outputs() == ()
    dropdown = again.of(widgets.Dropdown, "shown")
    dropdown.value = dropdown.options[0]

    assert "is 1.60x" in again.text()
    assert again.outputs()


def test_a_report_that_is_not_made_says_why(tmp_path) -> None:
    with pytest.raises(Exception, match=r"the report was not made(.|\n)*there is no state.json"):
        Judging(tmp_path).export(tmp_path / "nothing", threading.Event())


def test_variants_are_named_by_what_they_change() -> None:
    common = {"num_pages": 7, "device": "cpu"}
    variants = [OcrKnobs(**common), OcrKnobs(**common, cache="decoded"), OcrKnobs(**common, num_steps=3)]
    assert name_choices(variants) == ["cache=none", "cache=decoded", "cache=none (2)"]
    assert name_choices(variants[::2]) == ["same knobs", "same knobs (2)"]
    assert name_variants([*variants, variants[0]]) == ["baseline", "cache=decoded", "same knobs", "same knobs (2)"]
    assert name_choices([OcrKnobs(persistent_workers=False), OcrKnobs()]) == [
        "persistent_workers=false", "persistent_workers=true",
    ]  # fmt: skip
    many = {"image_decoder": "turbojpeg", "transforms": "direct", "targets": "fast", "transport": "ring"}
    names = name_choices([OcrKnobs(), OcrKnobs(**many), OcrKnobs(**many, cache_store="shared", cache="decoded")])
    assert all(len(name) <= 64 for name in names)
    assert all(a != b for a, b in itertools.combinations(names, 2))
