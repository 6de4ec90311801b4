"""Names that look like HTML are text in the page, element by element: what a browser makes of it is tested there."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from comparison_page import write_page

EVIL = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "' onmouseover='alert(4)",
    "<b>bold</b> &amp; <a href>link</a>",
)


#: Scripts of these types are not run.
DATA = ("application/json", "application/gzip")


class Elements(HTMLParser):
    """The elements of a page that no part of a report makes, its text, and the figures as plotly gets them."""

    def __init__(self) -> None:
        super().__init__()
        self.injected: list[str] = []
        self.text: list[str] = []
        self.figures: list[dict] = []
        self._is_json = self._is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._is_json = tag == "script" and given.get("type") == "application/json" and "id" not in given
        self._is_script = tag in ("script", "style")
        is_own = tag != "script" or "nonce" in given or given.get("type") in DATA
        is_inside = tag != "img" or (given.get("src") or "").startswith("data:")
        is_link = tag != "a" or (given.get("href") or "").startswith("#")
        if (
            not (is_own and is_inside and is_link)
            or tag in ("svg", "iframe")
            or any(name[:2] == "on" for name in given)
        ):
            self.injected.append(f"<{tag} {given}>")

    def handle_data(self, data: str) -> None:
        if self._is_json:
            self.figures.append(json.loads(data))
        elif not self._is_script:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._is_json = self._is_script = False


def elements_of(page: Path) -> Elements:
    found = Elements()
    found.feed(page.read_text(encoding="utf-8"))
    found.close()
    return found


@pytest.mark.parametrize("prefix", EVIL)
def test_a_name_makes_no_element_and_stands_there_as_it_is(tmp_path, prefix):
    found = elements_of(write_page(tmp_path / "page.html", prefix=prefix))
    assert found.injected == []
    assert "".join(found.text).count(prefix) > 20
    assert len(found.figures) == 4


@pytest.mark.parametrize("prefix", EVIL)
def test_plotly_gets_no_tag_but_those_of_the_figures(tmp_path, prefix):
    for figure in elements_of(write_page(tmp_path / "page.html", prefix=prefix)).figures:
        tags = {tag.lower() for tag in re.findall(r"</?\s*(\w+)", json.dumps(figure))}
        assert tags <= {"br", "b", "span", "extra"}
        assert "<b>bold" not in json.dumps(figure)


def test_a_name_that_nobody_has_escaped_would_be_found(tmp_path):
    page = write_page(tmp_path / "page.html")
    for evil in EVIL[:3]:
        planted = tmp_path / "planted.html"
        planted.write_text(page.read_text(encoding="utf-8").replace("RAM image cache", evil, 1), encoding="utf-8")
        assert elements_of(planted).injected
