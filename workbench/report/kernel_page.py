"""The report of a notebook that runs by itself: with papermill's own command, or by hand in JupyterLab.

A notebook cannot export the file that it is in: it is not told where that is, and the last cell is not saved yet. So
what its cells display is kept as they display it, and the last cell writes the same HTML page that `workbench run`
writes. Every figure brings a still picture, which `jupyter nbconvert` and previews show.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from workbench.explain.figures.still import show_stills
from workbench.files import notebooks_dir
from workbench.report.html import export_html
from workbench.report.outcome import fresh_name

#: Set in the kernel of a notebook that a command has started, which writes the page itself.
WRITTEN_ELSEWHERE = "WORKBENCH_WRITES_PAGE"

_outputs: dict[int, list[dict[str, Any]]] = defaultdict(list)


def record_outputs() -> None:
    """Keep what the cells of this notebook display from now on; and let every figure bring its still picture."""
    show_stills()
    shell = _shell()
    if shell is None or WRITTEN_ELSEWHERE in os.environ or not hasattr(shell.display_pub, "register_hook"):
        return

    def keep(message: dict[str, Any]) -> dict[str, Any]:
        content = message.get("content", {})
        if message.get("msg_type") == "clear_output":
            _outputs.pop(shell.execution_count, None)
        elif "data" in content:
            _outputs[shell.execution_count].append(content)
        return message

    shell.display_pub.register_hook(keep)


def leave_page(name: str, results: Path, *, title: str) -> None:
    """Write the page of this notebook, as far as it has come, and say where it is.

    Args:
        name: Of the notebook: ``"profile"``.
        results: Folder for the results.
        title: Title of the page.
    """
    shell = _shell()
    if shell is None or WRITTEN_ELSEWHERE in os.environ:
        return
    import nbformat

    notebook = nbformat.read(notebooks_dir() / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    run = {source.strip(): count for count, source in enumerate(shell.user_ns["In"])}  # the last time that each was run
    for cell in notebook.cells:
        if cell.cell_type == "code" and (count := run.get(cell.source.strip())):
            cell.execution_count = count
            cell.outputs = [_output(content) for content in _outputs[count]]
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / f"{name}.ipynb"
        nbformat.write(notebook, executed)  # type: ignore[no-untyped-call]
        html = export_html(executed, results / f"{fresh_name(name)}.html", title=title)
    print(f"Report: {html}")


def _output(content: dict[str, Any]) -> Any:
    """What was displayed, as a cell of a notebook holds it."""
    import nbformat

    plain = {"data": content["data"], "metadata": content.get("metadata", {})}
    return nbformat.v4.new_output("display_data", **plain)  # type: ignore[no-untyped-call]


def _shell() -> Any:
    """The IPython of this process; None outside of one."""
    from IPython import get_ipython

    return get_ipython()
