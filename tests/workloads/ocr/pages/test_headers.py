"""Headers of many files come in order, with their problems and remarks, whoever reads them and whatever dies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import psutil
import pytest
from PIL import Image

from workbench.workloads.ocr.pages import headers as module
from workbench.workloads.ocr.pages.headers import read_headers
from workbench.workloads.ocr.pages.image_header import ImageHeader, ImageProblem


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes read, five files at a time."""
    monkeypatch.setattr(module, "MANY", 2)
    monkeypatch.setattr(module, "_FILES_A_PROCESS", 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


@pytest.fixture(params=["threads", "processes"])
def readers(request: pytest.FixtureRequest) -> None:
    """Threads read, and then processes."""
    if request.param == "processes":
        request.getfixturevalue("processes")


def saved(path: Path, width: int = 60, **options: object) -> Path:
    Image.new("L", (width, 1)).save(path, **options)
    return path


def reading() -> list[psutil.Process]:
    """The processes that read headers for this one; others may be a browser's, or gone."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            found += [child] if module.__name__ in child.cmdline() else []
    return found


def widths(headers: list[ImageHeader | ImageProblem]) -> list[int]:
    return [header.width for header in headers if isinstance(header, ImageHeader)]


def damaged_exif() -> bytes:
    """An EXIF block with a second entry that is cut off, which Pillow warns of."""
    return b"Exif\0\0" + b"MM\0*\0\0\0\x08" + b"\0\x02" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\x01\x1a"


@pytest.mark.usefixtures("readers")
def test_many_headers_come_in_order_with_their_problems(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{side}.png", side) for side in range(1, 40)]
    paths[20].write_bytes(b"")
    paths[30].write_bytes(b"%PDF")
    told: list[tuple[int, int]] = []
    headers = read_headers(paths, on_file=lambda *done: told.append(done))
    assert [(str(one), one.remedy) for one in headers if isinstance(one, ImageProblem)] == [
        ("is empty (0 bytes)", ""),
        ("is a PDF document", "Save it as PNG or JPEG of 8 bits a channel"),
    ]
    assert widths(headers) == [side for side in range(1, 40) if side not in (21, 31)]
    assert told[-1] == (39, 39) and told == sorted(told)


@pytest.mark.usefixtures("readers")
def test_warnings_are_kept_with_their_image_and_filters_restored(tmp_path: Path) -> None:
    good = [saved(tmp_path / f"{number}.jpg") for number in range(10)]
    odd = saved(tmp_path / "odd.jpg", exif=damaged_exif())
    before = list(warnings.filters)
    *headers, last = read_headers([*good, odd])
    assert all(isinstance(header, ImageHeader) and header.remarks == () for header in headers)
    assert isinstance(last, ImageHeader) and last.orientation == 6
    assert any("Corrupt EXIF data" in remark for remark in last.remarks)
    assert warnings.filters == before


@pytest.mark.usefixtures("readers")
def test_names_may_hold_anything(tmp_path: Path) -> None:
    names = [b"a\nb.png", b"\xff.png", "naïve 漢.png".encode()]
    paths = [saved(tmp_path / os.fsdecode(name), 7 + number) for number, name in enumerate(names)]
    assert widths(read_headers(paths)) == [7, 8, 9]


@pytest.mark.usefixtures("processes")
def test_processes_say_all_that_threads_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [saved(tmp_path / f"{side}.jpg", side, exif=damaged_exif()) for side in range(1, 12)]
    by_processes = read_headers(paths)
    monkeypatch.setattr(module, "MANY", 100)
    assert [vars(header) for header in by_processes] == [vars(header) for header in read_headers(paths)]


@pytest.mark.usefixtures("processes")
def test_this_process_reads_none_that_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [saved(tmp_path / f"{side}.png", side) for side in range(1, 12)]
    monkeypatch.setattr(module, "read_header", None)
    assert widths(read_headers(paths)) == list(range(1, 12))
    assert reading() == []


@pytest.mark.usefixtures("processes")
def test_what_a_killed_process_would_have_read_is_read_here(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{side}.png", side) for side in range(1, 60)]
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        for child in reading():
            child.kill()
            killed.append(child.pid)

    assert widths(read_headers(paths, on_file=kill)) == list(range(1, 60))
    assert killed


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("says", ["echo Hello", "echo '[1, 2, 3, 4, 5]'", "exit 1", None])
def test_processes_that_do_not_answer_are_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None
) -> None:
    paths = [saved(tmp_path / f"{side}.png", side) for side in range(1, 12)]
    program = tmp_path / "python"
    if says is not None:
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert widths(read_headers(paths)) == list(range(1, 12))


@pytest.mark.usefixtures("processes")
def test_who_is_interrupted_leaves_no_process(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{side}.png", side) for side in range(1, 60)]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_headers(paths, on_file=interrupt)
    assert reading() == []


def test_a_process_ends_with_its_input() -> None:
    command = [sys.executable, "-m", module.__name__]
    assert subprocess.run(command, input="", capture_output=True, text=True, check=True, timeout=60).stdout == ""
