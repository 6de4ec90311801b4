"""The knobs of a workload as widgets, its presets, and what is said about a combination."""

from __future__ import annotations

from typing import ClassVar

import ipywidgets as widgets
import pytest
from pydantic import BaseModel

from workbench.errors import BadInput
from workbench.knobs.joined import knobs_class
from workbench.knobs.knobs import Knobs
from workbench.panel.knob_panel import KnobPanel, apply_preset
from workbench.panel.knob_widgets import KnobWidgets
from workbench.panel.run_list import RunList
from workbench.workloads.ocr.knobs import OcrKnobs


class Own:
    """A workload of one's own."""

    item: ClassVar[str] = "clip"

    class Knobs(BaseModel):
        frames: int = 8
        rate: float | None = None
        sound: bool = True
        source: str = ""


OWN = f"{__name__}:Own"


@pytest.fixture
def own_knobs() -> Knobs:
    """Those of `Own`, with some of them set."""
    kind = knobs_class(OWN)
    return kind(workload=OWN, frames=3, rate=0.5, sound=False, source="a/b", slow_down="read:1.5", knock_out="read")


@pytest.fixture
def changed() -> list[str]:
    return []


@pytest.fixture
def shown(changed: list[str]) -> KnobWidgets:
    return KnobWidgets(OcrKnobs(), changed.append)


def test_every_knob_but_the_workload_has_a_widget_with_its_words(shown: KnobWidgets) -> None:
    assert set(shown.by_name) == set(OcrKnobs.rows()) - {"workload"}
    for name, widget in shown.by_name.items():
        row = OcrKnobs.rows()[name]
        assert widget.description == name
        assert row.help in widget.tooltip
        if row.choices and row.kind != "bool":
            assert tuple(widget.options) == row.choices


def test_all_but_those_in_front_lie_in_their_groups(shown: KnobWidgets) -> None:
    placed = [row.children[0].description for box in shown.groups.children for row in box.children]
    front = [row.children[0].description for row in shown.front.children]

    assert front == list(OcrKnobs.in_front)
    assert sorted([*placed, *front, "workload"]) == sorted(OcrKnobs.model_fields)


@pytest.mark.parametrize(
    "knobs",
    [
        OcrKnobs(),
        *(apply_preset(name, OcrKnobs()) for name in OcrKnobs.presets),
        OcrKnobs(
            num_pages=7, num_workers=33, replay_ms_per_sample=0.25, profilers="lines,memory", annotations="a b.json"
        ),
        OcrKnobs(mode="train", targets="fast", num_steps=3, warmup_steps=0, persistent_workers=False),
        OcrKnobs(slow_down={"decode": 1.5, "collate": 20.0}, knock_out=("decode", "targets")),
        OcrKnobs(profilers=("lines",), line_functions=("a.b", "c.d"), epoch_overlap=True, malloc_retain=True),
    ],
)
def test_what_is_shown_is_what_is_read(shown: KnobWidgets, changed: list[str], knobs: OcrKnobs) -> None:
    shown.show(knobs)

    assert OcrKnobs.parse_own(shown.settings()) == knobs
    assert changed == []


def test_a_workload_of_ones_own_has_its_own_widgets(own_knobs: Knobs) -> None:
    shown = KnobWidgets(own_knobs, print)

    assert {"frames", "rate", "sound", "source"} <= set(shown.by_name)
    assert "dataset" not in shown.by_name
    assert "Workload" in shown.groups.titles
    assert type(own_knobs).parse_own(shown.settings()) == own_knobs


def test_a_person_who_changes_a_knob_is_heard(shown: KnobWidgets, changed: list[str]) -> None:
    shown.by_name["num_workers"].value = 0
    shown.by_name["cache"].value = "prepared"
    shown.by_name["batch_size"].value = "x"
    shown.set_value("slow_down", {"decode": 2.0})

    assert changed == ["num_workers", "cache", "batch_size", "slow_down"]
    assert shown.settings()["batch_size"] == "x"
    assert shown.by_name["slow_down"].value == "decode:2"


def test_inactive_knobs_are_dimmed_with_the_reason_and_no_others(shown: KnobWidgets) -> None:
    shown.show_reasons({"encoder": "no model <is> run"})
    assert dimmed(shown) == {"encoder": "no model &lt;is&gt; run"}

    shown.show_reasons({"neck": "nor this"})
    assert dimmed(shown) == {"neck": "nor this"}


def test_groups_say_how_many_knobs_are_changed(shown: KnobWidgets) -> None:
    shown.show_changes(["prefetch_factor", "start_method", "cache"])

    assert "Loading  (2 changed)" in shown.groups.titles
    assert "Image path" in shown.groups.titles


