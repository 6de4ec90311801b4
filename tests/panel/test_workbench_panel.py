"""The panel as a whole, with trials that are made up."""

from __future__ import annotations

import threading

import ipywidgets as widgets
import pytest
from record_factory import make_failed, make_record

from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.events import Event
from workbench.panel import look
from workbench.panel.workbench_panel import Workbench
from workbench.records import Failure, Record
from workbench.records.run_folder import RECORD, write_json
from workbench.workloads.ocr.knobs import OcrKnobs

PATIENCE_S = 60.0


class FakeTrials:
    """Takes the place of `run_profiled`: leaves a record at once, or waits to be cancelled."""

    def __init__(self) -> None:
        self.waits = False
        self.began = threading.Event()
        self.message = ""
        self.count = 0

    def __call__(self, knobs, runs, *, on_event, cancel) -> Record:
        self.count += 1
        name = f"2026-{self.count:04}"
        on_event(Event(phase="steady", done=1, total=2, samples_per_s=50.0, stages={"main": {"wait": 1.0}}))
        waits = self.waits  # as the test had it when this trial began
        self.began.set()
        record = make_record(50.0, name=name).model_copy(update={"knobs": knobs})
        if waits and cancel.wait(PATIENCE_S):
            failure = Failure(kind="cancelled", phase="steady", message="cancelled")
            record = make_failed(name).model_copy(update={"failure": failure, "knobs": knobs})
        if self.message:
            record = make_failed(name, self.message)
        write_json(runs / name / RECORD, record)
        return record


@pytest.fixture
def trials() -> FakeTrials:
    return FakeTrials()


@pytest.fixture
def lab(reports, trials):
    return Workbench(reports, OcrKnobs(num_pages=4), run=trials)


def everything(widget) -> list[widgets.Widget]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in everything(child))]


def button(lab: Workbench, text: str) -> widgets.Button:
    return next(widget for widget in everything(lab.widget) if getattr(widget, "description", "") == text)


def text(lab: Workbench) -> str:
    return " ".join(widget.value for widget in everything(lab.widget) if isinstance(widget, widgets.HTML))


def test_a_run_becomes_a_card_and_is_looked_at(lab, trials) -> None:
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)
    assert lab.look.wait_until_drawn(PATIENCE_S)

    assert "data-run='2026-0001'" in text(lab)
    assert "Done: 50.0 pages/s." in text(lab)
    assert "50.0 pages/s (on a simulated device)" in text(lab)
    drawn = next(widget for widget in everything(lab.widget) if isinstance(widget, widgets.Output) and widget.outputs)
    assert "application/vnd.plotly.v1+json" in drawn.outputs[0]["data"]
    assert "table" in drawn.outputs[1]["data"]["text/html"]


def test_the_widgets_knobs_are_run(lab, trials, reports) -> None:
    lab.knobs.by_name["cache"].value = "decoded"
    lab.knobs.by_name["num_workers"].value = 0
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)

    record = Record.model_validate_json((reports / "runs" / "2026-0001" / RECORD).read_text())
    assert record.knobs == OcrKnobs(num_pages=4, cache="decoded", num_workers=0)


def test_cancel_ends_the_run_and_the_next_one_begins(lab, trials) -> None:
    trials.waits = True
    button(lab, "Run").click()
    assert trials.began.wait(PATIENCE_S)
    button(lab, "Run").click()
    assert "1 waiting" in text(lab)
    trials.waits = False
    button(lab, "Cancel").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)

    assert trials.count == 2
    assert button(lab, "Cancel").disabled
    assert "cancelled" in text(lab) and "Done: 50.0 pages/s." in text(lab)


def test_a_failed_run_shows_its_message_and_no_traceback(lab, trials) -> None:
    trials.message = "page '<b>.jpg' cannot be decoded"
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)

    assert text(lab).count("page &#x27;&lt;b&gt;.jpg&#x27; cannot be decoded") == 2
    assert "Traceback" not in text(lab)


