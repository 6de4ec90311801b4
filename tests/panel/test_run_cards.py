"""The runs as a list of cards."""

from __future__ import annotations

import itertools
import json

import ipywidgets as widgets
import pytest
from record_factory import make_failed, make_lane, make_record

from workbench.errors import BadInput
from workbench.knobs.observed import ObservedKnobs
from workbench.panel.run_cards import RunCards, card_html
from workbench.panel.run_list import RunList, name_choices, name_variants
from workbench.records import ComparisonState, ProfilerOverhead, VariantTrial
from workbench.records.run_folder import RECORD, write_state
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.fixture
def runs(reports) -> RunList:
    return RunList(reports)


@pytest.fixture
def calls() -> list[object]:
    return []


@pytest.fixture
def cards(runs, calls) -> RunCards:
    return RunCards(
        runs, OcrKnobs(), on_look=calls.append, on_take=calls.append, on_tick=lambda: calls.append("ticked")
    )


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


def test_a_record_of_another_version_is_left_out_and_named(runs, cards, leave_run, reports) -> None:
    leave_run("2026-a")
    (reports / "runs" / "2026-b").mkdir()
    (reports / "runs" / "2026-b" / RECORD).write_text('{"schema_version": 99}')
    runs.refresh()
    cards.show()

    assert [run.run_id for run in runs.newest_first(with_all=True)] == ["2026-a"]
    assert len(shown(cards)) == 1
    assert "1 run cannot be read: 2026-b" in cards.widget.children[-1].children[0].value


def test_trials_of_comparisons_are_apart(runs, leave_run, reports) -> None:
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


def test_of_a_run_with_profilers_the_clean_one_is_shown(runs, leave_run) -> None:
    overhead = ProfilerOverhead(profilers=["lines"], factor=1.1, lowest=1.0, highest=1.2, run_ids=["2026-a", "2026-c"])
    leave_run("2026-b", make_record(profilers="lines").model_copy(update={"profiler_overhead": overhead}))
    leave_run("2026-a", make_record().model_copy(update={"profiled_run_id": "2026-b"}))
    leave_run("2026-c")
    runs.refresh()

    assert [run.run_id for run in runs.newest_first(with_all=False)] == ["2026-a"]
    assert runs.view("2026-a").profiled.run_id == "2026-b"
    assert runs.view("2026-b").profiled.run_id == "2026-b"
    assert runs.view("2026-c").profiled is None
    assert len(runs.newest_first(with_all=True)) == 3


def summary(runs, leave_run, record):
    leave_run("2026-a", record)
    runs.refresh()
    return runs.get("2026-a")


def test_a_card_says_what_differs_how_fast_and_how_sure(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_record(63.14, cache="decoded", scaled_decode=True, timeout_s=7.0))
    card = card_html(run, OcrKnobs())

    assert "cache=decoded" in card and "scaled_decode=true" in card
    assert "timeout_s" not in card
    assert "63.1 <small>pages/s</small>" in card
    assert "99.0 % of the time attributed" in card
    assert "1.00 GB" in card
    assert "simulated device" in card
    assert "the knobs of the baseline" in card_html(run, OcrKnobs(cache="decoded", scaled_decode=True))


def test_a_card_of_a_run_with_much_unattributed_time_says_so(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_record(lanes=[make_lane("main", 1.0, 0.5)]))

    assert "wb-alarm'>only 50.0 % of the time attributed" in card_html(run, OcrKnobs())


def test_a_failed_run_shows_its_message_escaped(runs, leave_run) -> None:
    run = summary(runs, leave_run, make_failed(message="page '<script>alert(1)</script>.jpg' is broken"))
    card = card_html(run, OcrKnobs())

    assert "failed in phase steady: page &#x27;&lt;script&gt;" in card
    assert "<script>" not in card


def test_knobs_are_escaped(runs, leave_run) -> None:
    assert "<img" not in card_html(summary(runs, leave_run, make_record(dataset="<img src=x>")), OcrKnobs())


def test_pages_of_cards_and_their_buttons(runs, leave_run, cards, calls) -> None:
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
    assert calls == ["2026-01", "2026-01", "ticked"]
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


def test_a_run_of_another_workload_is_shown_with_what_it_changed_of_its_own(runs, leave_run, reports) -> None:
    record = make_record().model_dump(mode="json")
    record["knobs"] = {"workload": "gone.away:Own", "num_workers": 7, "width": 3}
    record["item"] = "clip"
    folder = reports / "runs" / "2026-a"
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(json.dumps(record))
    runs.refresh()
    card = card_html(runs.get("2026-a"), OcrKnobs())

    assert "workload=gone.away:Own" in card and "num_workers=7" in card
    assert "clips/s" in card


def test_a_run_is_viewed_beside_the_baseline(runs, leave_run, reports) -> None:
    leave_run("2026-a")
    leave_run("2026-b", cache="decoded")
    view = runs.view("2026-b", "2026-a")

    assert (view.record.run_id, view.baseline.run_id) == ("2026-b", "2026-a")
    assert view.folder == reports / "runs" / "2026-b"
    assert view.key != runs.view("2026-b").key
    with pytest.raises(BadInput):
        runs.view("2026-b", "2026-gone")


def test_variants_are_named_by_what_they_change() -> None:
    common = {"num_pages": 7, "device": "cpu"}
    variants = [OcrKnobs(**common), OcrKnobs(**common, cache="decoded"), OcrKnobs(**common, timeout_s=3)]
    assert name_choices(variants) == ["cache=none", "cache=decoded", "cache=none (2)"]
    assert name_choices(variants[::2]) == ["same knobs", "same knobs (2)"]
    assert name_variants([*variants, variants[0]]) == ["baseline", "cache=decoded", "same knobs", "same knobs (2)"]
    scripts = [ObservedKnobs(command="python a.py", num_workers=number) for number in (None, 4)]
    assert name_choices(scripts) == ["num_workers as it is", "num_workers=4"]  # it is left to the script
    assert name_choices([OcrKnobs(persistent_workers=False), OcrKnobs()]) == [
        "persistent_workers=false", "persistent_workers=true",
    ]  # fmt: skip
    many = {"image_decoder": "turbojpeg", "transforms": "direct", "targets": "fast", "transport": "ring"}
    names = name_choices([OcrKnobs(), OcrKnobs(**many), OcrKnobs(**many, cache_store="shared", cache="decoded")])
    assert all(len(name) <= 64 for name in names)
    assert all(a != b for a, b in itertools.combinations(names, 2))
