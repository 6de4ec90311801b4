"""TensorBoard, with the plugin for torch traces, shows the run.

The plugin draws its charts with Google's script from the network. A stand-in for that leaves them empty, and all else
as it is.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from workbench.measure.trial.launcher import run_trial
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.browser


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def tensorboard(tmp_path_factory):
    """A running TensorBoard on the trace of a trial."""
    runs = tmp_path_factory.mktemp("runs")
    knobs = OcrKnobs(
        profilers="torch", num_pages=6, batch_size=2, num_steps=5, num_workers=0, device="cpu", encoder="lcnet_050",
        neck="fpn_small", image_size=160, checked_samples=0,
    )  # fmt: skip
    record = run_trial(knobs, runs)
    assert record.failure is None
    folder = (runs / record.run_id / record.profiles["torch trace"]).parent
    port = _free_port()
    command = [str(Path(sys.executable).with_name("tensorboard")), "--logdir", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address, timeout=1).read()
                break
            except OSError:
                assert process.poll() is None, process.stderr.read().decode()[-2000:]
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


_NO_CHARTS = """
const nothing = () => new Proxy(function() {}, {
  get: (target, key) => key === "then" ? undefined : key === Symbol.toPrimitive ? () => "" : nothing(),
  apply: () => nothing(), construct: () => nothing()});
window.google = {charts: {load() {}, setOnLoadCallback: call => call()}, visualization: nothing()};
"""


def test_the_plugin_shows_the_run(tensorboard, browser):
    page = browser.tab()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route(
        "https://www.gstatic.com/**", lambda route: route.fulfill(content_type="text/javascript", body=_NO_CHARTS)
    )
    page.goto(f"{tensorboard}/#pytorch_profiler")
    frame = page.frame_locator("iframe").first
    frame.get_by_text("Step Time Breakdown").first.wait_for(timeout=90_000)
    frame.locator("[role=button], [role=combobox]").filter(has_text="Overview").first.click()
    frame.get_by_role("option", name="Operator").first.click()
    frame.get_by_text("aten::conv2d").first.wait_for(timeout=90_000)
    assert errors == []
    page.context.close()
