from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.errors import BadInput
from workbench.measure.comparison.file_cache import cached_share, forget, warm


def written(folder: Path, name: str, size: int) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    return path


def test_what_was_just_read_is_held(tmp_path):
    path = written(tmp_path, "a", 300_000)
    path.read_bytes()
    assert cached_share([path, written(tmp_path, "empty", 0)]) == 1.0


def test_what_is_warmed_is_held_unless_it_would_fill_the_memory(tmp_path, monkeypatch):
    paths = [written(tmp_path, name, 300_000) for name in "ab"]
    forget(paths)
    if cached_share(paths) == 1.0:
        pytest.skip("this file system lives in memory")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=16_000_000, available=1_000_000))
    warm(paths)
    before = cached_share(paths)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=16_000_000, available=10_000_000))
    warm(paths)
    assert before < cached_share(paths) == 1.0


def test_of_files_of_others_nothing_is_known(tmp_path, monkeypatch):
    path = written(tmp_path, "a", 9000)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert cached_share([path]) is None


def test_a_system_that_cannot_forget_says_so(tmp_path, monkeypatch):
    monkeypatch.delattr("os.posix_fadvise")
    with pytest.raises(BadInput, match="cannot be asked to forget"):
        forget([])


def test_nothing_is_known_of_nothing(tmp_path):
    assert cached_share([]) is None
    assert cached_share([written(tmp_path, "empty", 0)]) is None


def test_the_kernel_forgets_where_the_file_system_lets_it(checkout):
    with tempfile.TemporaryDirectory(dir=checkout) as folder:  # on its disk; files that nobody else reads meanwhile
        paths = [written(Path(folder), name, 300_000) for name in "abc"]
        os.sync()  # what is yet to be written cannot be forgotten
        forget(paths)
        share = cached_share(paths)
        if share == 1.0:
            pytest.skip("this file system lives in memory")
        assert share == 0.0
        paths[0].read_bytes()
        assert 0.0 < cached_share(paths) < 1.0
