"""The knobs as widgets."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from workbench.knobs.knobs import OcrKnobs, describe_knobs
from workbench.panel.knob_widgets import IN_FRONT, KnobWidgets
from workbench.panel.presets import PRESETS, apply_preset


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def shown(told: list[str]) -> KnobWidgets:
    return KnobWidgets(OcrKnobs(), told.append)


def test_every_knob_has_a_widget_with_its_words(shown: KnobWidgets) -> None:
    for info in describe_knobs():
        widget = shown.by_name[info.name]
        assert widget.description == info.name
        assert info.help in widget.tooltip
        if info.choices and info.type_name != "bool":
            assert tuple(widget.options) == info.choices


def test_all_but_those_in_front_lie_in_their_groups(shown: KnobWidgets) -> None:
    placed = [row.children[0].description for box in shown.groups.children for row in box.children]

    assert sorted([*placed, *IN_FRONT]) == sorted(OcrKnobs.model_fields)


def test_what_somebody_else_has_a_widget_for_gets_none_here() -> None:
    shown = KnobWidgets(OcrKnobs(), print, apart=("dataset",))

    assert "dataset" not in shown.by_name
    assert "dataset" not in shown.settings()


@pytest.mark.parametrize(
    "knobs",
    [
        OcrKnobs(),
        *(apply_preset(name, OcrKnobs()) for name in PRESETS),
        OcrKnobs(num_pages=7, num_workers=33, replay_ms_per_sample=0.25, profilers="lines,memory", annotations="a b.json"),
        OcrKnobs(mode="train", targets="fast", num_steps=3, warmup_steps=0, persistent_workers=False),
    ],
)
def test_what_is_shown_is_what_is_read(shown: KnobWidgets, told: list[str], knobs: OcrKnobs) -> None:
    shown.show(knobs)

    assert OcrKnobs.parse_own(shown.settings()) == knobs
    assert told == []


def test_a_person_who_changes_a_knob_is_heard(shown: KnobWidgets, told: list[str]) -> None:
    shown.by_name["num_workers"].value = 0
    shown.by_name["cache"].value = "prepared"
    shown.by_name["batch_size"].value = "x"

    assert told == ["num_workers", "cache", "batch_size"]
    assert shown.settings()["batch_size"] == "x"


def test_knobs_with_a_reason_are_dimmed_and_no_others(shown: KnobWidgets) -> None:
    shown.show_reasons({"encoder": "no model <is> run"})
    assert dimmed(shown) == {"encoder": "no model &lt;is&gt; run"}

    shown.show_reasons({"neck": "nor this"})
    assert dimmed(shown) == {"neck": "nor this"}


def test_groups_say_how_many_knobs_are_changed(shown: KnobWidgets) -> None:
    shown.show_changes(["prefetch_factor", "start_method", "cache"])

    assert "Loading  (2 changed)" in shown.groups.titles
    assert "Image path" in shown.groups.titles


def dimmed(shown: KnobWidgets) -> dict[str, str]:
    rows = [row for box in [shown.front, *shown.groups.children] for row in box.children]
    found = {}
    for row in rows:
        assert isinstance(row, widgets.VBox)
        if "wb-dim" in row._dom_classes:
            found[row.children[0].description] = row.children[1].value
    return found
