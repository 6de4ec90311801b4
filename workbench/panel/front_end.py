"""Whether whoever shows the notebook can show the panel; where not, why."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

#: Set by a Jupyter server for the kernels of its notebooks; papermill sets none.
_SESSION = "JPY_SESSION_NAME"


@dataclass(frozen=True)
class FrontEnd:
    """What shows the notebook.

    Attributes:
        shows_panel: Whether the panel can be used in it.
        told: Why not; empty where it can.
    """

    shows_panel: bool
    told: str = ""


def find_front_end(
    interactive: bool,
    variables: Mapping[str, object],
    *,
    environment: Mapping[str, str] | None = None,
    modules: Mapping[str, object] | None = None,
) -> FrontEnd:
    """Look for signs of the front end.

    JupyterLab and Notebook 7 show the panel; a Jupyter server names its session to the kernel. VS Code and Colab bring
    widgets of their own, in which figures inside the panel stay empty. There, and in a headless run, figures are shown
    instead.

    Args:
        interactive: The notebook's parameter: False in a headless run.
        variables: The notebook's ``globals()``: VS Code leaves a sign there.
        environment: By default that of the process.
        modules: By default those that are imported.
    """
    environment = os.environ if environment is None else environment
    modules = sys.modules if modules is None else modules
    open_lab = "The panel opens in JupyterLab: workbench lab. Here are the figures of a run."
    if not interactive:
        return FrontEnd(False, "A headless run: figures instead of the panel.")
    if "google.colab" in modules or "COLAB_RELEASE_TAG" in environment:
        return FrontEnd(False, f"This is Colab. {open_lab}")
    if "__vsc_ipynb_file__" in variables or "VSCODE_PID" in environment:
        return FrontEnd(False, f"This is VS Code. {open_lab}")
    if not _is_kernel(modules) or _SESSION not in environment:
        return FrontEnd(False, f"There is no notebook around this. {open_lab}")
    return FrontEnd(True)


def _is_kernel(modules: Mapping[str, object]) -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None  # type: ignore[attr-defined]
    return getattr(shell, "kernel", None) is not None