def test_a_data_set_that_is_not_there_is_said_in_words(lab, trials) -> None:
    lab.knobs.by_name["dataset"].value = "nowhere/<i>"
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)

    assert "there is no such folder" in text(lab)
    assert "<i>" not in text(lab)
    assert trials.count == 0


def test_what_cannot_run_is_not_run_and_says_why_and_offers_a_fix(lab, trials) -> None:
    lab.knobs.by_name["cache"].value = "tensor"
    assert "what the cache holds is normalized already" in text(lab)
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)
    assert trials.count == 0

    button(lab, "set normalize=cached").click()
    assert lab.knobs.by_name["normalize"].value == "cached"
    assert "what the cache holds is normalized already. Take" not in text(lab)
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)
    assert trials.count == 1


def test_fifty_runs_leave_no_more_widgets_than_one(lab, trials) -> None:
    def run() -> None:
        button(lab, "Run").click()
        assert lab.queue.wait_until_idle(PATIENCE_S)
        assert lab.look.wait_until_drawn(PATIENCE_S)

    run()
    before = len(widgets.widget._instances)
    for _ in range(50):
        run()
    assert trials.count == 51
    assert len(widgets.widget._instances) == before


def test_a_panel_that_is_made_anew_leaves_nothing_of_the_one_before(lab, trials, reports, monkeypatch) -> None:
    drawn = [(title, make) for title, make in look.TABS if isinstance(make(), look.FigureTab)]
    monkeypatch.setattr(look, "TABS", drawn)
    Workbench(reports, OcrKnobs(), run=trials)
    before = len(widgets.widget._instances)
    for _ in range(3):
        Workbench(reports, OcrKnobs(), run=trials)
    assert len(widgets.widget._instances) == before


def test_a_panel_that_is_made_anew_ends_what_the_one_before_ran(lab, trials, reports) -> None:
    trials.waits = True
    button(lab, "Run").click()
    assert trials.began.wait(PATIENCE_S)
    button(lab, "Run").click()
    Workbench(reports, OcrKnobs(), run=trials)

    assert lab.queue.wait_until_idle(0.0)
    assert trials.count == 1


def test_a_preset_sets_the_knobs(lab) -> None:
    preset = next(widget for widget in everything(lab.widget) if getattr(widget, "description", "") == "preset")
    preset.value = "RAM image cache"

    assert lab.knobs.by_name["cache"].value == "decoded"
    assert lab.knobs.settings()["num_pages"] == "4"


def test_settings_can_be_given_to_a_run(lab, trials, reports) -> None:
    lab.run({"cache": "decoded", "slow_down": "decode:1.5"})
    assert lab.queue.wait_until_idle(PATIENCE_S)

    record = Record.model_validate_json((reports / "runs" / "2026-0001" / RECORD).read_text())
    assert record.knobs == OcrKnobs(num_pages=4, cache="decoded", slow_down={"decode": 1.5})


def test_the_knobs_of_a_run_are_taken(lab, trials) -> None:
    lab.run({"cache": "decoded"})
    assert lab.queue.wait_until_idle(PATIENCE_S)
    lab.knobs.by_name["cache"].value = "none"

    button(lab, "Take knobs").click()
    assert lab.knobs.by_name["cache"].value == "decoded"


def test_a_workload_of_ones_own_has_a_lab(reports, trials) -> None:
    knobs = parse_knobs({"workload": "examples.toy_workload:Toy", "num_images": 32})
    lab = Workbench(reports, knobs, run=trials)
    lab.knobs.by_name["keep_images"].value = True
    button(lab, "Run").click()
    assert lab.queue.wait_until_idle(PATIENCE_S)

    record = Record.model_validate_json((reports / "runs" / "2026-0001" / RECORD).read_text())
    assert record.knobs == knobs.changed(keep_images=True)
    assert "Knobs of examples.toy_workload:Toy" in text(lab)
    assert "keep_images=true" in text(lab)
    assert "the next image" in [getattr(widget, "tooltip", "") for widget in everything(lab.widget)]
