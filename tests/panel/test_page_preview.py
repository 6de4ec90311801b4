"""The data set: its folder, and its pages with their words."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets
import pytest

from workbench.measure.trial.preview import Picture, Preview
from workbench.panel.page_preview import DataSetPicker, PagePreview, pictures_html, told_html
from workbench.workloads.ocr.knobs import OcrKnobs

PATIENCE_S = 10.0
EVIL = "<script>alert(1)</script>.jpg"


class FakeMaker:
    """Gives a page at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.problem = ""

    def __call__(self, knobs: OcrKnobs, number: int) -> Preview:
        self.asked.append((knobs.dataset, number))
        outlines = [[(1.0, 2.0), (30.0, 2.0), (30.0, 9.0)], [(5.0, 5.0), (6.0, 5.0), (6.0, 6.0)]]
        picture = Picture(
            data="data:image/jpeg;base64,AA==", width=40, height=30, outlines=outlines, labels=["<b>word", "other"],
            note="as it lies in its folder",
        )  # fmt: skip
        return Preview(
            number=number % 3, num_pages=3, name=EVIL, told="3 pages", pictures=[picture], problem=self.problem
        )


@pytest.fixture
def maker() -> FakeMaker:
    return FakeMaker()


@pytest.fixture
def preview(maker: FakeMaker) -> PagePreview:
    return PagePreview(maker)


def text(preview: PagePreview) -> str:
    head, pictures = preview.widget.children
    return head.children[-1].value + pictures.value


def test_words_are_outlined_on_the_picture_and_named() -> None:
    html = pictures_html(FakeMaker()(OcrKnobs(), 0))

    assert html.count("<polygon") == 2
    assert "points='1.0,2.0 30.0,2.0 30.0,9.0'" in html
    assert "viewBox='0 0 40 30'" in html
    assert "<title>&lt;b&gt;word</title>" in html


def test_names_of_files_are_escaped() -> None:
    made = FakeMaker()(OcrKnobs(), 0)

    assert "<script>" not in pictures_html(made) + told_html(made)
    assert "&lt;script&gt;" in pictures_html(made)


def test_nothing_is_made_that_nobody_sees(preview: PagePreview, maker: FakeMaker) -> None:
    preview.set_knobs(OcrKnobs())
    assert preview.wait_until_shown(PATIENCE_S)
    assert maker.asked == []

    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    assert maker.asked == [("data_samples", 0)]
    assert "page 1 of 3" in text(preview)
    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    assert len(maker.asked) == 1


def test_pages_are_turned_and_another_folder_begins_anew(preview: PagePreview, maker: FakeMaker) -> None:
    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    preview.widget.children[0].children[1].click()
    assert preview.wait_until_shown(PATIENCE_S)
    assert "page 2 of 3" in text(preview)
    preview.set_knobs(OcrKnobs(dataset="elsewhere"))
    assert preview.wait_until_shown(PATIENCE_S)
    assert maker.asked[-1] == ("elsewhere", 0)


def test_what_is_wrong_is_said_instead_of_the_pictures(preview: PagePreview, maker: FakeMaker) -> None:
    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    maker.problem = f"the image '{EVIL}' is missing"
    preview.set_knobs(OcrKnobs(num_pages=1))
    assert preview.wait_until_shown(PATIENCE_S)

    assert "is missing" in text(preview)
    assert "<svg" not in text(preview)
    assert "<script>" not in text(preview)


def test_folders_are_offered_that_are_known_or_lie_below(tmp_path: Path) -> None:
    for name in ("pages", "more pages", ".hidden"):
        (tmp_path / name).mkdir()
    picked: list[str] = []
    picker = DataSetPicker("data_samples", ["data_samples"], picked.append)
    assert isinstance(picker.widget, widgets.Combobox)

    picker.widget.value = f" {tmp_path} "
    assert picked == [str(tmp_path)]
    assert picker.widget.options == ("data_samples", str(tmp_path / "more pages"), str(tmp_path / "pages"))
    picker.widget.value = str(tmp_path / "nowhere")
    assert picked[-1] == str(tmp_path / "nowhere")
    picker.show("data_samples")
    assert len(picked) == 2
