"""Tables and sentences as HTML: cells say what they belong to, and all that they say is text."""

from __future__ import annotations

from IPython.core.formatters import DisplayFormatter

from workbench.explain.figures.html_table import (
    Html,
    bullets,
    heading,
    html_table,
    margins,
    paragraph,
    sentence_html,
    side_by_side,
)
from workbench.explain.table import Cell, Table, code, make_table, note_table, number, sentence
from workbench.explain.words.margins import Margins

EVIL = "<img src=x onerror=alert(1)>"


def test_columns_and_rows_have_heads():
    table = html_table(make_table(("a", "<b>"), [("1", "<i>2</i>")], caption="what & why"))
    assert "<caption>what &amp; why</caption>" in table
    assert "<th scope='col'>a</th><th scope='col'>&lt;b&gt;</th>" in table
    assert "<tr><th scope='row'>1</th><td>&lt;i&gt;2&lt;/i&gt;</td></tr>" in table


def test_a_wide_table_says_in_each_cell_which_column_it_is():
    table = html_table(make_table(("name", "it's"), [("1", "2")], is_wide=True))
    assert "<td data-label='it&#x27;s' role='cell'>2</td>" in table
    assert table.count("role='row'") == 2
    assert "role=" not in html_table(make_table(("name", "value"), [("1", "2")]))


def test_a_table_of_names_and_values_needs_no_head():
    table = html_table(make_table((), [("CPU", "a CPU")]))
    assert "<thead" not in table
    assert "<th scope='row'>CPU</th><td>a CPU</td>" in table


def test_columns_can_be_grouped():
    table = html_table(make_table(("a", "b", "c"), [("1", "2", "3")], groups=[("", 1), ("both", 2)]))
    assert "<th scope='colgroup' colspan='2'>both</th>" in table


def test_cells_look_like_what_they_mean():
    cells = (
        Cell("first"), Cell("wrong", "alarm", "strong"), Cell("bold", style="strong"), code("x=1"),
        sentence("set `x=1`"), number("1.5", "[1, 2]"), Cell("faster", "good", below=(code("y=2"),)), Cell(),
    )  # fmt: skip
    table = html_table(Table(tuple("abcdefgh"), (cells,)))
    assert "<td><span class='wb-alarm' style='color:#C81E1E;font-weight:600'>wrong</span></td>" in table
    assert "<td><b>bold</b></td><td><div><code>x=1</code></div></td><td><div>set <code>x=1</code></div></td>" in table
    assert "<td><span style='white-space:nowrap'>1.5<br><small>[1,\xa02]</small></span></td>" in table
    assert "class='wb-good'" in table
    assert "<br><small><code>y=2</code></small>" in table
    assert "<td></td>" in table


def test_notes_and_commands_stand_below_the_table_or_by_themselves():
    table = html_table(make_table(("a",), [("1",)], notes=["try `x=1`"], commands=["run 'a'", "run <b>"]))
    assert table.endswith(
        "<p><small>try <code>x=1</code></small></p><pre class='wb-commands'>run &#x27;a&#x27;\nrun &lt;b&gt;</pre>"
    )
    assert html_table(note_table("nothing")) == "<p><small>nothing</small></p>"
    assert html_table(Table()) == ""


def test_nothing_in_a_table_is_html():
    table = Table(
        (EVIL, "b"), ((Cell(EVIL, "alarm", below=(Cell(EVIL),)), sentence(f"`{EVIL}`")),), EVIL, (EVIL,), (EVIL,)
    )
    assert "<img" not in html_table(table)
    assert html_table(table).count("&lt;img") == 7


def test_tables_beside_one_another_wrap():
    shown = side_by_side(make_table((), [("a", "1")]), make_table((), [("b", "2")]))
    assert "flex-wrap:wrap" in shown
    assert shown.count("<table") == 2


def test_a_notebook_shows_html_as_such():
    bundle, _ = DisplayFormatter().format(html_table(make_table((), [("a", "1")])))
    assert bundle["text/html"].startswith("<div")
    assert bundle["text/plain"] == "<HTML>"
    assert isinstance(Html("a") + "b", str)


def test_what_stands_between_backticks_is_code_and_nothing_else_is_html():
    assert sentence_html("try `cache=decoded` & more") == "try <code>cache=decoded</code> &amp; more"
    assert sentence_html(f"'{EVIL}' in block 1") == "&#x27;&lt;img src=x onerror=alert(1)&gt;&#x27; in block 1"
    assert sentence_html(f"`{EVIL}`").count("<") == 2
    assert "<img" not in heading(EVIL) + paragraph(EVIL)


def test_a_figure_stays_on_a_line_with_its_unit_and_its_interval():
    said = sentence_html("gains +170.0 % [-20.6 %, 1.5 %] in 3 s, or 12 samples; `-p a=1 s`")
    assert said == "gains +170.0\xa0% [-20.6\xa0%,\xa01.5\xa0%] in 3\xa0s, or 12 samples; <code>-p a=1 s</code>"
    assert "41.3\xa0ms" in html_table(make_table(("a", "b"), [("x", "takes 41.3 ms")]))
    assert "4 samples/s" in sentence_html("4 samples/s")


def test_a_list_has_an_item_for_each_sentence():
    assert bullets(["one", "two"]) == "<ul><li>one</li><li>two</li></ul>"
    assert bullets([]) == ""


def test_margins_stand_below_the_name_of_their_variant():
    shown = margins([Margins(EVIL, "faster", ["its interval", EVIL])], ["in common"])
    assert "<h3>&lt;img src=x onerror=alert(1)&gt;: faster</h3><ul><li>its interval</li>" in shown
    assert shown.endswith("<h3>All of them</h3><ul><li>in common</li></ul>")
    assert EVIL not in shown
    assert "No variant" in margins([], [])
