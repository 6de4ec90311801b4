"""The lab: how quick the panel is, in a real JupyterLab in a real browser, and whether the kernel's memory stays.

Every figure but the last is what a person at the screen waits for: from the key or the click to what is then seen.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from promise.figure import Figure, main
from promise.lab_page import LabPage, served_lab

from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import RECORD, SPANS, read_spans, write_json

CHECKOUT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

READY_S, KNOB_S, REDRAW_S, CANCEL_S = 3.0, 0.1, 1.0, 1.0
NUM_SPANS = 100_000
NUM_RUNS = 50
WARM_UP_RUNS = 10
GROWTH_MB = 5.0

PROMISED = (
    ("panel ready", "s", READY_S),
    ("knob change answered", "s", KNOB_S),
    ("stored run drawn", "s", REDRAW_S),
    ("cancel to idle", "s", CANCEL_S),
    ("kernel memory, growth", "MB", GROWTH_MB),
)

#: Milliseconds from a click until the page shows what it leads to.
_CLICK_TO = """([selector, text, shown]) => new Promise((done, fail) => {
    const panel = document.querySelector('.wb');
    const button = [...panel.querySelectorAll(selector)].find(b => b.innerText.trim() === text);
    const begin = performance.now();
    const poll = () => {
        if (Boolean(eval(shown))) return done(performance.now() - begin);
        if (performance.now() - begin > 30000) return fail(new Error('never: ' + shown));
        requestAnimationFrame(poll);
    };
    button.click();
    requestAnimationFrame(poll);
})"""

_DRAWN = (
    "[...document.querySelectorAll('.wb .js-plotly-plot')].some(d => d.offsetParent && d.querySelector('.main-svg') &&"
    " (d.layout?.title?.text ?? '').includes({0!r}))"
)


def measure() -> list[Figure]:
    """All figures."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        why = "there is no Chromium or Chrome here"
        return [Figure(name, None, unit, f"<= {goal}", False, detail=why) for name, unit, goal in PROMISED]
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        leave_long_run(folder / "reports" / "runs")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        with served_lab(CHECKOUT, folder, copies=4) as address:

            def page() -> Any:
                return browser.new_context(viewport={"width": 1400, "height": 900}).new_page()

            figures = [ready(page, address, count=3)]
            lab = LabPage(page())
            lab.open(f"{address}/lab/tree/explore.ipynb?reset")
            figures += [knob(lab), *redraw(lab), cancel(lab), memory(lab)]
        browser.close()
    return figures


def leave_long_run(runs: Path) -> Record:
    """A run with `NUM_SPANS` spans: those of a short run, repeated one after the other in time."""
    record = run_trial(parse_knobs({"num_pages": 24, "batch_size": 4, "num_workers": 2, "device": "replay"}), runs)
    assert record.failure is None, record.failure
    spans = read_spans(runs / record.run_id)
    length_ns = int(spans["end_ns"].max() - spans["begin_ns"].min())
    batches = int(spans["batch"].max()) + 1
    copies = []
    for number in range(-(-NUM_SPANS // len(spans))):
        copy = spans.copy()
        copy[["begin_ns", "end_ns"]] += number * length_ns
        copy.loc[copy["batch"] >= 0, "batch"] += number * batches
        copies.append(copy)
    pd.concat(copies, ignore_index=True).iloc[:NUM_SPANS].to_parquet(runs / record.run_id / SPANS)
    write_json(runs / record.run_id / RECORD, record)
    return record


def timed(name: str, goal_s: float, values_s: list[float], detail: str) -> Figure:
    """A figure that holds for the slowest of several; the interval is from the quickest to the slowest."""
    print(f"{name}: {', '.join(f'{value:.3f}' for value in values_s)}", file=sys.stderr)
    worst = max(values_s)
    return Figure(name, worst, "s", f"<= {goal_s}", worst <= goal_s, (min(values_s), worst), detail)


def ready(page: Callable[[], Any], address: str, count: int) -> Figure:
    """From *Run All* in a fresh kernel until the panel is there."""
    values = []
    for number in range(1, count + 1):
        lab = LabPage(page())
        values.append(lab.open(f"{address}/lab/tree/explore-{number}.ipynb?reset"))
        lab.page.context.close()
    return timed("panel ready", READY_S, values, f"slowest of {count} fresh kernels, with all imports of the notebook")


def knob(lab: LabPage) -> Figure:
    """From a click on a knob until the page shows what it means: which knobs are inactive now."""
    values = []
    shown = "panel.textContent.includes('no page is decoded in the counted steps')"
    for _ in range(20):
        for text, condition in (("decoded", shown), ("none", f"!{shown}")):
            arguments = [".widget-toggle-button", text, condition]
            values.append(lab.page.evaluate(_CLICK_TO, arguments) / 1e3)
    return timed("knob change answered", KNOB_S, values, f"slowest of {len(values)} changes of the cache")


def redraw(lab: LabPage) -> list[Figure]:
    """From the click on a tab until its figures are drawn for the first time, of a run with many spans."""
    figures = []
    lab.until("panel.querySelector('.wb-shown')")
    lab.until(_DRAWN.format("time"))
    for tab, title in (("Timeline", "the main process waits for"), ("Steps", "takes most")):
        begin = time.perf_counter()
        lab.tab(tab)
        lab.page.wait_for_function(f"() => {_DRAWN.format(title)}")
        detail = f"tab '{tab}' of a run with {NUM_SPANS} spans, its spans read from the disk"
        figures.append(timed(f"stored run drawn ({tab.lower()})", REDRAW_S, [time.perf_counter() - begin], detail))
    return figures


def cancel(lab: LabPage) -> Figure:
    """From the click on Cancel until the panel says that the run has ended, in several phases of a run."""
    values = []
    for phase in ("imports", "warmup", "steady"):
        lab.press("Run")
        lab.until(f"panel.querySelector('.wb-phases b')?.innerText === '{phase}'")
        idle = "panel.innerText.includes('Cancelled in phase')"
        values.append(lab.page.evaluate(_CLICK_TO, [".jupyter-button", "Cancel", idle]) / 1e3)
    return timed("cancel to idle", CANCEL_S, values, "slowest of three: in phase imports, warmup and steady")


def memory(lab: LabPage) -> Figure:
    """Growth of the kernel's memory over many runs, after a few in which everything is loaded."""
    lab.run_in_kernel(
        "import gc, psutil\ndef _run(count):\n    for _ in range(count):\n        workbench.run({'num_steps': 2,"
        " 'num_workers': 0, 'replay_ms_per_sample': 0.1})\n        workbench.queue.wait_until_idle(60)\n"
        "        workbench.look.wait_until_drawn(60)\n    gc.collect()\n"
        "    return psutil.Process().memory_full_info().uss / 1e6"
    )
    before = float(lab.run_in_kernel(f"_run({WARM_UP_RUNS})"))
    after = float(lab.run_in_kernel(f"_run({NUM_RUNS - WARM_UP_RUNS})"))
    print(f"kernel memory: {before:.1f} MB after {WARM_UP_RUNS} runs, {after:.1f} MB after {NUM_RUNS}", file=sys.stderr)
    growth = after - before
    detail = f"memory of the kernel (USS): {before:.0f} MB after {WARM_UP_RUNS} runs, {after:.0f} MB after {NUM_RUNS}"
    return Figure("kernel memory, growth", growth, "MB", f"<= {GROWTH_MB}", growth <= GROWTH_MB, detail=detail)


if __name__ == "__main__":
    main(__doc__, measure)
