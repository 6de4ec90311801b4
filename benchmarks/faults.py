"""Faults: whatever is hit while something runs, the record tells, the caller lives, nothing is left over.

Processes of a trial are killed, stand still or run out of memory and files in each of its phases; commands get Ctrl-C,
SIGTERM and SIGHUP, or are killed; files are damaged and data changes. A fault is survived where a message names what
happened and what to do, where no process, no segment of /dev/shm and no half of a file is left, where what had been
measured is kept, and where a comparison that goes on ends as it would have without.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from promise import (
    comparison_faults,
    damage_faults,
    interrupt_faults,
    lab_faults,
    launcher_faults,
    machine_faults,
    observed_faults,
    surroundings_faults,
    tune_faults,
)
from promise.fault import survived
from promise.figure import finish

from workbench.workloads.ocr.compiled import compile_ahead

_ROOMS = (
    machine_faults,
    observed_faults,
    comparison_faults,
    launcher_faults,
    interrupt_faults,
    lab_faults,
    surroundings_faults,
    damage_faults,
    tune_faults,
)
FAULTS = tuple(fault for room in _ROOMS for fault in room.FAULTS)


def main() -> None:
    """Plant the faults that are asked for, and print what was survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults whose line holds this text")
    arguments = parser.parse_args()
    compile_ahead()  # else the first trials take that long, and their time is short
    finish(survived(fault for fault in FAULTS if arguments.only in str(fault)), arguments.out)


if __name__ == "__main__":
    main()
