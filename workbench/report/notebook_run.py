"""Runs a committed notebook headless: parameters in, executed notebook, HTML and results out."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from workbench.errors import BadInput, WorkbenchError, unknown_name
from workbench.knobs.joined import knobs_of
from workbench.records.run_folder import writing
from workbench.report.html import export_html
from workbench.report.kernel_page import WRITTEN_ELSEWHERE
from workbench.report.outcome import results_of

if TYPE_CHECKING:
    from papermill.engines import NBClientEngine

#: Name of the engine that does not write a notebook after every cell.
_SAVES_ONCE = "workbench"


@dataclass(frozen=True)
class NotebookRun:
    """What an executed notebook has left.

    Attributes:
        notebook: The executed notebook.
        html: The same as one HTML file that opens with no network.
        results: What it handed over, by name.
    """

    notebook: Path
    html: Path
    results: dict[str, Path]


class NotebookFailed(WorkbenchError):
    """A notebook that didn't get to its end."""


def run_notebook(
    notebook: Path,
    parameters: Mapping[str, Any],
    output: Path,
    *,
    cell_timeout_s: float,
    title: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> NotebookRun:
    """Execute a notebook with a kernel of this very environment, and export it.

    Args:
        notebook: The notebook, with a cell tagged `parameters`.
        parameters: Values by name: knobs, and parameters of the notebook.
        output: Where the executed notebook goes; its HTML lies beside it. It is there even where a cell fails, but not
            after an interrupt.
        cell_timeout_s: What the longest cell may take.
        title: Title of the HTML page.
        environment: Variables that the notebook's kernel gets beside those of this process.

    Raises:
        BadInput: For parameters that the notebook doesn't have.
        NotebookFailed: Where a cell raised or took too long, or the kernel died.
        CannotWrite: Where there is no room, or no leave, for the notebook or the page.
    """
    import nbformat
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillException
    from papermill.execute import execute_notebook

    _refuse_unknown(notebook, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    papermill_engines.register(_SAVES_ONCE, _saves_once())
    logging.getLogger("papermill").setLevel(logging.ERROR)  # names every knob that the parameters cell doesn't show
    reason = ""
    half_done = output.with_name(f".{output.stem}.half-done.ipynb")  # what a kill leaves says what it is
    try:
        with writing(output):
            execute_notebook(
                _verbatim(notebook),
                _verbatim(half_done),
                parameters=dict(parameters),
                engine_name=_SAVES_ONCE,
                progress_bar=False,
                kernel_name="python3",
                execution_timeout=math.ceil(cell_timeout_s),
                kernel_manager_class=_this_python(environment or {}),
                # An interrupt leaves no kernel behind, and no trial, which ends with its kernel.
                shutdown_kernel="immediate",
                extra_arguments=["--log-level=ERROR"],  # each start warns of sockets that only this machine reaches
                coalesce_streams=True,
            )
    except PapermillException as error:
        reason = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else str(error)
    except (RuntimeError, TimeoutError) as error:  # the kernel died, or a cell took too long
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    except BaseException:  # an interrupt, a full disk: half a notebook is of no use to anybody
        with contextlib.suppress(OSError):  # where nothing can be written, nothing can be removed
            half_done.unlink(missing_ok=True)
        raise
    half_done.replace(output)
    executed = nbformat.read(output, as_version=4)  # type: ignore[no-untyped-call]
    # A kernel that died leaves statuses that say "completed"; only the counts of the cells tell.
    cells = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    num_run = sum(cell.execution_count is not None for cell in cells)
    if reason or num_run < len(cells):
        how_far = f"{num_run} of {len(cells)} code cells were run"
        raise NotebookFailed(f"{notebook.name} did not get to its end ({how_far}). {reason}\nSee {output}")
    html = output.with_suffix(".html")
    export_html(output, html, title=title)
    return NotebookRun(output, html, results_of(executed))


def _saves_once() -> type[NBClientEngine]:
    """What runs a notebook as papermill does, and writes it when it is over: papermill would write it twice a cell."""
    from papermill.engines import NBClientEngine

    class SavesOnce(NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
            """Run the cells; whatever comes of it, papermill saves it then."""
            output, nb_man.output_path = nb_man.output_path, None
            try:
                super().execute_managed_notebook(nb_man, kernel_name, **options)
            finally:
                nb_man.output_path = output

    return SavesOnce


def _this_python(environment: Mapping[str, str]) -> type[AsyncKernelManager]:
    """What starts the kernel of the running interpreter, whatever the user or the machine has registered as "python3".

    Args:
        environment: Variables that the kernel gets beside those of this process.
    """

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            """The kernel that ipykernel of this environment describes."""
            from ipykernel.kernelspec import get_kernel_dict

            described = get_kernel_dict()
            # A dollar sign would begin the name of another variable.
            given = {WRITTEN_ELSEWHERE: "1"} | {name: value.replace("$", "$$") for name, value in environment.items()}
            return KernelSpec(**{**described, "env": {**described.get("env", {}), **given}})

    return ThisPython


def _refuse_unknown(notebook: Path, parameters: Mapping[str, Any]) -> None:
    from papermill.inspection import inspect_notebook

    known = [*inspect_notebook(_verbatim(notebook)), *knobs_of(parameters).rows()]
    problems = [unknown_name("parameter", name, known) for name in parameters if name not in known]
    if problems:
        raise BadInput(f"parameters of {notebook.name}", problems)


def _verbatim(path: Path) -> str:
    """A path as papermill takes it, which formats paths with the parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")