def test_texts_that_are_known_and_folders_that_lie_below_are_offered(tmp_path, changed: list[str]) -> None:
    for name in ("pages", "more pages", ".hidden"):
        (tmp_path / name).mkdir()
    shown = KnobWidgets(OcrKnobs(), changed.append, {"dataset": ["data_samples", "elsewhere"]})
    widget = shown.by_name["dataset"]
    assert isinstance(widget, widgets.Combobox)
    assert widget.options[:2] == ("data_samples", "elsewhere")

    widget.value = f" {tmp_path} "
    assert changed == ["dataset"]
    assert shown.settings()["dataset"] == str(tmp_path)
    assert widget.options == ("data_samples", "elsewhere", str(tmp_path / "more pages"), str(tmp_path / "pages"))
    widget.value = str(tmp_path / "nowhere")
    assert widget.options == ("data_samples", "elsewhere")
    shown.show(OcrKnobs())
    assert len(changed) == 2


@pytest.mark.parametrize("name", OcrKnobs.presets)
def test_a_preset_sets_how_and_leaves_what(name: str) -> None:
    before = OcrKnobs(num_pages=9, batch_size=4, encoder="lcnet_050", start_method="spawn", malloc_retain=True, seed=3)

    after = apply_preset(name, before)

    assert (after.num_pages, after.batch_size, after.encoder, after.seed) == (9, 4, "lcnet_050", 3)
    assert after.start_method == "fork"
    assert after.compared(OcrKnobs(num_pages=9, batch_size=4, encoder="lcnet_050", seed=3)) == OcrKnobs.presets[name]


def test_the_baseline_takes_back_what_another_preset_has_set() -> None:
    assert apply_preset("disk baseline", apply_preset("fastest", OcrKnobs(num_workers=0))) == OcrKnobs(num_workers=0)


def test_a_preset_that_cannot_run_says_so() -> None:
    with pytest.raises(BadInput, match="a page prepared once would be the same in every epoch"):
        apply_preset("prepared cache + device normalize", OcrKnobs(mode="train"))


@pytest.fixture
def heard() -> list[Knobs | None]:
    return []


@pytest.fixture
def panel(reports, leave_run, heard) -> KnobPanel:
    leave_run("2026-a", dataset="/data/scans", encoder="lcnet_050")
    runs = RunList(reports)
    runs.refresh()
    return KnobPanel(OcrKnobs(), runs, heard.append)


def test_texts_that_earlier_runs_had_are_offered(panel: KnobPanel) -> None:
    assert panel.widgets.by_name["dataset"].options[:2] == ("/data/scans", "data_samples")
    assert panel.widgets.by_name["encoder"].options == ("lcnet_050", "resnet18")


def test_inactive_knobs_are_dimmed_in_the_panel(panel: KnobPanel, heard) -> None:
    panel.widgets.by_name["cache"].value = "decoded"

    assert heard[-1] == OcrKnobs(cache="decoded")
    assert "inactive: no page is decoded in the counted steps" in dimmed(panel.widgets)["image_decoder"]


def test_what_cannot_run_is_said_with_a_fix(panel: KnobPanel, heard) -> None:
    panel.widgets.by_name["knock_out"].value = "collate"
    assert "collate cannot be replayed from memory" in problem(panel)
    assert heard[-1] is None and panel.knobs is None

    panel.widgets.by_name["knock_out"].value = ""
    panel.widgets.by_name["cache"].value = "tensor"
    (button,) = [button for button in panel._buttons if button.description == "set normalize=cached"]
    button.click()
    assert problem(panel) == ""
    assert heard[-1] == OcrKnobs(cache="tensor", normalize="cached")


def test_knobs_of_another_workload_are_not_taken(panel: KnobPanel, own_knobs: Knobs) -> None:
    panel.set(own_knobs)

    assert f"these are knobs of the workload &#x27;{OWN}&#x27;" in problem(panel)
    assert panel.settings()["workload"] == "ocr"


def test_the_panel_of_a_workload_without_presets(reports, own_knobs: Knobs, heard) -> None:
    panel = KnobPanel(own_knobs, RunList(reports), heard.append)

    panel.widgets.by_name["frames"].value = "12"
    assert heard[-1] == own_knobs.changed(frames=12)
    panel.widgets.by_name["frames"].value = "many"
    assert heard[-1] is None


def problem(panel: KnobPanel) -> str:
    return panel._problem.value


def dimmed(shown: KnobWidgets) -> dict[str, str]:
    rows = [row for box in [shown.front, *shown.groups.children] for row in box.children]
    found = {}
    for row in rows:
        assert isinstance(row, widgets.VBox)
        if "wb-dim" in row._dom_classes:
            found[row.children[0].description] = row.children[1].value
    return found
