from __future__ import annotations

import io

import pytest
from rich.console import Console

from workbench.commands.console import print_table, show_progress


def test_a_table_in_a_pipe_is_plain_and_verbatim(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("variant", "gain"), [("ram [red]", "1.12x [1.05, 1.20]"), ("a" * 60, "b" * 60)])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "ram [red]" in out
    assert "1.12x [1.05, 1.20]" in out
    assert "a" * 60 in out


def test_progress_in_a_pipe_is_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as on_line:
        on_line("imports")
        on_line("[ 1/16] steady, 50.0 pages/s")

    captured = capsys.readouterr()
    assert captured.err == "imports\n[ 1/16] steady, 50.0 pages/s\n"
    assert captured.out == ""


def test_progress_on_a_terminal_is_a_bar() -> None:
    screen = io.StringIO()
    with show_progress(Console(file=screen, force_terminal=True, width=120)) as on_line:
        on_line("imports")
        on_line("[ 3/16] steady [x], 50.0 pages/s")

    assert "3/16" in screen.getvalue()
    assert "steady [x], 50.0 pages/s" in screen.getvalue()
    assert "[ 3/16]" not in screen.getvalue()
