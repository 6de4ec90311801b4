"""Street View Text."""

from __future__ import annotations


def test_rectangles(write, read):
    path = write(
        "train.xml",
        '<tagset><image><imageName>img/14_03.jpg</imageName><lex>A,B</lex><Resolution x="1280" y="880"/>'
        '<taggedRectangles><taggedRectangle height="10" width="20" x="5" y="7"><tag>LIVING</tag></taggedRectangle>'
        '<taggedRectangle height="10" width="20" x="5" y="7" rotation="3.5"/><taggedRectangle height="10" width="20"/>'
        "</taggedRectangles></image><image><imageName> </imageName></image><image><imageName>b.jpg</imageName>"
        '<resolution x="640" y="480"/></image></tagset>',
    )
    pages, problems = read("svt", path)
    assert [(page.image, page.width, page.height, len(page.words)) for page in pages] == [
        ("img/14_03.jpg", 1280, 880, 1),
        ("b.jpg", 640, 480, 0),
    ]
    (word,) = pages[0].words
    assert (word.text, word.ignore) == ("LIVING", False)
    assert word.polygon.tolist() == [[5, 7], [25, 7], [25, 17], [5, 17]]
    assert pages[0].dropped == {"a rotation": 1, "a number that is missing or is none": 1}
    assert [problem.where for problem in problems] == [f"{path}, image[1]"]
