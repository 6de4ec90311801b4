"""Tables say what their cells belong to; text is escaped where it is not HTML already."""

from __future__ import annotations

import pytest

from workbench.explain.figures.html_table import html_table, side_by_side


def test_columns_and_rows_have_heads():
    table = html_table(("a", "<b>"), [("1", "<i>2</i>")], caption="what & why")
    assert "<caption>what &amp; why</caption>" in table
    assert "<th scope='col'>a</th><th scope='col'>&lt;b&gt;</th>" in table
    assert "<tr><th scope='row'>1</th><td><i>2</i></td></tr>" in table


def test_a_wide_table_says_in_each_cell_which_column_it_is():
    table = html_table(("name", "it's"), [("1", "2")], is_wide=True)
    assert "<td data-label='it&#x27;s' role='cell'>2</td>" in table
    assert table.count("role='row'") == 2
    assert "role=" not in html_table(("name", "value"), [("1", "2")])


def test_a_table_of_names_and_values_needs_no_head():
    table = html_table((), [("CPU", "a CPU")])
    assert "<thead" not in table
    assert "<th scope='row'>CPU</th><td>a CPU</td>" in table


def test_a_row_with_too_few_cells_is_found():
    with pytest.raises(ValueError, match="zip"):
        html_table(("a", "b", "c"), [("1", "2")], is_wide=True)


def test_tables_beside_one_another_wrap():
    assert "flex-wrap:wrap" in side_by_side("<table></table>", "<table></table>")
