"""Faults of the lab while a trial runs from the panel: its page goes, or kernel or server is killed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from promise.fault import Fault
from promise.lab_page import LabPage, served_lab
from promise.lab_server import KERNEL_IS_IDLE, RUN_ALL
from promise.left_over import Watch, watched_here

from workbench.records.run_folder import EVENTS, list_runs, read_record

_CHECKOUT = Path(__file__).parents[2]
_WITHIN_S, _POLL_S = 120.0, 0.1

#: Longer than it takes to load a page again.
_STEPS = 400

#: Does it while the trial counts steps, and gives what was not survived.
Act = Callable[[LabPage, Watch, Path], Iterator[str]]


def plant_in_lab(folder: Path, act: Act) -> list[str]:
    """Run a trial from the panel in a browser, and do something to one of the three.

    Args:
        folder: An empty folder.
        act: What is done.

    Returns:
        Every way in which it was not survived.
    """
    if shutil.which("chromium") is None:
        return ["not taken: there is no Chromium"]
    with _browser_page() as page, watched_here(folder) as watch:
        with served_lab(_CHECKOUT, folder / "lab", num_steps=_STEPS) as address:
            panel = LabPage(page)
            panel.open(f"{address}/lab/tree/explore.ipynb")
            panel.press("Run")
            reports = folder / "lab" / "reports"
            if not _comes(lambda: any('"phase":"steady"' in path.read_text() for path in _events(reports))):
                return ["no step was counted"]
            lost = list(act(panel, watch, reports))
        return [*lost, *watch.left()]


def _load_again(panel: LabPage, watch: Watch, reports: Path) -> Iterator[str]:
    before = _kernels(watch)
    panel.page.reload()
    yield from _ended_well(reports)
    panel.page.wait_for_function(KERNEL_IS_IDLE)
    if panel.run_in_kernel("1 + 1") != "2" or _kernels(watch) != before:
        yield "its kernel is not the one that it was"
    panel.page.evaluate(RUN_ALL)  # a page keeps no output of a notebook that was not saved
    panel.page.wait_for_selector(".wb .wb-run")
    panel.until("cards.length === 1")


def _close(panel: LabPage, watch: Watch, reports: Path) -> Iterator[str]:
    panel.page.close()
    yield from _ended_well(reports)


def _kill_kernel(panel: LabPage, watch: Watch, reports: Path) -> Iterator[str]:
    before = _kernels(watch)
    _kill(watch, "ipykernel")
    if not _comes(lambda: not _trials(watch)):
        yield "the trial goes on without its kernel"
    if not _comes(lambda: bool(_kernels(watch) - before)):
        yield "the lab starts no other kernel"
    yield from _nothing_ended_well(reports)


def _kill_server(panel: LabPage, watch: Watch, reports: Path) -> Iterator[str]:
    _kill(watch, "jupyterlab")
    if not _comes(lambda: not _trials(watch)):
        yield "the trial goes on without the lab"
    yield from _nothing_ended_well(reports)


def _ended_well(reports: Path) -> Iterator[str]:
    if not _comes(lambda: any(folder.joinpath("record.json").is_file() for folder in list_runs(reports / "runs"))):
        yield "the trial does not end"
    for record in map(read_record, list_runs(reports / "runs")):
        if record.failure or record.steady is None or record.steady.num_steps != _STEPS:
            yield f"it is not what was asked for: {record.failure or record.steady}"


def _nothing_ended_well(reports: Path) -> Iterator[str]:
    for record in map(read_record, list_runs(reports / "runs")):
        if record.failure is None:
            yield f"{record.run_id}: a record says that all went well"


def _events(reports: Path) -> list[Path]:
    return list(reports.glob(f"runs/*/{EVENTS}"))


def _kernels(watch: Watch) -> set[int]:
    return {process.pid for process in watch.processes() if "ipykernel_launcher" in process.cmdline()}


def _trials(watch: Watch) -> list[int]:
    return [process.pid for process in watch.processes() if "workbench.measure.trial.worker" in process.cmdline()]


def _kill(watch: Watch, module: str) -> None:
    next(process for process in watch.processes() if any(module in word for word in process.cmdline())).kill()


def _comes(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + _WITHIN_S
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


@contextmanager
def _browser_page() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield browser.new_page()
        finally:
            browser.close()


def _faults() -> Iterator[Fault]:
    acts = {
        "page loaded again": _load_again,
        "page closed": _close,
        "kernel killed": _kill_kernel,
        "lab killed": _kill_server,
    }
    for name, act in acts.items():
        yield Fault(name, "lab", "steady", partial(plant_in_lab, act=act))


FAULTS: tuple[Fault, ...] = tuple(_faults())
