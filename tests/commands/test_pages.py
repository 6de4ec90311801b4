from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.commands.pages import SHARDS, pages
from workbench.errors import BadInput
from workbench.workloads.ocr.synthetic import draw

pytestmark = pytest.mark.real


def test_it_draws_and_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn"
    pages(out, count=2, seed=4)

    captured = capsys.readouterr()
    manifest = draw.read_manifest(out)
    assert manifest is not None
    assert (manifest.count, manifest.seed) == (2, 4)
    assert f"{out}: 2 pages, {manifest.num_words} words, " in captured.out
    assert "Drawn with seed 4" in captured.out
    assert captured.err.splitlines() == ["[1/2] pages drawn", "[2/2] pages drawn"]


def test_pages_that_are_there_are_not_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages(tmp_path / "drawn", count=1)
    monkeypatch.setattr(draw, "draw_page", None)
    capsys.readouterr()
    pages(tmp_path / "drawn", count=1)

    assert "were there already" in capsys.readouterr().out


def test_a_pipe_gets_some_twenty_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw.draw_page(0, seed=0)
    monkeypatch.setattr(draw, "draw_page", lambda number, **_: draw.DrawnPage(f"{number}.jpg", page.jpeg, page.entry))
    monkeypatch.setattr(draw, "_WORTH_A_POOL", 1000)
    pages(tmp_path / "drawn", count=404)

    lines = capsys.readouterr().err.splitlines()
    assert 15 <= len(lines) <= 25
    assert lines[-1] == "[404/404] pages drawn"


def test_bad_values_are_reported_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no number of pages"):
        pages(tmp_path / "drawn", count=0)
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_with_2_on_bad_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workbench", "pages", "--count", "0", "--out", str(tmp_path / "drawn")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert "0 is no number of pages" in done.stderr
    assert "Traceback" not in done.stderr


def test_drawn_pages_become_shards(tmp_path, capsys, monkeypatch):
    from workbench.workloads.ocr.pages.shards import read_shards

    pages(tmp_path / "shards", count=3, seed=5, to=SHARDS, shards=2)
    assert "3 pages" in capsys.readouterr().out
    found, counts = read_shards(tmp_path / "shards")
    assert [page.name for page in found] == ["page-0000.jpg", "page-0001.jpg", "page-0002.jpg"]
    assert counts.num_words > 0


def test_a_data_set_of_ones_own_becomes_shards(tmp_path, checkout):
    from workbench.workloads.ocr.pages.shards import list_shards

    pages(tmp_path / "shards", to=SHARDS, data=checkout / "data_samples")
    assert sum(shard.num_pages for shard in list_shards(tmp_path / "shards")[0]) == 24


def test_pages_lie_as_the_layout_says(tmp_path, capsys):
    pages(tmp_path / "drawn", count=5, seed=2, to="yolo")
    pages(tmp_path / "drawn", count=5, seed=2, to="yolo")
    assert (tmp_path / "drawn" / "data.yaml").is_file()
    assert capsys.readouterr().out.count("5 pages, ") == 2
    with pytest.raises(BadInput, match=r"holds something else already.*empty this one"):
        pages(tmp_path / "drawn", count=5, seed=2, to="doctr")


@pytest.mark.parametrize(
    ("layout", "remedy"), [("icdar", "Did you mean 'icdar2015'"), ("files", "ufo, .*, mmocr, webdataset")]
)
def test_an_unknown_layout_is_named_with_the_one_that_was_meant(tmp_path, layout, remedy):
    with pytest.raises(BadInput, match=f"--to: there is no layout named '{layout}'.*{remedy}"):
        pages(tmp_path / "drawn", to=layout)
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_every_layout():
    from workbench.commands.offers import DrawsSamples, ask_for

    help_text = inspect.signature(pages, eval_str=True).parameters["to"].annotation.__metadata__[0].help
    assert set(re.findall(r"[a-z_0-9]+", help_text)) >= {*ask_for(DrawsSamples, "ocr", "draw").layouts, SHARDS}


def test_options_that_need_shards_say_so(tmp_path):
    with pytest.raises(BadInput) as caught:
        pages(tmp_path / "out", data=tmp_path, shards=3)
    assert len(caught.value.problems) == 1


def test_a_data_set_of_ones_own_lies_as_the_layout_says(tmp_path, capsys, checkout):
    settings = ["num_pages=3"]
    pages(tmp_path / "out", to="mmocr", data=checkout / "data_samples", parameter=settings, seed=3)
    told = capsys.readouterr()
    assert f"{tmp_path / 'out'}: 3 pages, " in told.out
    assert "parted with seed 3: 2 to train with, 1 to validate with" in told.out
    assert told.err.splitlines()[-1] == "[3/3] pages written"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "images", "textdet_test.json", "textdet_train.json"
    ]  # fmt: skip


def test_images_alone_become_shards(tmp_path, capsys, checkout):
    from workbench.workloads.ocr.pages.shards import list_shards

    settings = ["annotation_format=none", "num_pages=3"]
    pages(tmp_path / "shards", to=SHARDS, data=checkout / "data_samples", parameter=settings)
    assert not list_shards(tmp_path / "shards")[1].has_annotations
    told = capsys.readouterr().out
    assert "3 pages, 0 words" in told
    assert "no annotations: pages are measured without words" in told


def test_knobs_are_those_of_a_data_set(tmp_path):
    with pytest.raises(BadInput, match="drawn pages take no knobs"):
        pages(tmp_path / "out", parameter=["num_pages=3"])


@pytest.mark.parametrize("to", ["yolo", SHARDS])
def test_of_many_pages_it_is_told_how_many_are_looked_over(tmp_path, capsys, checkout, monkeypatch, to):
    monkeypatch.setattr("workbench.workloads.ocr.pages.survey.LARGE", 1)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    pages(tmp_path / "out", to=to, data=checkout / "data_samples")
    told = [line.split("] ")[1] for line in capsys.readouterr().err.splitlines()]
    assert list(dict.fromkeys(told)) == ["pages looked over", "pages written"]
