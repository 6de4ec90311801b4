"""A table comes back as it was written, or is refused by name: a damaged one is never read wrong."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from workbench.errors import BadInput
from workbench.records.tables import read_table, write_table

COLUMNS = ("stage", "begin_ns")


def table(rows: int = 300) -> pa.Table:
    return pa.table({"stage": ["decode", "read", "resize"] * (rows // 3), "begin_ns": list(range(rows))})


def test_it_comes_back(tmp_path):
    write_table(table(), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", COLUMNS).equals(table().to_pandas())


def test_one_without_checksums_is_read_as_well(tmp_path):
    table().to_pandas().to_parquet(tmp_path / "a.parquet")
    assert len(read_table(tmp_path / "a.parquet", COLUMNS)) == 300


def test_no_bit_can_turn_without_being_noticed(tmp_path):
    path = tmp_path / "a.parquet"
    write_table(table(), path)
    whole, data = read_table(path, COLUMNS), path.read_bytes()
    refused = 0
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            assert read_table(path, COLUMNS).equals(whole), f"another table after byte {place}"
        except BadInput as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > len(data) / 7 / 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_one_that_is_cut_is_refused_with_what_to_do(tmp_path, share):
    path = tmp_path / "a.parquet"
    write_table(table(), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(BadInput, match=r"a.parquet: is damaged .*measure again"):
        read_table(path, COLUMNS)


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(BadInput, match="damaged"):
        read_table(tmp_path, COLUMNS)


def test_one_of_another_kind_is_refused(tmp_path):
    pd.DataFrame({"stage": ["decode"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="it has no begin_ns"):
        read_table(tmp_path / "a.parquet", COLUMNS)
