"""What lies on disk is what was written, to the last bit, or it is seen that it isn't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.workloads.ocr.cache.block_sums import BLOCK_BYTES, block_sums, is_whole, num_sum_bytes

SIZES = (1, 7, BLOCK_BYTES, BLOCK_BYTES + 3, 40 * BLOCK_BYTES + 9)


def written(path: Path, size: int) -> bytearray:
    content = np.random.default_rng(size).bytes(size)
    sums = block_sums(memoryview(content))
    assert sums.nbytes == num_sum_bytes(size)
    return bytearray(content + sums.tobytes())


def looks_whole(path: Path, data: bytes, size: int) -> bool:
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        return is_whole(file, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_as_it_was_written_is_whole(tmp_path, size):
    assert looks_whole(tmp_path / "a", written(tmp_path, size), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, 1.0])
def test_a_bit_that_has_turned_is_seen_in_content_and_sums(tmp_path, size, share):
    data = written(tmp_path, size)
    data[int(share * (len(data) - 1))] ^= 0x10
    assert not looks_whole(tmp_path / "a", data, size)


@pytest.mark.parametrize("unit", [8, 512, 4096])
def test_parts_that_have_changed_places_are_seen(tmp_path, unit):
    data = written(tmp_path, BLOCK_BYTES)
    data[:unit], data[2 * unit : 3 * unit] = data[2 * unit : 3 * unit], data[:unit]
    assert not looks_whole(tmp_path / "a", data, BLOCK_BYTES)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_that_is_shorter_or_longer_is_not_whole(tmp_path, size):
    data = written(tmp_path, size)
    assert not looks_whole(tmp_path / "a", data[:-1], size)
    assert not looks_whole(tmp_path / "a", data + b"x", size)
    assert not looks_whole(tmp_path / "a", b"", size)
