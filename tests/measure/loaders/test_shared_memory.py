"""How much room /dev/shm has for the batches of workers, and what is removed there: only what the gone have left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.measure.loaders import shared_memory
from workbench.measure.loaders.shared_memory import SharedMemoryFull, array_bytes, check_room, remove_segments


@dataclass
class Sample:
    image: torch.Tensor
    extras: dict[str, Any]


def test_arrays_are_counted_wherever_they_are_and_once():
    image = torch.zeros(10, 4)
    sample = Sample(image, {"map": np.zeros((3, 5)), "again": image, "name": "a.jpg", "none": None})
    assert array_bytes([sample, (torch.zeros(2, dtype=torch.uint8),)]) == 160 + 120 + 2
    assert array_bytes([]) == 0


def test_what_cannot_be_taken_apart_is_not_known():
    assert array_bytes([torch.zeros(2), lambda: None]) is None


def test_workers_are_refused_where_a_batch_of_each_has_no_room():
    with pytest.raises(SharedMemoryFull) as caught:
        check_room(2, 39_000_000, 6_000_000)
    text = str(caught.value)
    assert "/dev/shm has 6.00 MB free, and 2 loader workers hand over batches of 39.0 MB there" in text
    assert "num_workers=0" in text
    assert "--shm-size" in text
    assert "\n" not in text


@pytest.mark.parametrize(("workers", "batch", "free"), [(2, 39, 78), (0, 39, 6), (2, None, 6), (2, 39, None)])
def test_what_may_fit_is_not_refused(workers, batch, free):
    check_room(workers, batch, free)


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    return tmp_path


def test_what_the_gone_have_left_is_removed(folder, gone):
    for name in (f"torch_{gone}_123_0", f"torch_{gone}_124_17"):
        (folder / name).write_bytes(b"x")
    assert sorted(remove_segments([gone], since_s=time.time() - 5)) == [f"torch_{gone}_123_0", f"torch_{gone}_124_17"]
    assert list(folder.iterdir()) == []


def test_nothing_of_anybody_else_is_touched(folder, gone):
    old = folder / f"torch_{gone}_1_0"
    keep = [
        f"torch_{os.getpid()}_1_0",  # its number is among those asked for, but a living process has it
        f"torch_{gone}0_1_0",  # of a process that was not asked for
        f"torch_{gone}",
        f"psm_{gone}_1_0",
        f"torch_{gone}_1_0.txt",
        old.name,  # of a process that had the number before
    ]
    for name in keep:
        (folder / name).write_bytes(b"x")
    os.utime(old, (0, 0))
    (folder / f"torch_{gone}_2_0").mkdir()
    assert remove_segments([gone, os.getpid()], since_s=time.time() - 5) == []
    assert {path.name for path in folder.iterdir()} == {*keep, f"torch_{gone}_2_0"}


def test_without_the_folder_there_is_nothing_to_do(tmp_path, monkeypatch, gone):
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path / "missing")
    assert remove_segments([gone], since_s=0.0) == []
    assert shared_memory.free_bytes() is None
