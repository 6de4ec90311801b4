"""Figures are written, printed and counted as every benchmark promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from promise.figure import Figure, finish, format_table, not_taken

KEPT = Figure("speed", 2.0, "times", ">= 1.5", True, (1.9, 2.1), "ten trials")
BROKEN = Figure("share", 0.9, "share", ">= 0.95", False)


@pytest.mark.parametrize(
    ("figures", "code"), [([KEPT], 0), ([KEPT, BROKEN], 1), ([KEPT, not_taken("it", "no GPU")], 1), ([], 1)]
)
def test_the_exit_code_is_0_only_if_every_figure_is_met(tmp_path: Path, figures: list[Figure], code: int) -> None:
    out = tmp_path / "new" / "figures.json"
    with pytest.raises(SystemExit) as ended:
        finish(figures, out)

    assert ended.value.code == code
    written = json.loads(out.read_text())["figures"]
    assert [row["name"] for row in written] == [figure.name for figure in figures]
    assert all(set(row) == {"name", "value", "unit", "goal", "met", "interval", "detail"} for row in written)


def test_the_table_shows_every_figure_with_its_reason() -> None:
    lines = format_table([KEPT, not_taken("GPU", "there is none " * 20)], width=120).splitlines()

    assert lines[1].split("  ")[0] == "yes"
    assert "[1.9, 2.1]" in lines[1] and "ten trials" in lines[1]
    assert lines[2].startswith("NO ") and "GPU" in lines[2]
    assert " ".join(line.strip() for line in lines).count("there is none") == 20
    assert max(map(len, lines)) <= 120
