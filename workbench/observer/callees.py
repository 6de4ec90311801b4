"""What a function of the script spends its time on, by the functions that it calls: Python 3.12 and later.

`sys.monitoring` tells of the calls of single code objects, and costs nothing anywhere else. A call that is over is told
for functions in C; for those in Python their own return is asked for.
"""

from __future__ import annotations

from typing import Any

from .session import Session


def watch(session: Session, function: Any, prefix: str) -> None:
    """Name the direct callees of a function as stages of their own."""
