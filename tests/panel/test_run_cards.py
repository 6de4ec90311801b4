"""The runs as a list of cards."""

from __future__ import annotations

import ipywidgets as widgets
import pytest
from record_factory import make_failed, make_lane, make_record

from workbench.panel.run_cards import RunCards, card_html
from workbench.panel.run_list import RunList
from workbench.records import ComparisonState, ProfilerOverhead, VariantTrial
from workbench.records.run_folder import RECORD, write_state
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.fixture
def runs(reports) -> RunList:
    return RunList(reports)


@pytest.fixture
def told() -> list[object]:
    return []


@pytest.fixture
def cards(runs, told) -> RunCards:
    return RunCards(runs, on_look=told.append, on_take=told.append, on_tick=lambda: told.append("ticked"))


def shown(cards: RunCards) -> list[str]:
    """The texts of the cards that can be seen."""
    boxes = [box for box in cards.widget.children[:-1] if box.layout.display != "none"]
    return [box.children[1].value for box in boxes]


def test_runs_of_anybody_are_listed_newest_first(runs, leave_run, reports) -> None:
    leave_run("2026-b", rate=60.0)
    leave_run("2026-a", rate=50.0)
    runs.refresh()
    leave_run("2026-c", rate=70.0)
    runs.refresh()

    assert [run.samples_per_s for run in runs.newest_first(with_all=True)] == pytest.approx([70.0, 60.0, 50.0])
    (reports / "runs" / "2026-b" / RECORD).unlink()
    runs.refresh()
    assert [run.run_id for run in runs.newest_first(with_all=True)] == ["2026-c", "2026-a"]


def test_a_record_of_another_version_is_left_out(runs, leave_run, reports) -> None:
    leave_run("2026-a")
    (reports / "runs" / "2026-b").mkdir()
    (reports / "runs" / "2026-b" / RECORD).write_text('{"schema_version": 99}')
    runs.refresh()

    assert [run.run_id for run in runs.newest_first(with_all=True)] == ["2026-a"]


def test_trials_of_races_are_apart(runs, leave_run, reports) -> None:
    for name in ("2026-a", "2026-b", "2026-c"):
        leave_run(name)
    trial = VariantTrial(block=0, variant="baseline", run_id="2026-b")
    state = ComparisonState(
        variants={"baseline": OcrKnobs()}, seed=0, most_blocks=3, runs="runs", warmup_run_id="2026-c", trials=[trial]
    )
    write_state(reports / "comparisons" / "one", state)
    runs.refresh()

    assert [run.run_id for run in runs.newest_first(with_all=False)] == ["2026-a"]
    assert len(runs.newest_first(with_all=True)) == 3


def test_runs_that_tell_what_lenses_cost_are_apart(runs, leave_run) -> None:
    price = ProfilerOverhead(profilers=["lines"], factor=1.1, lowest=1.0, highest=1.2, run_ids=["2026-a", "2026-c"])
    leave_run("2026-b", make_record(profilers="lines").model_copy(update={"profiler_overhead": price}))
    for name in ("2026-a", "2026-c"):
        leave_run(name)
    runs.refresh()

    assert [run.run_id for run in runs.newest_first(with_all=False)] == ["2026-b"]
    assert len(runs.newest_first(with_all=True)) == 3


def summary(runs, leave_run, record):
    leave_run("2026-a", record)
    runs.refresh()
    return runs.get("2026-a")


def test_a_card_says_what_differs_how_fast_and_how_sure(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_record(63.14, cache="decoded", num_steps=7))
    card = card_html(run, OcrKnobs())

    assert "cache=decoded" in card
    assert "num_steps" not in card
    assert "63.1 <small>pages/s</small>" in card
    assert "closure 99.0 %" in card
    assert "1.00 GB" in card
    assert "simulated device" in card
    assert "the knobs of the baseline" in card_html(run, OcrKnobs(cache="decoded"))


def test_a_card_of_a_breakdown_that_does_not_close_says_so(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_record(lanes=[make_lane("main", 1.0, 0.5)]))

    assert "wb-alarm'>does not close (50.0 %)" in card_html(run, OcrKnobs())


def test_a_failed_run_shows_its_message_escaped(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_failed(message="page '<script>alert(1)</script>.jpg' is broken"))
    card = card_html(run, OcrKnobs())

    assert "failed in phase steady: page &#x27;&lt;script&gt;" in card
    assert "<script>" not in card


def test_knobs_are_escaped(runs, leave_run) -> None:
    assert "<img" not in card_html(summary(runs, leave_run, make_record(dataset="<img src=x>")), OcrKnobs())


def test_pages_of_cards_and_their_buttons(runs, leave_run, cards, told) -> None:
    for number in range(12):
        leave_run(f"2026-{number:02}", rate=10.0 + number)
    runs.refresh()
    cards.show()
    for number, text in zip((11, 10, 9, 8, 7), shown(cards), strict=True):
        assert f"data-run='2026-{number:02}'" in text
    foot = cards.widget.children[-1]
    foot.children[-1].click()
    foot.children[-1].click()
    assert ["2026-01" in shown(cards)[0], len(shown(cards))] == [True, 2]
    assert "runs 11 to 12 of 12" in foot.children[0].value

    box = cards.widget.children[0]
    box.children[2].click()
    box.children[3].click()
    box.children[0].value = True
    assert told == ["2026-01", "2026-01", "ticked"]
    assert cards.ticked == ["2026-01"]
    foot.children[-2].click()
    assert box.children[0].value is False
    assert cards.ticked == ["2026-01"]


def test_a_failed_run_cannot_be_ticked(runs, leave_run, cards) -> None:
    leave_run("2026-a", make_failed())
    runs.refresh()
    cards.show()
    assert cards.widget.children[0].children[0].disabled


def test_however_many_runs_there_are_the_widgets_stay_as_many(runs, leave_run, cards) -> None:
    cards.show()
    before = len(widgets.widget._instances)
    for number in range(30):
        leave_run(f"2026-{number:02}")
        runs.refresh()
        cards.show()
    assert len(widgets.widget._instances) == before
