"""A folder that appears when it is complete, and not at all where something goes wrong on the way."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.files import expanded


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write into, which takes the place of `out` at the end.

    Args:
        out: The folder to make. An empty one gives way, any other does not.

    Raises:
        BadInput: Where it cannot be written.
    """
    place = expanded(out).resolve()
    half_done = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    try:
        yield half_done
        half_done.replace(place)
    except OSError as error:
        raise BadInput("pages", [Problem(f"cannot be written ({error.strerror or error})", str(out))]) from None
    finally:
        shutil.rmtree(half_done, ignore_errors=True)


def write_file(path: Path, data: bytes) -> None:
    """Write a file, and make its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
