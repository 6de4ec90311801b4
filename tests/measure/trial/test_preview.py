"""Samples to be looked at, made in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from toy import Toy, toy_knobs

from workbench.measure.trial.preview import PreviewMaker
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def maker() -> Iterator[PreviewMaker]:
    made = PreviewMaker()
    yield made
    made.close()


def test_a_sample_comes_with_its_outlines_before_and_after_the_chain(maker: PreviewMaker) -> None:
    preview = maker(OcrKnobs(num_pages=6, image_size=320), 7)

    assert (preview.number, preview.num_samples, preview.problem) == (1, 6, "")
    before, after, target = preview.pictures
    assert len(before.outlines) == len(before.labels) > 0
    assert after.width == after.height == 320
    for picture in (before, after):
        assert picture.data.startswith("data:image/jpeg;base64,")
        xs = [x for outline in picture.outlines for x, _ in outline]
        ys = [y for outline in picture.outlines for _, y in outline]
        assert -5 < min(xs) < max(xs) < picture.width + 5
        assert -5 < min(ys) < max(ys) < picture.height + 5
    assert target.outlines == []


def test_without_targets_there_is_no_picture_of_them(maker: PreviewMaker) -> None:
    assert len(maker(OcrKnobs(num_pages=2, targets="none", device="cpu"), 0).pictures) == 2


def test_what_is_wrong_with_the_data_set_is_said_and_the_next_question_answered(
    maker: PreviewMaker, checkout: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkout / "data_samples", tmp_path / "pages")
    image = next((tmp_path / "pages" / "images").glob("*.jpg"))
    image.write_bytes(b"no image")

    assert image.name in maker(OcrKnobs(dataset=str(tmp_path / "pages")), 0).problem
    assert "there is no such folder" in maker(OcrKnobs(dataset=str(tmp_path / "nowhere")), 0).problem
    assert maker(OcrKnobs(num_pages=1), 0).problem == ""


def test_a_process_that_died_is_said_and_started_anew(maker: PreviewMaker) -> None:
    maker(OcrKnobs(num_pages=1), 0)
    (child,) = [
        process for process in psutil.Process().children() if "workbench.measure.trial.preview" in process.cmdline()
    ]
    child.kill()
    child.wait(10)

    answers = [maker(OcrKnobs(num_pages=1), 0) for _ in range(2)]
    assert answers[-1].problem == ""


def test_a_workload_that_shows_nothing_says_so(maker: PreviewMaker) -> None:
    assert "samples of the workload 'toy:Toy' cannot be shown" in maker(toy_knobs(), 0).problem


class Failing(Toy):
    """Its samples can be shown, but showing them fails."""

    def preview(self, number: int) -> object:
        raise ZeroDivisionError("planted in a preview")


def test_what_the_code_of_a_workload_raises_is_the_answer(maker: PreviewMaker) -> None:
    knobs = toy_knobs().model_copy(update={"workload": "measure.trial.test_preview:Failing"})
    assert maker(knobs, 0).problem == "ZeroDivisionError: planted in a preview"
