"""Observing from Python: a loop in the running kernel, a function or a notebook's cell in processes of their own."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from workbench.errors import BadInput, Problem
from workbench.explain.diagnosis.diagnose import advise
from workbench.explain.figures import tables
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.script import script_tables
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.words.headline import run_headline
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.in_process import InProcess
from workbench.measure.attach.notes import ALL_STEPS
from workbench.measure.trial.inputs import check_inputs
from workbench.measure.trial.profiled import run_profiled
from workbench.records import Record
from workbench.report.outcome import describe_failure, headline, results_folder
from workbench.visible import say


class Observation:
    """What was observed.

    Attributes:
        record: The record; None while it is being observed.
        folder: The run folder; None likewise.
    """

    def __init__(self) -> None:
        self.record: Record | None = None
        self.folder: Path | None = None

    def show(self) -> None:
        """Show where the time goes, what bounds the loop, and what to try next.

        Raises:
            BadInput: While it is being observed.
        """
        if self.record is None or self.folder is None:
            raise BadInput("observation", [Problem("it is not over", remedy="Call show() after the with block")])
        display(headline(run_headline(self.record)))  # type: ignore[no-untyped-call]
        if self.record.failure is not None:
            say(describe_failure(self.record.failure))
        if self.record.steady is None:
            return
        display(where_time_goes(self.record), html_table(tables.stage_table(self.record)))  # type: ignore[no-untyped-call]
        display(*script_tables(self.record))  # type: ignore[no-untyped-call]
        advice = advise(self.folder)
        diagnosis = tables.diagnosis_table(advice.causes, advice.gap)
        display(html_table(diagnosis), html_table(tables.plan_table(advice.steps)))  # type: ignore[no-untyped-call]


@contextmanager
def observe(*, warmup: int | None = None, reports: str | Path | None = None) -> Iterator[Observation]:
    """Observe the loops over DataLoaders in the ``with`` block, in this very process.

    Workers are seen where they are forked; a variant needs a process of its own (`profile`).

    Args:
        warmup: Steps that do not count; None: until the queue is as full as it stays.
        reports: Folder for the results; None: the workbench's own.

    Raises:
        BadInput: Where nothing could be counted, after the block.
    """
    runs = results_folder(reports) / "runs"
    found = Observation()
    in_process = InProcess(ObservedKnobs(command="(in this process)", warmup_steps=warmup, num_steps=ALL_STEPS), runs)
    with in_process:
        yield found
    found.record, found.folder = in_process.record(), in_process.folder


def profile(function: str, *, reports: str | Path | None = None, **knobs: Any) -> Observation:
    """Observe a function in a process of its own.

    Args:
        function: ``package.module:function``, which takes no arguments.
        reports: Folder for the results; None: the workbench's own.
        knobs: What is set from outside, by name: ``num_workers=4``, ``num_steps=50``.

    Raises:
        BadInput: For a name or knobs that cannot be used.
    """
    module, colon, name = function.partition(":")
    if not colon or not module or not name:
        raise BadInput("profile", [Problem(f"'{function}' names no function", remedy="Write package.module:function")])
    code = f"import importlib; importlib.import_module({module!r}).{name}()"
    return _observed(shlex.join([sys.executable, "-c", code]), knobs, reports)


def _observed(command: str, knobs: dict[str, Any], reports: str | Path | None) -> Observation:
    settings = {"command": command, "folder": str(Path.cwd()), **knobs}
    parsed = ObservedKnobs.parse_own(settings)
    check_inputs(parsed)
    runs = results_folder(reports) / "runs"
    found = Observation()
    found.record = run_profiled(parsed, runs)
    found.folder = runs / found.record.run_id
    return found


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext workbench``: gives the notebook the magic ``%%workbench``."""
    shell.register_magic_function(_cell, magic_kind="cell", magic_name="workbench")


def _cell(line: str, cell: str) -> Observation:
    """``%%workbench [knob=value ...]``: the cell is a script, observed in processes of its own.

    It sees nothing of the notebook's variables. Workers need a function that is defined in it to be below
    ``if __name__ == "__main__":`` only under spawn.
    """
    folder = Path(tempfile.mkdtemp(prefix="workbench-cell-"))
    try:
        script = folder / "cell.py"
        script.write_text(cell, encoding="utf-8")
        settings = dict(word.partition("=")[::2] for word in shlex.split(line))
        found = _observed(shlex.join([sys.executable, str(script)]), settings, None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if get_ipython() is not None:
        found.show()
    return found
