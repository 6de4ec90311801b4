"""Tables on screens that are narrower than they are: nothing wider, no figure broken."""

from __future__ import annotations

import pytest

from workbench.commands.layout import as_lines, column_widths, wrap
from workbench.explain.table import make_table, number, sentence

ROWS = [
    ("collate", number("19.9 % [12.5 %, 27.9 %]"), sentence("`normalize=device`, `transport=ring`")),
    ("targets", number("18.5 %", "[12.8 %, 24.5 %]"), "-"),
]
TABLE = make_table(("stage", "gain if free", "settings that address it"), ROWS)


@pytest.mark.parametrize("width", range(40, 120))
def test_a_table_is_no_wider_than_the_screen_and_no_word_of_it_broken(width):
    for is_narrow in (False, True):
        widths = column_widths(TABLE, width, is_narrow=is_narrow)
        if widths is not None:
            assert sum(widths) + 3 * len(widths) + 1 <= width
            assert widths[1] >= len("[12.5 %, 27.9 %]" if is_narrow else "19.9 % [12.5 %, 27.9 %]")
            assert widths[2] >= len("normalize=device,")
    assert max(map(len, as_lines(TABLE, width))) <= width


def test_no_column_gets_more_than_it_needs():
    assert column_widths(TABLE, 200) == [7, 23, 32]
    assert column_widths(TABLE, 30) is None


def test_a_row_as_lines_names_its_columns_and_leaves_out_what_is_not_there():
    assert as_lines(TABLE, 80) == [
        "collate",
        "  gain if free: 19.9 % [12.5 %, 27.9 %]",
        "  settings that address it: normalize=device, transport=ring",
        "targets",
        "  gain if free: 18.5 % [12.8 %, 24.5 %]",
    ]


def test_a_figure_stays_on_a_line_with_its_unit_and_an_interval_is_not_broken():
    text = "the main process waits 51.5 % of the time, and gains 3.0 % [-1.2 %, 7.0 %] at most"
    for width in range(20, 90):
        lines = wrap(text, width)
        assert " ".join(lines) == text
        assert not any(line.startswith("%") or line.endswith(("[-1.2", "%,")) for line in lines)


def test_a_sentence_is_broken_between_words_and_a_path_not_at_all():
    path = "/" + "long/" * 20
    assert wrap(f"It lies in {path}", 40) == ["It lies in", path]
