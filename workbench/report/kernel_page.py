"""The report of a notebook that runs by itself: with papermill's own command, or by hand in JupyterLab.

A notebook cannot export the file that it is in: it is not told where that is, and the last cell is not saved yet. So
what its cells display is kept as they display it, and the last cell writes the same HTML page that `workbench run`
writes. Every figure brings a still picture, which `jupyter nbconvert` and previews show.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from workbench.explain.figures.still import show_stills
from workbench.files import notebooks_dir
from workbench.report.html import export_html
from workbench.report.outcome import fresh_name
from workbench.visible import say

#: Set in the kernel of a notebook that a command has started, which writes the page itself.
WRITTEN_ELSEWHERE = "WORKBENCH_WRITES_PAGE"


class _Displayed:
    """What the cells of a notebook have displayed, each in its latest run, in the order in which they ran first.

    A cell is known by its id, which JupyterLab sends with it; papermill sends none, and then by its source.
    """

    def __init__(self, shell: Any) -> None:
        self._cells: dict[str, list[Any]] = {}
        self._current: list[Any] = []
        self._begin(shell.user_ns["In"][-1], None)
        shell.events.register("pre_run_cell", lambda info: self._begin(info.raw_cell, info.cell_id))
        shell.display_pub.register_hook(self._keep)

    def put_into(self, cells: list[Any]) -> None:
        """Put what was displayed into the code cells of the committed notebook.

        What a changed cell has displayed goes into the one whose place it has; what a further cell has, to the one
        before it.
        """
        known = {name: at for at, cell in enumerate(cells) for name in (cell.get("id"), cell.source.strip())}
        filled = {known[name] for name in self._cells if name in known}
        place = 0
        for name, outputs in self._cells.items():
            is_changed = name not in known and place + 1 < len(cells) and place + 1 not in filled
            place = known.get(name, place + is_changed)
            cells[place].outputs = [*cells[place].outputs, *outputs]

    def _begin(self, source: str, cell_id: str | None) -> None:
        self._current = self._cells[cell_id or source.strip()] = []

    def _keep(self, message: dict[str, Any]) -> dict[str, Any]:
        import nbformat

        content = message.get("content", {})
        if message.get("msg_type") == "clear_output":
            self._current.clear()
        elif message.get("msg_type") == "display_data":
            shown = {"data": content["data"], "metadata": content.get("metadata", {})}
            self._current.append(nbformat.v4.new_output("display_data", **shown))  # type: ignore[no-untyped-call]
        return message


_displayed: _Displayed | None = None


def record_outputs() -> None:
    """Keep what the cells of this notebook display from now on; and let every figure bring its still picture."""
    global _displayed
    show_stills()
    shell = _shell()
    # A notebook may be run again in the same kernel; and IPython of a terminal has nothing to hook into.
    if _displayed is None and shell is not None and hasattr(shell.display_pub, "register_hook"):
        _displayed = _Displayed(shell)


def leave_page(name: str, results: Path, *, title: str) -> None:
    """Write the page of this notebook, as far as it has come, and say where it is.

    Nothing is written where the command that has started this notebook writes the page itself.

    Args:
        name: Of the notebook: ``"profile"``.
        results: Folder for the results.
        title: Title of the page.

    Raises:
        ExportFailed: Where the page would not be whole.
    """
    if _displayed is None or WRITTEN_ELSEWHERE in os.environ:
        return
    import nbformat

    notebook = nbformat.read(notebooks_dir() / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    _displayed.put_into([cell for cell in notebook.cells if cell.cell_type == "code"])
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / f"{name}.ipynb"
        nbformat.write(notebook, executed)  # type: ignore[no-untyped-call]
        html = export_html(executed, results / f"{fresh_name(name)}.html", title=title)
    say(f"Report: {html}")


def _shell() -> Any:
    """The IPython of this process; None outside of one."""
    from IPython import get_ipython

    return get_ipython()
