"""The files of a data set."""

from __future__ import annotations

from workbench.files import files_below


def test_all_files_sorted_but_hidden_ones(tmp_path):
    for name in ("b.jpg", "a/c.jpg", "a/a.jpg", ".hidden.jpg", ".git/x", "a/.ipynb_checkpoints/x.json", "z/._b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [tmp_path / "a/a.jpg", tmp_path / "a/c.jpg", tmp_path / "b.jpg"]


def test_a_hidden_folder_may_be_the_data_set_itself(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/a.jpg").touch()
    assert files_below(tmp_path / ".cache") == [tmp_path / ".cache/a.jpg"]


def test_links_are_followed_and_rings_end(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.jpg").touch()
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "store")
    (tmp_path / "set/again").symlink_to(tmp_path / "set")
    assert files_below(tmp_path / "set") == [tmp_path / "set/images/a.jpg"]


def test_an_empty_folder(tmp_path):
    assert files_below(tmp_path) == []
