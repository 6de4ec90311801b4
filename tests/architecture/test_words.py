"""Does OCR stay in its room, and do the retired words stay retired?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

#: What only text detection knows.
OCR = re.compile(
    r"polygons?\b(?! points=|>)|h-?mean|shrink[_ ]map|threshold[_ ]map|words? (?:of|on) a page|text detect",
    re.IGNORECASE,
)

#: Rooms that measure and explain any workload.
ROOMS = ("measure", "explain", "records", "knobs", "report", "panel")

#: Words of an older dialect, in code and in sentences (CONTRIBUTING.md says what stands for them now).
RETIRED = re.compile(
    r"\b(?:foret(?:old|ell|elling)|lens(?:es)?|witness|parcels?|entrants?|settling|raced|races|race|so many"
    r"|held against|is told|told of|remed(?:ies)_|parity)\b",
    re.IGNORECASE,
)


def lines_with(pattern: re.Pattern[str], files: Iterable[Path]) -> list[str]:
    """Every line of the files that holds the pattern."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def sources(checkout: Path, *rooms: str) -> list[Path]:
    found = [path for room in rooms for path in (checkout / "workbench" / room).rglob("*.py")]
    assert found
    return found


def test_ocr_stays_in_its_room(checkout: Path) -> None:
    top = list((checkout / "workbench").glob("*.py"))
    assert lines_with(OCR, [*sources(checkout, *ROOMS), *top]) == []


@pytest.mark.parametrize("line", ["a polygon of it", "the H-mean", "hmean=0.9", "shrink_map", "the words of a page"])
def test_a_line_that_knows_ocr_is_found(tmp_path: Path, line: str) -> None:
    path = tmp_path / "room.py"
    path.write_text(f"fine = 1\n# {line}\n")
    assert len(lines_with(OCR, [path])) == 1


def test_the_retired_words_are_gone(checkout: Path) -> None:
    files = [*(checkout / "workbench").rglob("*.py"), *(checkout / "notebooks").glob("*.ipynb"), checkout / "README.md"]
    outside = [path for path in files if "synthetic" not in path.parts]  # whose photographs are taken through a lens
    assert lines_with(RETIRED, outside) == []


@pytest.mark.parametrize("line", ["it was foretold", "through a lens", "two entrants", "variants raced", "so many"])
def test_a_retired_word_is_found(tmp_path: Path, line: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"plain English\n{line}\n")
    assert len(lines_with(RETIRED, [path])) == 1
