"""PAGE XML."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note

COORDS = '<Coords points="1,2 9,3 5,8"/>'
WORD = f"<Word>{COORDS}<TextEquiv><Unicode>EXIT</Unicode></TextEquiv></Word>"


def page_xml(inner: str, year: str = "2019-07-15", prefix: str = "") -> str:
    space = f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{year}"
    page = f'<Page imageFilename="OCR-D-IMG/a.tif" imageWidth="200" imageHeight="100"><TextRegion>{inner}</TextRegion>'
    text = f"{page}</Page>"
    if not prefix:
        return f'<PcGts xmlns="{space}">{text}</PcGts>'
    text = text.replace("</", f"</{prefix}:").replace("<", f"<{prefix}:").replace(f"<{prefix}:/", "</")
    return f'<{prefix}:PcGts xmlns:{prefix}="{space}">{text}</{prefix}:PcGts>'


@pytest.mark.parametrize(("year", "prefix"), [("2010-03-19", ""), ("2013-07-15", "pc"), ("2019-07-15", "")])
def test_words_and_not_their_lines(read_page, year, prefix):
    page = read_page("page_xml", "a.xml", page_xml(f"<TextLine>{COORDS}{WORD}</TextLine>", year, prefix))
    assert (page.image, page.or_image, page.width, page.height) == ("OCR-D-IMG/a.tif", "a", 200, 100)
    (word,) = page.words
    assert (word.text, word.polygon.tolist()) == ("EXIT", [[1, 2], [9, 3], [5, 8]])


def test_points_as_elements(read_page):
    points = '<Coords><Point x="1" y="2"/><Point x="9" y="3"/><Point x="5" y="8"/></Coords>'
    page = read_page("page_xml", "a.xml", page_xml(f"<TextLine><Word>{points}</Word></TextLine>", "2010-03-19"))
    assert [word.polygon.tolist() for word in page.words] == [[[1, 2], [9, 3], [5, 8]]]


def test_the_text_of_the_lowest_index_counts(read_page):
    texts = "".join(
        f'<TextEquiv index="{number}"><Unicode>{text}</Unicode></TextEquiv>' for number, text in ((2, "c"), (1, "b"))
    )
    page = read_page("page_xml", "a.xml", page_xml(f"<TextLine><Word>{COORDS}{texts}</Word></TextLine>"))
    assert [word.text for word in page.words] == ["b"]


def test_lines_are_taken_where_a_file_has_no_words(write):
    line = f"<TextLine>{COORDS}<TextEquiv><PlainText>A line</PlainText></TextEquiv></TextLine>"
    note, page = FORMATS["page_xml"].read([write("a.xml", page_xml(line))])
    assert isinstance(note, Note)
    assert "its lines are taken" in note.text
    assert [word.text for word in page.words] == ["A line"]


def test_what_is_unusable_is_counted(read_page):
    words = f"<TextLine>{WORD}<Word/><Word><Coords points='1,2 3'/></Word><Word><Coords/></Word></TextLine>"
    page = read_page("page_xml", "a.xml", page_xml(f"{words}<TextLine>{COORDS}</TextLine>"))
    assert len(page.words) == 1
    assert page.dropped == {
        "no Coords": 1,
        "points that are no pairs of numbers": 1,
        "fewer than 3 points": 1,
        "a line without words, where others have them": 1,
    }
    assert read_page("page_xml", "b.xml", page_xml(COORDS)).dropped == {"a region without lines": 1}


def test_a_file_of_no_page_is_named(write, read):
    _, problems = read("page_xml", write("a.xml", "<PcGts><Metadata/></PcGts>"))
    assert [problem.what for problem in problems] == ["there are 0 elements 'Page', and not one"]
