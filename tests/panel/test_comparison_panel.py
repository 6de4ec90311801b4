"""Comparing runs from the panel, with trials that are made up."""

from __future__ import annotations

import json

import ipywidgets as widgets
import pytest
from fakes import FakeBlocks, FakeTrials

from workbench.panel.comparison_panel import ComparisonPanel
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import RunQueue
from workbench.records.run_folder import RECORD, list_runs

PATIENCE_S = 60.0
RATES = {"none": 50.0, "decoded": 80.0, "prepared": 51.0}


class Trials(FakeTrials):
    """Made-up trials, a little faster or slower than the one before; the comparison is cancelled after some."""

    def __init__(self) -> None:
        super().__init__(lambda knobs, number: RATES[knobs.cache] * (1.0 + 0.001 * (number % 5)))
        self.cancel_after = 10**9

    def __call__(self, knobs, runs, *, cancel=None, **others):
        if len(self.ran) >= self.cancel_after:
            cancel.set()
        return super().__call__(knobs, runs, **others)


class Panel:
    """A comparison panel, and what it calls."""

    def __init__(self, reports, trials: Trials, *run_ids: str) -> None:
        self.runs = RunList(reports)
        self.runs.refresh()
        self.queue = RunQueue()
        self.calls: list[object] = []
        self.panel = ComparisonPanel(
            self.runs, self.queue, on_begin=lambda title, knobs: self.calls.append(title),
            on_event=self.calls.append, on_end=lambda text, bad: self.calls.append((text, bad)),
            on_baseline=lambda: self.calls.append("baseline"), launch=trials, run_slices=FakeBlocks(trials),
        )  # fmt: skip
        self.panel.set_ticked(run_ids)

    def press(self, text: str) -> None:
        self.of(widgets.Button, text).click()
        assert self.queue.wait_until_idle(PATIENCE_S)

    def of(self, kind, text: str):
        return next(
            widget
            for widget in everything(self.panel.widget)
            if isinstance(widget, kind) and widget.description == text
        )

    def text(self) -> str:
        return " ".join(widget.value for widget in everything(self.panel.widget) if isinstance(widget, widgets.HTML))

    def outputs(self) -> tuple:
        return next(widget for widget in everything(self.panel.widget) if isinstance(widget, widgets.Output)).outputs


def everything(widget) -> list[widgets.Widget]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in everything(child))]


@pytest.fixture
def trials() -> Trials:
    return Trials()


@pytest.fixture
def compared(reports, leave_run, trials) -> Panel:
    for name, cache in (("2026-a", "none"), ("2026-b", "decoded"), ("2026-c", "prepared")):
        leave_run(name, cache=cache)
    return Panel(reports, trials, "2026-a", "2026-b")


def test_it_takes_two_to_compare(compared: Panel) -> None:
    compared.panel.set_ticked(["2026-a"])
    assert compared.of(widgets.Button, "Compare").disabled
    compared.panel.set_ticked(["2026-a", "2026-b"])
    assert not compared.of(widgets.Button, "Compare").disabled
    assert compared.of(widgets.Dropdown, "baseline").options == (("cache=none", "2026-a"), ("cache=decoded", "2026-b"))


def test_a_comparison_ends_with_verdicts_and_can_be_exported(compared: Panel, reports) -> None:
    compared.press("Compare")

    assert "cache=decoded&#x27; is 1.60x" in compared.text()
    shown = json.dumps([item["data"] for item in compared.outputs()])
    assert "faster" in shown and "blocks done" in shown and "<table" in shown
    assert not compared.of(widgets.Button, "Export HTML").disabled
    (folder,) = (reports / "comparisons").iterdir()
    assert compared.of(widgets.Dropdown, "shown").options == (folder.name,)
    assert ("The comparison is over: every verdict is clear.", False) in compared.calls


def test_the_chosen_baseline_is_that_of_the_comparison(compared: Panel) -> None:
    compared.of(widgets.Dropdown, "baseline").value = "2026-b"
    assert compared.panel.baseline == "2026-b"
    assert "baseline" in compared.calls
    compared.press("Compare")

    assert "No variant is faster than &#x27;baseline&#x27;; &#x27;cache=none&#x27; is slower" in compared.text()


def test_intervals_are_drawn_while_it_runs_and_narrow(compared: Panel, monkeypatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(
        ComparisonPanel, "_show_so_far", lambda self, journal, records: drawn.append(min(map(len, records.values())))
    )
    compared.panel.set_ticked(["2026-a", "2026-c"])
    compared.press("Compare")

    assert drawn == sorted(drawn)
    assert drawn[:3] == [1, 2, 3]


def test_a_cancelled_comparison_can_go_on(compared: Panel, trials: Trials, reports) -> None:
    trials.cancel_after = 4
    compared.press("Compare")
    assert ("The comparison is over: it was cancelled, and can go on.", False) in compared.calls
    assert compared.of(widgets.Button, "Export HTML").disabled

    trials.cancel_after = 10**9
    compared.press("More blocks")
    assert "is 1.60x" in compared.text()
    (folder,) = (reports / "comparisons").iterdir()
    state = json.loads((folder / "state.json").read_text())
    assert len({trial["run_id"] for trial in state["trials"]}) == len(state["trials"])


def test_profilers_are_left_out_of_comparisons(compared: Panel, leave_run, reports) -> None:
    leave_run("2026-d", profilers="lines", line_functions="a.b")
    compared.runs.refresh()
    compared.panel.set_ticked(["2026-a", "2026-d"])
    compared.press("Compare")

    knobs = [json.loads((folder / RECORD).read_text())["knobs"] for folder in list_runs(reports / "runs")]
    assert [own["profilers"] for own in knobs if own["profilers"]] == [["lines"]]
    assert "&#x27;same knobs&#x27;" in compared.text()


def test_a_data_set_that_is_gone_is_said_in_words(compared: Panel, leave_run) -> None:
    leave_run("2026-d", dataset="/nowhere/<b>")
    compared.runs.refresh()
    compared.panel.set_ticked(["2026-a", "2026-d"])
    compared.press("Compare")

    assert "there is no such folder" in compared.text()
    assert "<b>" not in compared.text()
    assert ("It failed before its end.", True) in compared.calls


def test_earlier_comparisons_can_be_looked_at(compared: Panel, trials: Trials, reports) -> None:
    compared.press("Compare")
    again = Panel(reports, trials)
    again.panel.refresh()
    assert again.outputs() == ()
    dropdown = again.of(widgets.Dropdown, "shown")
    dropdown.value = dropdown.options[0]

    assert "is 1.60x" in again.text()
    assert again.outputs()


def test_the_report_is_exported_beside_the_comparisons(compared: Panel, reports, monkeypatch) -> None:
    exported: list[tuple] = []
    monkeypatch.setattr(
        "workbench.panel.comparison_panel.export_report",
        lambda folder, html, cancel: exported.append((folder, html)),
    )
    compared.press("Compare")
    compared.press("Export HTML")

    ((folder, html),) = exported
    assert [folder] == list((reports / "comparisons").iterdir())
    assert html.parent == reports
    assert str(html) in compared.text()
