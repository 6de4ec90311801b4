"""Lines of more than eight numbers: quads whose text has numbers and commas, or polygons of more points."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.annotations.quads_or_polygons import Line, decide
from workbench.workloads.ocr.pages.survey import survey

#: Texts as they stand on receipts, forms and signs.
NUMBERS = {
    "thousands": "1,250,000",
    "millions": "12,500,000,000",
    "thousands with blanks": "1, 250, 000",
    "negative": "-1,250,000",
    "currency behind": "1,250,000원",
    "currency before": "Rp1,250,000",
    "cents": "1,250,000.00",
    "lakh": "12,34,567",
    "two groups": "100,000",
    "decimal comma": "12,50",
    "date": "2024,01,05",
    "date from the day": "31,12,2024",
    "phone": "010,1234,5678",
    "quoted": '"1,250,000"',
    "two prices": "1,250,000 2,500,000",
}


@pytest.fixture
def words_of(tmp_path) -> Callable[[list[str], str], list[tuple[str, int]]]:
    """Surveys one page of 400x300 with lines in an ICDAR2015 file: texts and numbers of points."""

    def words_of(lines: list[str], annotation_format: str = "auto") -> list[tuple[str, int]]:
        (tmp_path / "imgs").mkdir(exist_ok=True)
        Image.new("RGB", (400, 300), "white").save(tmp_path / "imgs" / "bill_7.png")
        (tmp_path / "gt").mkdir(exist_ok=True)
        (tmp_path / "gt" / "gt_bill_7.txt").write_text("\n".join(lines), encoding="utf-8")
        (page,), _ = survey(tmp_path, annotation_format=annotation_format)
        return [(word.text, len(word.polygon)) for word in page.words]

    return words_of


def box(x: int, y: int, width: int = 80, height: int = 14) -> str:
    return f"{x},{y},{x + width},{y},{x + width},{y + height},{x},{y + height}"


def curve(x: int, y: int, points: int, width: int = 120, height: int = 20) -> str:
    """A word on an arc: half of the points above it, from the left, and half below, from the right."""
    along = np.linspace(0, 1, points // 2)
    bend = 4 * along * (1 - along) * height
    upper = np.stack([x + width * along, y - bend], axis=1)
    lower = (upper + np.array([0, height]))[::-1]
    return ",".join(str(round(value)) for value in np.concatenate([upper, lower]).ravel())


def test_prices_of_a_bill(words_of):
    """The public case: two of five lines begin with ten numbers, and were polygons with corners beyond the page."""
    lines = [
        f"{box(12, 8)},Total",
        f"{box(220, 8)},3,480,000",
        f"{box(12, 40)},VAT",
        f"{box(220, 40)},2,190,500",
        f"{box(220, 72)},640,000",
    ]
    assert words_of(lines) == [("Total", 4), ("3,480,000", 4), ("VAT", 4), ("2,190,500", 4), ("640,000", 4)]


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("suffix", [".txt", ".csv"], ids=["ICDAR2015", "SROIE"])
def test_texts_of_numbers_stay_whole(tmp_path, text, suffix):
    Image.new("RGB", (400, 300), "white").save(tmp_path / "bill_7.png")
    lines = [f"{box(300, 250 - 30 * row)},{text if row % 2 else 'Rice'}" for row in range(6)]
    (tmp_path / f"bill_7{suffix}").write_text("\n".join(lines), encoding="utf-8")
    (page,), _ = survey(tmp_path)
    assert [word.text for word in page.words] == ["Rice", text.strip('"')] * 3
    assert {len(word.polygon) for word in page.words} == {4}


def test_a_set_of_nothing_but_prices(words_of):
    lines = [f"{box(300, 60 + 30 * row)},1{row},250,{row}00" for row in range(5)]
    assert words_of(lines) == [(f"1{row},250,{row}00", 4) for row in range(5)]
    lines = [f"{box(300, 60 + 30 * row)},12,5{row}" for row in range(5)]  # even numbers of numbers: no text at all?
    assert words_of(lines) == [(f"12,5{row}", 4) for row in range(5)]


def test_a_price_whose_point_would_lie_beside_its_word(words_of):
    lines = [f"{box(5, 245)},1,250,000", f"{box(120, 245)},Rice"]
    assert words_of(lines) == [("1,250,000", 4), ("Rice", 4)]


def test_a_polygon_lies_in_its_page(words_of):
    """The points after the fourth lie near the word, and are a list, not a price: only the page tells."""
    lines = [f"{box(320, 200)},410,290,430,295,6", f"{box(120, 245)},Rice"]
    assert words_of(lines) == [("410,290,430,295,6", 4), ("Rice", 4)]
    lines = [f"{box(320, 200)},360,250,350,240,6", f"{box(120, 245)},Rice"]
    with pytest.raises(BadInput, match=r"annotation_format=icdar2015 .* or annotation_format=totaltext"):
        words_of(lines)
    assert words_of(lines, "icdar2015")[0] == ("360,250,350,240,6", 4)
    assert words_of(lines, "totaltext")[0] == ("6", 6)


@pytest.mark.parametrize("points", [6, 10, 14])
@pytest.mark.parametrize("text", ["Cafe", "1996", "A,B", "###", ""])
def test_curved_words_are_polygons(words_of, points, text):
    ending = f",{text}" if text else ""
    lines = [curve(20 + 10 * row, 40 + 40 * row, points) + ending for row in range(5)]
    assert words_of(lines) == [(text, points)] * 5


def test_prices_among_polygons(words_of):
    lines = [curve(20 + 10 * row, 40 + 40 * row, 10) + ",Cafe" for row in range(5)]
    lines += [f"{box(300, 100)},1,250,000", curve(200, 60, 8) + ",1,250,000", f"{box(300, 200)},12,50"]
    assert words_of(lines)[5:] == [("1,250,000", 4), ("1,250,000", 8), ("12,50", 4)]


def test_a_few_polygons_among_quads_are_asked_about(words_of):
    """Taken for quads they would be silently wrong: the upper half of a word, and a text of coordinates."""
    lines = [f"{box(20, 20 + 20 * row)},Rice" for row in range(9)] + [curve(200, 60, 10) + ",Cafe"]
    with pytest.raises(BadInput, match="a polygon of 10 points with the text 'Cafe'"):
        words_of(lines)


def test_both_kinds_in_one_set_are_asked_about(words_of):
    lines = [f"{box(300, 200)},1,250,000", curve(200, 60, 10) + ",Cafe"]
    with pytest.raises(BadInput, match="can be read in two ways"):
        words_of(lines)


def test_a_triangle_speaks_for_polygons(words_of):
    price = f"{box(300, 200)},1,250,000"
    assert words_of([price]) == [("1,250,000", 4)]
    with pytest.raises(BadInput, match="can be read in two ways"):
        words_of([price, "10,10,50,10,50,30,Cafe"])


@pytest.mark.parametrize(
    ("name", "content", "points"),
    [
        ("gt_bill_7.txt", '10 20 90 34 "{}"', 4),
        ("gt_bill_7.txt", '10, 20, 90, 34, "{}"', 4),
        ("gt_bill_7.txt", box(10, 20) + ",Latin,{}", 4),
        ("gt_bill_7.txt", box(10, 20) + ',0,"{}"', 4),
        ("gt_bill_7.txt", box(10, 20) + ",####{}", 4),
        ("gt_bill_7.txt", curve(10, 60, 14) + ",####{}", 14),
        (
            "poly_gt_bill_7.txt",
            "x: [[10 50 90 90 10]], y: [[20 18 20 34 34]], ornt: [u'h'], transcriptions: [u'{}']",
            5,
        ),
        ("Label.txt", 'bill_7.png\t[{{"transcription": "{}", "points": [[10, 20], [90, 20], [90, 34], [10, 34]]}}]', 4),
    ],
    ids=["ICDAR2013", "ICDAR2013 commas", "MLT", "RCTW", "VinText", "CTW1500", "Total-Text", "PaddleOCR"],
)
@pytest.mark.parametrize("text", ["1,250,000", "12,50", "2024,01,05"])
def test_texts_of_numbers_in_other_formats(tmp_path, name, content, points, text):
    Image.new("RGB", (400, 300), "white").save(tmp_path / "bill_7.png")
    (tmp_path / name).write_text(content.format(text))
    (page,), _ = survey(tmp_path)
    assert [(word.text, len(word.polygon)) for word in page.words] == [(text, points)]


def test_texts_of_numbers_in_labelme(tmp_path):
    Image.new("RGB", (400, 300), "white").save(tmp_path / "bill_7.png")
    shape = {"label": "1,250,000", "points": [[10, 20], [90, 34]], "shape_type": "rectangle"}
    (tmp_path / "bill_7.json").write_text(json.dumps({"shapes": [shape], "imagePath": "bill_7.png"}))
    (page,), _ = survey(tmp_path)
    assert [word.text for word in page.words] == ["1,250,000"]


def _sets_of_quads(rng: np.random.Generator, share: float) -> list[str]:
    texts = [text.replace('"', "") for text in NUMBERS.values()]
    lines = []
    for _ in range(30):
        x, y = rng.integers(0, 1100), rng.integers(0, 690)
        corners = np.array([[x, y], [x + 150, y], [x + 150, y + 25], [x, y + 25]]) + rng.normal(0, 2, (4, 2)).round()
        text = rng.choice(texts) if rng.random() < share else "Rice"
        lines.append(",".join([*(str(int(value)) for value in corners.ravel()), text]))
    return lines


def _sets_of_polygons(rng: np.random.Generator) -> list[str]:
    counts = rng.choice([4, 6, 8, 10, 14], size=30)
    texts = rng.choice(["Cafe", "1996", "A,B", "1,250,000"], p=[0.85, 0.05, 0.05, 0.05], size=30)
    return [
        f"{curve(int(rng.integers(0, 1100)), int(rng.integers(60, 600)), int(count))},{text}"
        for count, text in zip(counts, texts, strict=True)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_no_set_is_read_wrong_in_silence(seed):
    """Random sets: what is decided is right, and quads with numbers are decided nearly always."""
    rng = np.random.default_rng(seed)

    def decision(lines: list[str]) -> bool | None:
        numbered = [Line(Path("gt_1.txt"), number, text) for number, text in enumerate(lines, start=1)]
        return decide(numbered, lambda _: (1280, 720)).is_polygons

    assert [decision(_sets_of_quads(rng, share)) for share in (0.1, 0.5, 1.0)] == [False] * 3
    assert decision(_sets_of_polygons(rng)) is not False
