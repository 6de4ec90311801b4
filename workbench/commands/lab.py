"""`workbench lab`: the notebooks in JupyterLab, with the panel in front."""

from __future__ import annotations

from collections.abc import Sequence

import typer

#: The notebook that opens where none is named.
FIRST = "explore.ipynb"

#: Options by which somebody says that others may reach it.
_OPENS = ("--ip", "--ServerApp.ip", "--LabApp.ip")


def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab, explore.ipynb first.

    All further options go to JupyterLab. It listens on this machine alone, whatever its own settings say, unless --ip
    is given; it asks for its token, and a notebook runs the code in it: open those that you trust.

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
    closed = [] if any(argument.startswith(_OPENS) for argument in arguments) else ["--ServerApp.ip=localhost"]
    # On the command line, for what is said there goes before a user's settings, which may be those of another machine.
    closed.append("--ServerApp.disable_check_xsrf=False")
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks_dir()}", *closed, *first, *arguments]
