"""The data set, a sample at a time."""

from __future__ import annotations

import pytest

from workbench.measure.trial.preview import EncodedPicture, PreviewAnswer
from workbench.panel.sample_preview import SamplePreview, caption_html, pictures_html
from workbench.workloads.ocr.knobs import OcrKnobs

PATIENCE_S = 60.0
EVIL = "<script>alert(1)</script>.jpg"


class FakeMaker:
    """Gives a page at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.problem = ""

    def __call__(self, knobs: OcrKnobs, number: int) -> PreviewAnswer:
        self.asked.append((knobs.dataset, number))
        outlines = [[(1.0, 2.0), (30.0, 2.0), (30.0, 9.0)], [(5.0, 5.0), (6.0, 5.0), (6.0, 6.0)]]
        picture = EncodedPicture(
            data="data:image/jpeg;base64,AA==", width=40, height=30, outlines=outlines, labels=["<b>word", "other"],
            note="as it lies in its folder",
        )  # fmt: skip
        return PreviewAnswer(
            number=number % 3, num_samples=3, name=EVIL, summary="3 <pages>", pictures=[picture], problem=self.problem
        )


@pytest.fixture
def maker() -> FakeMaker:
    return FakeMaker()


@pytest.fixture
def preview(maker: FakeMaker) -> SamplePreview:
    return SamplePreview(maker, OcrKnobs())


def text(preview: SamplePreview) -> str:
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

    assert "<script>" not in pictures_html(made) + caption_html(made, "<page>")
    assert "&lt;script&gt;" in pictures_html(made)
    assert "&lt;page&gt; 1 of 3. 3 &lt;pages&gt;" in caption_html(made, "<page>")


def test_nothing_is_made_that_nobody_sees(preview: SamplePreview, maker: FakeMaker) -> None:
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


def test_samples_are_turned_and_another_data_set_begins_anew(preview: SamplePreview, maker: FakeMaker) -> None:
    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    preview.widget.children[0].children[1].click()
    assert preview.wait_until_shown(PATIENCE_S)
    assert "page 2 of 3" in text(preview)
    preview.set_knobs(OcrKnobs(dataset="elsewhere"))
    assert preview.wait_until_shown(PATIENCE_S)
    assert maker.asked[-1] == ("elsewhere", 0)


def test_other_knobs_show_the_same_sample_again(preview: SamplePreview, maker: FakeMaker) -> None:
    preview.set_in_front(True)
    preview.widget.children[0].children[1].click()
    assert preview.wait_until_shown(PATIENCE_S)
    preview.set_knobs(OcrKnobs(image_size=320))
    assert preview.wait_until_shown(PATIENCE_S)
    assert maker.asked[-1] == ("data_samples", 1)


def test_what_is_wrong_is_said_instead_of_the_pictures(preview: SamplePreview, maker: FakeMaker) -> None:
    preview.set_in_front(True)
    assert preview.wait_until_shown(PATIENCE_S)
    maker.problem = f"the image '{EVIL}' is missing"
    preview.set_knobs(OcrKnobs(num_pages=1))
    assert preview.wait_until_shown(PATIENCE_S)

    assert "is missing" in text(preview)
    assert "<svg" not in text(preview)
    assert "<script>" not in text(preview)
