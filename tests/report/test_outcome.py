from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from workbench.errors import BadInput
from workbench.files import reports_dir
from workbench.records import Comparison, ComparisonState, Failure
from workbench.records.run_folder import read_comparison, write_state
from workbench.report.outcome import (
    RESULT_MIME,
    describe_failure,
    fresh_name,
    interrupted_comparisons,
    new_comparison_folder,
    results_folder,
    results_of,
    save_comparison,
)


def test_results_go_to_the_named_folder_which_is_made(tmp_path: Path) -> None:
    folder = results_folder(str(tmp_path / "new" / "results"))

    assert folder == tmp_path / "new" / "results"
    assert folder.is_dir()
    assert results_folder("") == results_folder(None) == reports_dir()


def test_a_file_cannot_be_the_folder_for_results(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match="cannot be used as a folder"):
        results_folder(tmp_path / "file")
    with pytest.raises(BadInput, match="cannot be used as a folder"):
        results_folder(tmp_path / "file" / "below")


def test_names_are_fresh() -> None:
    names = {fresh_name("compare") for _ in range(50)}

    assert len(names) == 50
    assert all(name.startswith("compare-2") for name in names)
    assert fresh_name().startswith("2")


def test_comparisons_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    comparison = Comparison(created_at="now", baseline="baseline", num_blocks=0, seed=0, order=[], variants=[])

    folders = [save_comparison(comparison, new_comparison_folder(tmp_path)) for _ in range(2)]

    assert folders[0] != folders[1]
    assert all(folder.parent == tmp_path / "comparisons" for folder in folders)
    assert read_comparison(folders[0]) == comparison


def test_a_comparison_without_its_result_was_interrupted(tmp_path: Path) -> None:
    state = ComparisonState(variants={}, seed=0, most_blocks=1, runs=".")
    folders = [new_comparison_folder(tmp_path) for _ in range(2)]
    for folder in folders:
        write_state(folder, state)
    comparison = Comparison(created_at="now", baseline="baseline", num_blocks=0, seed=0, order=[], variants=[])
    save_comparison(comparison, folders[0])

    assert interrupted_comparisons(tmp_path) == folders[1:]
    assert interrupted_comparisons(tmp_path / "nowhere") == []


def test_results_are_read_from_the_outputs_of_a_notebook() -> None:
    output = nbformat.v4.new_output(
        "display_data", {RESULT_MIME: {"run_folder": "/runs/a"}, "text/plain": "Run folder: a"}
    )
    other = nbformat.v4.new_output("stream", text="hello")
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("run()", outputs=[other, output])]

    assert results_of(nbformat.v4.new_notebook(cells=cells)) == {"run_folder": Path("/runs/a")}


def test_a_failure_is_described_with_phase_message_and_stderr() -> None:
    text = describe_failure(
        Failure(kind="error", phase="model", message="no such encoder", stderr_tail="line 1\nline 2")
    )

    assert "phase 'model'" in text
    assert "no such encoder" in text
    assert text.endswith("line 1\nline 2")
    assert "stderr" not in describe_failure(Failure(kind="timeout", phase="steady", message="took longer"))
