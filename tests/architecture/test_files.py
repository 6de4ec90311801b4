"""Is every file that is committed small, short, and at home on any machine?"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

MOST_BYTES = 1_000_000
MOST_SAMPLE_BYTES = 6_000_000

#: A file is one thought: more lines than this are several, fewer than that are a part of one.
MOST_LINES, FEWEST_LINES = 400, 25

#: Where an `import` starts the program: two lines are all there is to say.
TINY = {"__init__.py", "__main__.py"}

#: Folders of one machine, as a file should not name them. (Paths in annotation files of others are data, not ours.)
MACHINE_PATH = re.compile(r"(?<![\w.~>])/(?:root|work|workspace|Users|mnt)/\w")
#: Where packages come from is the reader's to choose.
REGISTRY = re.compile(
    r"https?://[^\s\"'<>)]*(?:pypi|pythonhosted|anaconda|npmjs|registry|mirror|artifactory|nexus|download\.pytorch)"
    r"|--(?:extra-)?index-url|--find[-]links|--trusted[-]host",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def files(checkout: Path) -> list[Path]:
    """The files that are committed, or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout ({error})")
    paths = [checkout / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def too_large(files: Iterable[Path], most: int = MOST_BYTES) -> list[str]:
    return [f"{path}: {path.stat().st_size} bytes" for path in files if path.stat().st_size > most]


def out_of_size(files: Iterable[Path], fewest: int = FEWEST_LINES, most: int = MOST_LINES) -> list[str]:
    """Files that are giants, or too small to be a room of their own."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files if path.name not in TINY}
    return [f"{path}: {length} lines" for path, length in lengths.items() if not fewest <= length <= most]


def at_home_elsewhere(files: Iterable[Path], checkout: Path) -> list[str]:
    """Lines that name a folder of this machine, or a registry of packages."""
    here = [re.escape(str(folder)) for folder in (checkout, Path.home()) if len(folder.parts) > 2]
    patterns = [MACHINE_PATH, REGISTRY, *(re.compile(f"{folder}(?!\\w)") for folder in here)]
    found = []
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # an image
        for number, line in enumerate(lines, start=1):
            found += [f"{path}:{number}: {hit[0]}" for pattern in patterns if (hit := pattern.search(line))]
    return found


def test_no_file_is_large(files: list[Path], checkout: Path) -> None:
    assert files
    assert too_large(files) == []
    samples = [path for path in files if path.is_relative_to(checkout / "data_samples")]
    assert len(samples) > 24
    assert sum(path.stat().st_size for path in samples) < MOST_SAMPLE_BYTES


def test_the_package_has_neither_giants_nor_tiny_rooms(checkout: Path) -> None:
    sources = list((checkout / "workbench").rglob("*.py"))
    assert sources
    assert out_of_size(sources) == []


def test_no_file_is_at_home_on_one_machine_only(files: list[Path], checkout: Path) -> None:
    assert at_home_elsewhere(files, checkout) == []


@pytest.mark.parametrize(("lines", "is_found"), [(24, True), (25, False), (400, False), (401, True)])
def test_a_giant_and_a_tiny_room_are_found(tmp_path: Path, lines: int, is_found: bool) -> None:
    path = tmp_path / "file.py"
    path.write_text("x\n" * lines)
    assert bool(out_of_size([path])) is is_found


def test_a_large_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text("x\n" * 301)
    assert len(too_large([path], 601)) == 1
    assert too_large([path], 602) == []


@pytest.mark.parametrize(
    "parts",
    [
        ("open('", "/root", "/data/a.jpg')"),
        ("see ", "/work", "/main"),
        ("https://", "pypi", ".org/simple"),
        ("https://download.", "pytorch", ".org/whl/cpu"),
        ("pip install --index", "-url x"),
    ],
)
def test_a_line_of_one_machine_is_found(tmp_path: Path, parts: tuple[str, ...]) -> None:
    path = tmp_path / "file.md"
    path.write_text("fine\n" + "".join(parts))

    assert [fault.startswith(f"{path}:2: ") for fault in at_home_elsewhere([path], tmp_path / "checkout")] == [True]


def test_the_path_of_the_checkout_is_found(tmp_path: Path) -> None:
    path = tmp_path / "file.md"
    path.write_text(f"{tmp_path}/checkout/a.jpg\n{tmp_path}/checkouts\n")

    found = at_home_elsewhere([path], tmp_path / "checkout")
    assert [fault.startswith(f"{path}:1: ") for fault in found] == [True]


def test_what_is_at_home_anywhere_is_let_pass(tmp_path: Path) -> None:
    path = tmp_path / "file.md"
    path.write_text("/dev/shm ~/work/x ../work/x a/root/b https://arxiv.org/abs/1911.08947 /proc/self/status\n")

    assert at_home_elsewhere([path], tmp_path / "checkout") == []
