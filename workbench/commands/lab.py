"""`workbench lab`: the notebooks in JupyterLab, with the panel in front."""

from __future__ import annotations

import typer

FIRST = "explore.ipynb"


def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab, explore.ipynb first. All further options go to JupyterLab (--port 9999)."""
    import subprocess
    import sys

    from workbench.files import child_environment, import_path, notebooks_dir

    named = [argument for argument in context.args if argument.endswith(".ipynb")]
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks_dir()}"]
    if not named:
        command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    # Kernels run in the folder of the notebooks; a workload of one's own lies in the folder where this is typed.
    environment = child_environment({"PYTHONPATH": import_path()})
    raise typer.Exit(subprocess.call([*command, *context.args], env=environment))
