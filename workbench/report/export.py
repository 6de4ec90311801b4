"""The report of a comparison or a search that has ended: ``python -m workbench.report.export FOLDER OUT.html``.

Made in a process of its own, so that whoever asks for it goes on meanwhile and can end it. It leaves the file and exits
with 0; or it writes to stderr, on one line, why there is none, and exits with 1.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.files import child_environment, notebooks_dir
from workbench.measure.trial.process_tree import ProcessTree
from workbench.records.run_folder import TUNE, is_there, read_state, read_tuning
from workbench.registry import INPUTS_CHECKED
from workbench.report.notebook_run import run_notebook
from workbench.visible import say

#: A comparison that has stopped for one of these reasons can be reported as it stands; any other would run on first.
ENDED = ("clear", "blocks", "failed")

#: No trial is run, and all of them are read.
_CELL_TIMEOUT_S = 600.0
_POLL_S = 0.05


def export_report(folder: Path, html: Path, cancel: threading.Event) -> None:
    """Write the report of a comparison, or of a search. Waits for it.

    Args:
        folder: Folder of a comparison or a search that has ended.
        html: The file to write; its folder is the one that comparison and runs lie in.
        cancel: When set, the export ends.

    Raises:
        WorkbenchError: Where there is no report in the end, with the reason.
    """
    command = [sys.executable, "-m", "workbench.report.export", str(folder), str(html)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            env=child_environment(),
            start_new_session=True,
        )
        while process.poll() is None and not cancel.wait(_POLL_S):
            pass
        if process.poll() is None:
            ProcessTree(process).end()
            raise WorkbenchError("the report was not made: cancelled")
        if process.returncode != 0:
            stderr.seek(0)
            lines = stderr.read().strip().splitlines() or [f"its process ended with exit code {process.returncode}"]
            raise WorkbenchError(f"the report was not made: {lines[-1]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a report; the exit code says whether it is there."""
    folder, html = map(Path, sys.argv[1:] if arguments is None else arguments)
    try:
        name, title, parameters = _search(folder) if is_there(folder / TUNE) else _comparison(folder)
        run_notebook(
            notebooks_dir() / f"{name}.ipynb",
            {"resume": str(folder), "reports": str(html.parent), **parameters},
            html.with_suffix(".ipynb"),
            cell_timeout_s=_CELL_TIMEOUT_S,
            title=title,
            environment={INPUTS_CHECKED: "1"},  # nothing is measured any more
        )
    except WorkbenchError as error:
        say(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def _comparison(folder: Path) -> tuple[str, str, dict[str, Any]]:
    """The notebook of a comparison, its title, and its parameters."""
    state = read_state(folder)
    if state.stop not in ENDED:
        problem = Problem("the comparison has not come to its end", remedy="Let it run on first: More blocks")
        raise BadInput(str(folder), [problem])
    return "compare", "Comparison", {"blocks": state.most_blocks}


def _search(folder: Path) -> tuple[str, str, dict[str, Any]]:
    """Likewise of a search."""
    if read_tuning(folder).stop is None:
        problem = Problem("the search has not come to its end", remedy="Let it run on first: Go on")
        raise BadInput(str(folder), [problem])
    return "tune", "The best set of knobs", {"minutes": 0.0}


if __name__ == "__main__":
    sys.exit(main())
