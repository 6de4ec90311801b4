"""A notebook that is open in a browser, and what a person does with the panel in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from promise.lab_server import KERNEL_IS_IDLE, RUN_ALL, lab_server

#: Pages of a panel test: a run takes about as long as its imports, and its steps as long as the replay device says.
QUICK = {
    "num_pages": 8, "batch_size": 2, "num_workers": 2, "num_steps": 40, "image_size": 160, "device": "replay",
    "replay_ms_per_sample": 20.0, "checked_samples": 2, "isolated_samples": 4,
}  # fmt: skip

_PATIENCE_MS = 180_000


class LabPage:
    """The panel of explore.ipynb.

    Attributes:
        page: The browser's page.
        requests: What it asked of anybody but this machine.
        errors: What went wrong in it.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(_PATIENCE_MS)
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")):
            self.requests.append(request.url)

    def open(self, address: str) -> float:
        """Open a notebook, run all of it, and wait for the panel; gives the seconds from running to the panel."""
        self.page.goto(address)
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function(KERNEL_IS_IDLE)
        begin = time.perf_counter()
        self.page.evaluate(RUN_ALL)
        self.page.wait_for_selector(".wb .wb-run")
        took_s = time.perf_counter() - begin
        self.page.evaluate("document.querySelector('.wb').scrollIntoView()")
        return took_s

    def press(self, name: str) -> None:
        """Press a button of the panel."""
        self.page.locator(".wb").get_by_role("button", name=name, exact=True).first.click()

    def tab(self, name: str) -> None:
        """Turn to a tab of the panel."""
        self.page.locator(".wb").get_by_role("tab", name=name, exact=True).click()

    def fold(self, group: str) -> None:
        """Unfold a group of knobs, or fold it again."""
        self.page.locator(".wb .jupyter-widget-Collapse-header:visible", has_text=group).click()

    def write(self, knob: str, value: str) -> None:
        """Write the value of a knob that is in sight; nothing is its default."""
        field = self.page.locator(f".wb .widget-text:has(label:text-is('{knob}')) input:visible").first
        field.fill(value)
        field.press("Enter")

    def until(self, condition: str) -> None:
        """Wait for a condition in JavaScript, where `text` is all that the panel says and `cards` are its cards."""
        given = (
            "const panel = document.querySelector('.wb'), text = panel.innerText,"
            " cards = [...panel.querySelectorAll('.wb-card')].filter(card => card.offsetParent);"
        )
        self.page.wait_for_function(f"() => {{ {given} return {condition}; }}")

    def compare_newest_two(self) -> None:
        """Tick the two runs on top, and compare them in as few blocks as can be."""
        for number in (0, 1):
            self.page.locator(".wb .wb-card input[type=checkbox]").nth(number).check()
        self.tab("Compare")
        self.until("text.includes('2 variants are ticked')")
        self.page.locator(".wb .noUi-handle:visible").nth(1).press("Home")
        self.press("Compare")

    def figure(self) -> str:
        """The data of the figure in front, as text."""
        return str(
            self.page.evaluate(
                "() => JSON.stringify([...document.querySelectorAll('.wb .js-plotly-plot')]"
                ".filter(d => d.offsetParent).map(d => d.data.map(t => [t.name, t.x])))"
            )
        )

    def run_in_kernel(self, code: str) -> str:
        """What the kernel answers to a line of code."""
        return str(
            self.page.evaluate(
                "code => new Promise(done => { const k = window.jupyterapp.shell.currentWidget.sessionContext.session"
                ".kernel; const asked = k.requestExecute({code}); let text = ''; asked.onIOPub = m => { text +="
                " m.content?.data?.['text/plain'] ?? ''; }; asked.done.then(() => done(text)); })",
                code,
            )
        )

    def screenshot(self, path: Path) -> None:
        """Write what is seen into a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)


@contextmanager
def served_lab(
    checkout: Path, folder: Path, *, app: str = "jupyterlab", copies: int = 1, **knobs: Any
) -> Iterator[str]:
    """A server with explore.ipynb in its folder, set to these knobs; gives the address.

    Args:
        checkout: Where the notebook lies.
        folder: For the server, the notebook and the results.
        app: The module to start.
        copies: Number of notebooks, each with a kernel of its own: `explore.ipynb`, `explore-1.ipynb`, ...
        knobs: Parameters, set in a cell after the notebook's own.
    """
    notebook = nbformat.read(checkout / "notebooks" / "explore.ipynb", as_version=4)
    values = {**QUICK, "reports": str(folder / "reports"), **knobs}
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    notebook.cells.insert(2, nbformat.v4.new_code_cell("\n".join(lines)))
    (folder / "notebooks").mkdir(parents=True)
    for number in range(copies):
        name = f"explore-{number}.ipynb" if number else "explore.ipynb"
        nbformat.write(notebook, folder / "notebooks" / name)
    with lab_server(folder / "server", folder / "notebooks", app=app) as address:
        yield address
