"""`workbench lab`: the notebooks in JupyterLab, with the panel in front."""

from __future__ import annotations

from collections.abc import Sequence

import typer

#: The notebook that opens where none is named.
FIRST = "explore.ipynb"


def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab, explore.ipynb first.

    All further options go to JupyterLab.

    Example: workbench lab --port 9999
    """
    import subprocess

    from workbench.files import child_environment, import_path

    # Kernels run in the folder of the notebooks; a workload of one's own lies in the folder where this is typed.
    environment = child_environment({"PYTHONPATH": import_path()})
    raise typer.Exit(subprocess.call(_command(context.args), env=environment))


def _command(arguments: Sequence[str]) -> list[str]:
    """JupyterLab in the folder of the notebooks."""
    import sys

    from workbench.files import notebooks_dir

    names_a_notebook = any(argument.endswith(".ipynb") for argument in arguments)
    first = [] if names_a_notebook else [f"--LabApp.default_url=/lab/tree/{FIRST}"]
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks_dir()}", *first, *arguments]
