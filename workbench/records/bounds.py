"""How large a file of a run may be before it is read: a small one of a stranger can ask for more memory than there is.

The bounds are far above what trials leave (a record has about 50 bytes for each step, an archive some samples, a table
a row for each stage of each sample), and far below what would take a machine down.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from workbench.units import format_bytes

#: A record of five million steps has as much.
MOST_TEXT_BYTES = 256 * 10**6

#: What the arrays of an archive, or the columns of a table, may hold when they are unpacked.
MOST_UNPACKED_BYTES = 4 * 10**9

#: A row takes some hundred bytes of memory.
MOST_ROWS = 50 * 10**6


class TooLarge(ValueError):
    """A file would take more memory than any run leaves; the message says how much."""


def check_text(path: Path) -> None:
    """Look at the size of a text file.

    Raises:
        TooLarge: Before it is read.
        OSError: Where there is no such file.
    """
    size = path.stat().st_size
    if size > MOST_TEXT_BYTES:
        raise TooLarge(f"has {format_bytes(size)}, and no run leaves more than {format_bytes(MOST_TEXT_BYTES)}")


def check_archive(path: Path) -> None:
    """Look at what the arrays of an `.npz` file are when they are unpacked.

    Raises:
        TooLarge: Before one of them is read.
        OSError: Where there is no such file.
        zipfile.BadZipFile: Where it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        _refuse(sum(member.file_size for member in archive.infolist()))


def check_table(path: Path) -> None:
    """Look at what a Parquet file says that it holds.

    Raises:
        TooLarge: Before a row of it is read.
        OSError: Where there is no such file, or it is none of that kind.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            told = pq.read_metadata(file)
    except pa.ArrowException:
        return  # damaged, which its reader says
    if told.num_rows > MOST_ROWS:
        raise TooLarge(f"has {told.num_rows} rows, and no run leaves more than {MOST_ROWS}")
    _refuse(sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups)))


def _refuse(unpacked_bytes: int) -> None:
    if unpacked_bytes > MOST_UNPACKED_BYTES:
        what = f"would take {format_bytes(unpacked_bytes)} of memory"
        raise TooLarge(f"{what}, and no run leaves more than {format_bytes(MOST_UNPACKED_BYTES)}")
