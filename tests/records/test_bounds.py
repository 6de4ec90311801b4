"""Files that ask for more memory than there is are named before it is taken."""

from __future__ import annotations

import io
import json
import os
import resource
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.errors import BadInput
from workbench.explain.checks.runs import read_samples
from workbench.records import bounds
from workbench.records.run_folder import KNOBS, RECORD, SAMPLES, SPANS, read_knobs, read_record, read_spans

GB = 10**9


@pytest.fixture(autouse=True)
def takes_no_memory():
    """What a refusal may cost: the largest that this process has been grows by less than a bomb would take."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < 0.2 * GB


@pytest.mark.parametrize(("name", "read"), [(RECORD, read_record), (KNOBS, read_knobs)])
def test_text_of_a_gigabyte_is_not_read(tmp_path, name, read) -> None:
    with (tmp_path / name).open("wb") as file:
        os.truncate(file.fileno(), GB)  # a hole: no room is taken on the disk
    with pytest.raises(BadInput, match=r"has 1.00 GB, and no run leaves more than 256 MB"):
        read(tmp_path)


@pytest.mark.parametrize(("name", "read"), [(RECORD, read_record), (KNOBS, read_knobs)])
def test_text_that_is_nested_too_deeply_is_refused(tmp_path, name, read) -> None:
    (tmp_path / name).write_text("[" * 100_000 + "]" * 100_000, encoding="utf-8")
    with pytest.raises(BadInput, match=r"recursion limit|nested too deeply"):
        read(tmp_path)


def test_the_depth_is_a_danger() -> None:
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000 + "]" * 100_000)


def test_a_bomb_of_arrays_is_a_note(tmp_path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (6 * GB,)})
    with (
        zipfile.ZipFile(tmp_path / SAMPLES, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("whole/image.npy", "w", force_zip64=True) as member,
    ):
        member.write(header.getvalue())
        member.write(bytes(10**6))
    said_to_be(tmp_path / SAMPLES, 6 * GB)
    notes: list[str] = []
    assert read_samples(tmp_path, notes) is None
    assert "would take 6.00 GB of memory" in notes[0]


def said_to_be(path, size: int) -> None:
    """Let the list of an archive's contents say that its only member has this many bytes, as in one of gigabytes."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.infolist()[0].file_size = size
        archive._didModify = True


def test_arrays_that_claim_more_than_the_archive_holds_are_damaged(tmp_path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**17,)})
    with zipfile.ZipFile(tmp_path / SAMPLES, "w") as archive:
        archive.writestr("images.npy", header.getvalue())
    notes: list[str] = []
    assert read_samples(tmp_path, notes) is None
    assert "is damaged" in notes[0]


def test_arrays_of_objects_are_not_unpickled(tmp_path) -> None:
    np.savez(tmp_path / SAMPLES, images=np.array([{"any": "object"}], dtype=object))
    notes: list[str] = []
    assert read_samples(tmp_path, notes) is None
    assert "allow_pickle" in notes[0]


def test_a_table_of_too_many_rows_is_refused(tmp_path, monkeypatch) -> None:
    pq.write_table(pa.Table.from_pandas(pd.DataFrame({"begin_ns": np.zeros(1000, np.int64)})), tmp_path / SPANS)
    assert len(read_spans(tmp_path)) == 1000
    monkeypatch.setattr(bounds, "MOST_ROWS", 999)
    with pytest.raises(BadInput, match="has 1000 rows, and no run leaves more than 999"):
        read_spans(tmp_path)
    monkeypatch.setattr(bounds, "MOST_ROWS", 1000)
    monkeypatch.setattr(bounds, "MOST_UNPACKED_BYTES", 10)
    with pytest.raises(BadInput, match="of memory, and no run leaves more than 10 B"):
        read_spans(tmp_path)
