"""The page of a notebook that runs by itself holds what each cell displayed last, where that cell stands."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workbench.report import kernel_page


class Kernel:
    """An IPython that runs what it is given, as far as a page can tell."""

    def __init__(self) -> None:
        self.user_ns = {"In": ["", "import", "record_outputs()"]}
        self.begun = self.hooks = ()
        self.events = SimpleNamespace(register=lambda event, call: self.add("begun", call))
        self.display_pub = SimpleNamespace(register_hook=lambda hook: self.add("hooks", hook))

    def add(self, name: str, call) -> None:
        setattr(self, name, (*getattr(self, name), call))

    def run(self, cell, *texts: str, with_id: bool = False, source: str = "") -> None:
        for begin in self.begun:
            begin(SimpleNamespace(raw_cell=source or cell.source, cell_id=cell.id if with_id else None))
        for text in texts:
            self.send("display_data", {"data": {"text/plain": text}, "metadata": {}})

    def send(self, kind: str, content: dict) -> None:
        for hook in self.hooks:
            hook({"msg_type": kind, "content": content})


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A committed notebook: two sections with a cell each."""
    cells = [
        new_code_cell("import"), new_code_cell("record_outputs()"),
        new_markdown_cell("## One"), new_code_cell("show(1)\n"),
        new_markdown_cell("## Two"), new_code_cell("show(2)"),
    ]  # fmt: skip
    content = new_notebook(cells=cells)
    nbformat.write(content, tmp_path / "small.ipynb")
    monkeypatch.setattr(kernel_page, "notebooks_dir", lambda: tmp_path)
    return content


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    started = Kernel()
    monkeypatch.setattr(kernel_page, "_shell", lambda: started)
    monkeypatch.setattr(kernel_page, "_displayed", None)
    monkeypatch.setattr(kernel_page, "show_stills", lambda: None)
    monkeypatch.delenv(kernel_page.WRITTEN_ELSEWHERE, raising=False)
    kernel_page.record_outputs()
    return started


def page(folder: Path, capsys) -> str:
    kernel_page.leave_page("small", folder, title="Small")
    said = capsys.readouterr().out
    assert said.startswith("Report: ")
    return Path(said.removeprefix("Report: ").strip()).read_text(encoding="utf-8")


def order(text: str, *parts: str) -> list[str]:
    body = text.partition("<main")[2]
    return sorted(parts, key=lambda part: body.index(part))


def test_what_a_cell_displayed_stands_below_its_heading(kernel, notebook, tmp_path, capsys):
    one, two = notebook.cells[3], notebook.cells[5]
    kernel.run(one, "shown by one", "and more")
    kernel.run(two, "shown by two")
    parts = (">One</h2>", "shown by one", "and more", ">Two</h2>", "shown by two")
    assert order(page(tmp_path, capsys), *parts) == list(parts)


def test_a_notebook_that_is_run_again_shows_what_came_last(kernel, notebook, tmp_path, capsys):
    one, two = notebook.cells[3], notebook.cells[5]
    kernel.run(one, "shown at first")
    kernel_page.record_outputs()
    kernel.run(one, "shown at last")
    kernel.run(two, "progress")
    kernel.send("clear_output", {"wait": False})
    kernel.run(two)
    text = page(tmp_path, capsys)
    assert text.count("shown at last") == 1
    assert "shown at first" not in text and "progress" not in text
    assert "Two" not in text, "nothing stands there"


@pytest.mark.parametrize("with_id", [True, False], ids=["in JupyterLab", "under papermill"])
def test_a_cell_that_somebody_has_changed_keeps_its_place(kernel, notebook, tmp_path, capsys, with_id):
    one, two = notebook.cells[3], notebook.cells[5]
    kernel.run(one, "shown by one", with_id=with_id)
    kernel.run(two, "shown by the change", with_id=with_id, source="show(3)")
    kernel.run(new_code_cell("show(4)"), "shown by a further cell", with_id=with_id)
    parts = (">One</h2>", "shown by one", ">Two</h2>", "shown by the change", "shown by a further cell")
    assert order(page(tmp_path, capsys), *parts) == list(parts)


def test_nothing_is_written_where_the_command_writes_the_page(kernel, notebook, tmp_path, monkeypatch, capsys):
    kernel.run(notebook.cells[3], "shown")
    monkeypatch.setenv(kernel_page.WRITTEN_ELSEWHERE, "1")
    kernel_page.leave_page("small", tmp_path, title="Small")
    assert capsys.readouterr().out == ""
    assert list(tmp_path.glob("*.html")) == []
