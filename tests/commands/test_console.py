from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from rich.console import Console

from workbench.commands.console import print_table, show_progress
from workbench.explain.table import Cell, make_table, note_table, number, sentence
from workbench.report.progress import Progress


def test_a_table_in_a_pipe_is_plain_and_verbatim(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("ram [red]", number("1.12x", "[1.05, 1.20]")), ("a" * 60, "b" * 60)]
    print_table(make_table(("variant", "gain"), rows, caption="what it shows"))

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "what it shows" in out
    assert "ram [red]" in out
    assert "1.12x [1.05, 1.20]" in out
    assert "a" * 60 in out


def test_all_that_a_table_says_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Cell("DIFFERENT", "alarm", "strong", below=(Cell("by 40 levels"), Cell("in 3 samples")))
    long = f"workbench compare --variant '{'a' * 300}'"
    groups = [("", 1), ("in place", 2)]
    columns, rows = ("variant", "mean", "why"), [(cell, "1", sentence("set `x=1`"))]
    print_table(make_table(columns, rows, notes=["a note"], commands=[long], groups=groups))
    out = capsys.readouterr().out
    for text in ("DIFFERENT", "by 40 levels", "in 3 samples", "in place, mean", "set x=1", "a note"):
        assert text in out
    assert long in out.splitlines()  # what is to be copied is not broken


def test_names_and_values_need_no_head_and_a_reason_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(make_table((), [("CPU", "a CPU")]))
    assert [line for line in capsys.readouterr().out.splitlines() if "CPU" in line] == ["| CPU | a CPU |"]
    print_table(note_table("nothing was timed"))
    assert capsys.readouterr().out == "nothing was timed\n"


def test_a_pipe_is_as_wide_as_is_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(("what", "why"), [("x", "word " * 30)], caption="sentence " * 20, commands=["c" * 90])
    print_table(table)
    assert max(map(len, capsys.readouterr().out.splitlines())) > 150
    monkeypatch.setenv("COLUMNS", "80")
    print_table(table)
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]
    assert wide == ["c" * 90], "what is to be copied stays whole"


def test_a_table_without_room_becomes_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_table(make_table(("trial", "path", "gain"), [("a", "/" + "x" * 40, number("170.0 %", "[160, 180]"))]))
    assert capsys.readouterr().out.splitlines() == ["a", f"  path: /{'x' * 40}", "  gain: 170.0 % [160, 180]"]


def test_progress_in_a_pipe_is_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as on_progress:
        on_progress(Progress(what="imports"))
        on_progress(Progress(what="steady", done=1, total=16, samples_per_s=50.0, item="page"))

    captured = capsys.readouterr()
    assert captured.err == "imports\n[ 1/16] steady, 50.0 pages/s\n"
    assert captured.out == ""


def test_progress_on_a_terminal_is_a_bar() -> None:
    screen = io.StringIO()
    with show_progress(Console(file=screen, force_terminal=True, width=120)) as on_progress:
        on_progress(Progress(what="imports"))
        on_progress(Progress(what="steady [x]", done=3, total=16, samples_per_s=50.0))

    assert "3/16" in screen.getvalue()
    assert "steady [x], 50.0 samples/s" in screen.getvalue()
    assert "[ 3/16]" not in screen.getvalue()


def test_what_a_person_has_to_see_stays_on_the_terminal() -> None:
    screen = io.StringIO()
    with show_progress(Console(file=screen, force_terminal=True, width=120)) as on_progress:
        on_progress(Progress(what="'a' is the same as [baseline]", stays=True))
        on_progress(Progress(what="steady", done=3, total=16))

    lines = [line.strip("\x1b[2K\r") for line in screen.getvalue().splitlines()]
    assert "'a' is the same as [baseline]" in lines


#: The marks with which a name would command the terminal, and rich.
HOSTILE = "a\x1b]0;pwned\x07\x1b[31m\rb\x9b2J[red]c[/red][link=http://evil]d"


def test_no_name_commands_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal in (True, False):
        screen = io.StringIO()
        monkeypatch.setattr(
            "workbench.commands.console._console",
            lambda told=is_terminal, on=screen: Console(file=on, force_terminal=told, width=300, color_system=None),
        )
        groups = [(HOSTILE, 2)]
        row = (HOSTILE, Cell(HOSTILE, "alarm", below=(Cell(HOSTILE),)))
        table = make_table((HOSTILE, "b"), [row], caption=HOSTILE, notes=[HOSTILE], commands=[HOSTILE], groups=groups)
        print_table(table)
        with show_progress(Console(file=screen, force_terminal=True, width=300, color_system=None)) as on_progress:
            on_progress(Progress(what=HOSTILE, stays=True))
            on_progress(Progress(what=HOSTILE, done=1, total=2))
        shown = re.sub(r"\x1b\[[0-9;?]*[A-HJKhl]", "", screen.getvalue())  # rich's own: the cursor, and what it clears
        assert [mark for mark in shown if mark < " " and mark not in "\n\r"] == []
        assert "\x9b" not in shown and "\rb" not in shown
        assert shown.count("[red]c[/red][link=http://evil]d") >= 8


def test_a_name_that_is_not_made_visible_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.commands.console.visible", str)
    with pytest.raises(AssertionError):
        test_no_name_commands_the_terminal(monkeypatch)


@pytest.mark.real
@pytest.mark.parametrize("arguments", [["knobs"], ["knobs", "cache"], ["doctor"]], ids=" ".join)
def test_nothing_is_wider_than_a_terminal_of_80_columns(arguments: list[str]) -> None:
    shown = on_a_terminal([sys.executable, "-m", "workbench", *arguments], columns=80)
    assert len(shown) > 10
    assert [line for line in shown if len(line) > 80] == []


def on_a_terminal(command: list[str], *, columns: int) -> list[str]:
    """The lines that a command writes to a terminal, without their colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm"} | dict.fromkeys(("COLUMNS",), str(columns))
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # the terminal is closed with its last process
            while chunk := os.read(ours, 65536):
                written += chunk
    os.close(ours)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    return [line.rstrip() for line in text.splitlines()]
