"""Sentences stay text: only settings between backticks become code."""

from __future__ import annotations

from workbench.explain.figures.sentences import bullets, margins, sentence_html
from workbench.explain.verdicts.verdict_margins import Margins

EVIL = "<img src=x onerror=alert(1)>"


def test_what_stands_between_backticks_is_code_and_nothing_else_is_html():
    assert sentence_html("try `cache=decoded` & more") == "try <code>cache=decoded</code> &amp; more"
    assert sentence_html(f"'{EVIL}' in block 1") == "&#x27;&lt;img src=x onerror=alert(1)&gt;&#x27; in block 1"
    assert sentence_html(f"`{EVIL}`").count("<") == 2


def test_a_list_has_an_item_a_sentence():
    assert bullets(["one", "two"]) == "<ul><li>one</li><li>two</li></ul>"
    assert bullets([]) == ""


def test_margins_stand_below_the_name_of_their_variant():
    shown = margins([Margins(EVIL, "faster", ["its interval", EVIL])], ["in common"])
    assert "<h3>&lt;img src=x onerror=alert(1)&gt;: faster</h3><ul><li>its interval</li>" in shown
    assert shown.endswith("<h3>All of them</h3><ul><li>in common</li></ul>")
    assert EVIL not in shown
    assert "No variant" in margins([], [])
