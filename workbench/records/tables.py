"""Tables on disk (Parquet), with checksums: one that has been damaged is refused, and never read wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput, Problem

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: What to do about a file of a run that is damaged.
PUT_BACK = "Put back a copy of it if there is one; else remove the folder, and measure again"


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table, with checksums that `read_table` looks at.

    Raises:
        OSError: Where it cannot be written.
    """
    import pyarrow.parquet as pq

    pq.write_table(table, path, write_page_checksum=True)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that has these columns, and maybe others.

    Args:
        path: The file. One that an earlier version has written has no checksums, and is believed where it can be read.
        columns: The columns that it has to have.

    Raises:
        BadInput: Where it is damaged, or is no table of that kind.
    """
    import pyarrow.parquet as pq

    try:
        # Opened here: a folder would be taken for a table in parts.
        with path.open("rb") as file:
            table: pd.DataFrame = pq.read_table(file, page_checksum_verification=True).to_pandas()
        missing = [name for name in columns if name not in table.columns]
    except Exception as error:  # damaged files make pyarrow raise nearly anything
        lines = str(error).splitlines() or [type(error).__name__]
        raise BadInput(str(path), [Problem(f"is damaged ({lines[0]})", remedy=PUT_BACK)]) from None
    if missing:
        raise BadInput(str(path), [Problem(f"is damaged (it has no {', '.join(missing)})", remedy=PUT_BACK)])
    return table
