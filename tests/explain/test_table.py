"""A table is a value that both a page and a terminal show whole."""

from __future__ import annotations

import pytest

from workbench.explain.table import Cell, Table, code, make_table, note_table, number


def test_plain_texts_become_cells():
    table = make_table(("name", "value"), [("a", number("1.5", "[1, 2]")), ("b", code("x=1"))], caption="what")
    assert table.texts == [("a", "1.5 [1, 2]"), ("b", "x=1")]
    assert table.rows[0][0] == Cell("a")


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="row 1 of the table 'what' does not have 2 cells"):
        make_table(("a", "b"), [("1", "2"), ("1",)], caption="what")
    with pytest.raises(ValueError, match="row 1"):
        make_table((), [("a", "1"), ("b", "1", "2")])
    with pytest.raises(ValueError, match="groups"):
        make_table(("a", "b"), [("1", "2")], groups=[("all", 3)])


def test_a_reason_stands_in_place_of_a_table():
    assert note_table("nothing was timed") == Table(notes=("nothing was timed",))
