"""Tables of cells in MATLAB files: what SciPy writes, what it doesn't, and what is asked for alone."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from scipy.io import savemat

from workbench.workloads.ocr.annotations import matlab
from workbench.workloads.ocr.annotations.matlab import read_tables, table_names
from workbench.workloads.ocr.annotations.reading import Unreadable


def cells(*values):
    table = np.empty((len(values), 1), object)
    for number, value in enumerate(values):
        table[number, 0] = value
    return table


@pytest.fixture
def save(tmp_path):
    """Saves variables, and gives the file."""

    def save(**variables):
        savemat(tmp_path / "a.mat", variables, do_compression=True)
        return tmp_path / "a.mat"

    return save


@pytest.mark.parametrize(
    "numbers", [np.arange(6).reshape(2, 3), np.ones((2, 2, 2), np.float32) * 1.5, np.array([[-300, 70000]])], ids=str
)
def test_numbers(save, numbers):
    (value,) = read_tables(save(a=cells(numbers)), ["a"])["a"]
    np.testing.assert_array_equal(value, numbers)


def test_texts_and_cells_in_cells(save):
    table = read_tables(save(a=cells("abc", np.array(["ab", "c "]), cells("x", cells("한국")), "", [])), ["a"])["a"]
    assert list(table) == [["abc"], ["ab", "c "], [["x"], [["한국"]]], None, None]


def test_only_what_is_asked_for_is_unpacked(save, monkeypatch):
    path = save(a=cells("1"), b=cells("2"), c=np.zeros(3), d="text")
    assert table_names(path) == {"a", "b"}
    unpacked, unpack = [], matlab._unpacked
    monkeypatch.setattr(matlab, "_unpacked", lambda data: unpacked.append(data) or unpack(data))
    assert set(read_tables(path, ["b", "c", "e"])) == {"b"}
    assert len(unpacked) == 1


def test_no_more_is_unpacked_than_is_bearable(save, monkeypatch):
    monkeypatch.setattr(matlab, "MOST_UNPACKED_BYTES", 10_000)
    path = save(a=cells(np.zeros((100, 100))))
    assert path.stat().st_size < 1000
    with pytest.raises(Unreadable, match=r"holds more than 10\.0 kB when it is unpacked"):
        read_tables(path, ["a"])


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(order: str, what: int, dims: tuple[int, ...], name: bytes, content: bytes) -> bytes:
    sizes = element(order, 5, struct.pack(f"{order}{len(dims)}i", *dims))
    head = element(order, 6, struct.pack(f"{order}II", what, 0)) + sizes
    return element(order, 14, head + element(order, 1, name) + content)


def header(order: str) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + {"<": b"IM", ">": b"MI"}[order]


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order(tmp_path, order):
    text = matrix(order, 4, (1, 2), b"", element(order, 4, struct.pack(f"{order}2H", *map(ord, "é2"))))
    number = matrix(order, 6, (1, 1), b"", element(order, 9, struct.pack(f"{order}d", 1.25)))
    (tmp_path / "a.mat").write_bytes(header(order) + matrix(order, 1, (1, 2), b"a", text + number))
    letters, value = read_tables(tmp_path / "a.mat", ["a"])["a"]
    assert letters == ["é2"]
    assert value.tolist() == [[1.25]]


def test_a_text_without_dimensions_is_damage(tmp_path):
    text = matrix("<", 4, (), b"", element("<", 16, b"A"))
    (tmp_path / "a.mat").write_bytes(header("<") + matrix("<", 1, (1, 1), b"a", text))
    with pytest.raises(Unreadable, match="a table of no known size"):
        list(read_tables(tmp_path / "a.mat", ["a"])["a"])


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read"):
        table_names(tmp_path / "a.mat")
