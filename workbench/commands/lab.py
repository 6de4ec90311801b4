"""`workbench lab`: the notebooks in JupyterLab."""

from __future__ import annotations

import typer


def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab, which takes all further options (--port 9999, --no-browser, --allow-root)."""
    import subprocess
    import sys

    from workbench.locations import notebooks_dir

    root = f"--ServerApp.root_dir={notebooks_dir()}"
    raise typer.Exit(subprocess.call([sys.executable, "-m", "jupyterlab", root, *context.args]))
