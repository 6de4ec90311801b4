"""Searching from the panel, on a machine that is pretended."""

from __future__ import annotations

import ipywidgets as widgets
import pytest
from pretended_machine import Machine, product_of

from workbench.knobs.joined import parse_knobs
from workbench.panel.run_list import RunList
from workbench.panel.run_queue import RunQueue
from workbench.panel.tune_panel import TunePanel
from workbench.records.run_folder import TUNE, read_tuning, write_json

PATIENCE_S = 60.0


class Panel:
    """A panel for searches, and what it calls."""

    def __init__(self, reports, machine: Machine, knobs=None) -> None:
        self.queue = RunQueue()
        self.calls: list[object] = []
        self.reports = reports
        self.panel = TunePanel(
            RunList(reports), self.queue, lambda: knobs,
            on_begin=lambda title, knobs: self.calls.append(title), on_event=self.calls.append,
            on_end=lambda text, bad: self.calls.append((text, bad)), launch=machine.launch,
            run_slices=machine.run_slices,
        )  # fmt: skip

    def of(self, kind, text: str):
        return next(w for w in everything(self.panel.widget) if isinstance(w, kind) and w.description == text)

    def press(self, text: str) -> None:
        self.of(widgets.Button, text).click()
        assert self.queue.wait_until_idle(PATIENCE_S)

    def text(self) -> str:
        return " ".join(w.value for w in everything(self.panel.widget) if isinstance(w, widgets.HTML))

    def screen(self) -> str:
        (output,) = [w for w in everything(self.panel.widget) if isinstance(w, widgets.Output)]
        return str(output.outputs)

    @property
    def folder(self):
        (folder,) = (self.reports / "tunings").iterdir()
        return folder


def everything(widget) -> list[widgets.Widget]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in everything(child))]


@pytest.fixture
def machine() -> Machine:
    return Machine(product_of({("cache", "prepared"): 2.0, ("cache", "decoded"): 1.3}))


@pytest.fixture
def panel(tmp_path, machine, monkeypatch) -> Panel:
    monkeypatch.setenv("WORKBENCH_INPUTS_CHECKED", "1")
    found = Panel(tmp_path, machine, parse_knobs({"num_pages": 8}))
    found.of(widgets.Text, "knobs").value = "cache"
    return found


def test_a_search_from_the_panel_ends_with_its_answer(panel):
    panel.press("Search")

    tuning = read_tuning(panel.folder)
    assert tuning.winner == {"cache": "prepared"} and tuning.verdict == "faster"
    assert "cache=prepared&#x27; is 2.0" in panel.text()
    assert "a fresh comparison" in panel.screen() and "workbench run -p num_pages=8 -p cache=prepared" in panel.screen()
    assert panel.calls[0] == "search of 20 min" and panel.calls[-1] == ("The search is over.", False)
    assert panel.of(widgets.Button, "Go on").disabled and not panel.of(widgets.Button, "Export HTML").disabled


def test_its_figure_grows_while_it_runs(panel, machine):
    seen = []
    machine.trials.before = lambda number: seen.append(panel.screen())
    panel.press("Search")

    assert "short trial of" in seen[3]
    assert "Predicted against measured" not in seen[1] and "Predicted against measured" in seen[-1]


def test_it_can_be_cancelled_and_goes_on(panel, machine):
    def cancel(number):
        if number == 6:
            panel.queue.cancel()

    machine.trials.before = cancel
    panel.press("Search")
    assert panel.calls[-1] == ("The search is cancelled, and can go on.", False)
    assert "it can go on" in panel.text()

    machine.trials.before = lambda number: None
    panel.press("Go on")
    assert read_tuning(panel.folder).verdict == "faster"


def test_what_cannot_be_searched_is_said(panel):
    panel.of(widgets.Text, "knobs").value = "cach"
    panel.of(widgets.Text, "memory").value = "much"
    panel.press("Search")

    assert "no knob named" in panel.text() and panel.calls[-1][1] is True


def test_knobs_that_cannot_run_are_no_baseline(tmp_path, machine):
    panel = Panel(tmp_path, machine)
    panel.press("Search")

    assert "cannot run" in panel.text()


def test_earlier_searches_can_be_looked_at(panel, tmp_path, machine):
    panel.press("Search")
    later = Panel(tmp_path, machine, parse_knobs({"num_pages": 8}))
    assert later.of(widgets.Dropdown, "shown").value is None

    later.of(widgets.Dropdown, "shown").value = panel.folder.name
    assert "cache=prepared&#x27; is 2.0" in later.text()


def test_one_without_an_answer_offers_the_time_that_it_takes(panel, tmp_path, machine):
    panel.press("Search")
    tuning = read_tuning(panel.folder)
    write_json(panel.folder / TUNE, tuning.model_copy(update={"stop": "no_time", "verdict": None, "more_s": 1450.0}))
    later = Panel(tmp_path, machine, parse_knobs({"num_pages": 8}))
    later.of(widgets.IntSlider, "minutes").value = 5

    later.of(widgets.Dropdown, "shown").value = panel.folder.name
    assert later.of(widgets.IntSlider, "minutes").value == 25
    assert "it takes 25 min more" in later.screen()
