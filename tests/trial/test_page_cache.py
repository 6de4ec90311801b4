from __future__ import annotations

from pathlib import Path

import pytest

from workbench.trial.page_cache import cached_share, forget


def written(folder: Path, name: str, size: int) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    return path


def test_what_was_just_read_is_held(tmp_path):
    path = written(tmp_path, "a", 300_000)
    path.read_bytes()
    assert cached_share([path, written(tmp_path, "empty", 0)]) == 1.0


def test_nothing_is_known_of_nothing(tmp_path):
    assert cached_share([]) is None
    assert cached_share([written(tmp_path, "empty", 0)]) is None


def test_the_kernel_forgets_where_the_file_system_lets_it():
    paths = sorted(Path(__file__).parents[2].glob("data_samples/images/*.jpg"))[:3]  # on the disk of the checkout
    for path in paths:
        path.read_bytes()
    forget(paths)
    share = cached_share(paths)
    if share == 1.0:
        pytest.skip("this file system lives in memory")
    assert share == 0.0
    paths[0].read_bytes()
    assert 0.0 < cached_share(paths) < 1.0
