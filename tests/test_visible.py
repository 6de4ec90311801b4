from __future__ import annotations

import io
import sys
import unicodedata

import pytest

from workbench.visible import say, visible

#: What a terminal would do with them: set its title, link, colour, clear, ring, write over the line, take a C1 command.
OBEYED = (
    "\x1b]0;pwned\x07", "\x1b]8;;http://evil\x1b\\", "\x1b[31m", "\x1b[2J", "\x07", "\rfake", "\x9b31m", "\x08\x08",
    "\x7f", "\x0b", "\x0c",
)  # fmt: skip


@pytest.mark.parametrize("name", OBEYED)
def test_what_a_terminal_would_obey_is_shown_and_does_nothing(name: str) -> None:
    shown = visible(f"a{name}b.jpg")
    assert [mark for mark in shown if unicodedata.category(mark) == "Cc"] == []
    assert shown.startswith(("a\\x", "a\\r"))


def test_marks_that_turn_the_direction_of_writing_are_seen() -> None:
    assert visible("photo\u202egpj.exe") == "photo\\u202egpj.exe"
    assert visible("a\u2066b\u2069") == "a\\u2066b\\u2069"


def test_text_of_any_language_stays_and_so_do_its_lines() -> None:
    text = "Straße ערב हिन्दी 日本 👩‍💻\n\tx"
    assert visible(text) == text
    assert visible("one\r\ntwo") == "one\ntwo"


def test_bytes_of_a_file_name_that_are_no_text_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    with pytest.raises(UnicodeEncodeError):  # what would become of it
        print(b"a\xff.jpg".decode("utf-8", "surrogateescape"))
    say(b"a\xff.jpg".decode("utf-8", "surrogateescape"))
    assert raw.getvalue() == b"a\\udcff.jpg\n"
