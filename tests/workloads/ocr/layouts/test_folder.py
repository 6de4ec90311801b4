"""A folder that appears when it is complete."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.workloads.ocr.layouts.folder import new_folder, write_file


def test_it_appears_at_the_end(tmp_path):
    with new_folder(tmp_path / "out") as half_done:
        write_file(half_done / "a" / "b.txt", b"1")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out/a/b.txt").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_is_left_of_what_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out") as half_done:
        write_file(half_done / "a.txt", b"1")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_filled_up_meanwhile_is_left_alone(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"), new_folder(tmp_path / "out") as half_done:
        write_file(half_done / "a.txt", b"1")
        write_file(tmp_path / "out" / "b.txt", b"2")
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["b.txt"]
