"""A planted fault: what is running, at which phase it is hit, and what must hold of it afterwards."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promise.figure import Figure


@dataclass(frozen=True)
class Fault:
    """One fault, planted at one place.

    Attributes:
        name: What fails ("worker killed").
        subject: What is running: "driven", "observed", "comparison", "search", "lab", "report", "notebook", "records".
        phase: When it is hit ("steady"), or where ("middle of spans.parquet").
        plant: Runs the subject in an empty folder, plants the fault, and gives every way in which it was not survived:
            a record that doesn't tell, a caller that died, something left over, something measured that is lost.
            Nothing: it was survived.
        is_short: Whether it belongs to the short form, which the tests run.
    """

    name: str
    subject: str
    phase: str
    plant: Callable[[Path], Sequence[str]]
    is_short: bool = False

    def __str__(self) -> str:
        """``"worker killed, driven, steady"``."""
        return f"{self.name}, {self.subject}, {self.phase}"


def try_fault(fault: Fault) -> list[str]:
    """Plant a fault in a folder of its own; every way in which it was not survived."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        try:
            return list(fault.plant(Path(folder)))
        except Exception:
            return [f"the caller died: {traceback.format_exc(limit=-3)}"]


def survived(faults: Iterable[Fault]) -> list[Figure]:
    """Plant faults one after another: a figure for each, and one for all of them."""
    figures = []
    for fault in faults:
        lost = try_fault(fault)
        value = float(not lost)
        figures.append(Figure(str(fault), value, "survived", "= 1", not lost, None, "; ".join(lost)))
        print(f"{'survived' if not lost else 'NOT SURVIVED'}: {fault}", flush=True)
    share = sum(figure.met for figure in figures) / max(len(figures), 1)
    detail = f"{sum(figure.met for figure in figures)} of {len(figures)}"
    return [Figure("faults survived", share, "share", "= 1", share == 1.0, None, detail), *figures]
