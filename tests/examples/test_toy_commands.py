"""The toy workload goes through every command, in its own words: images, and nothing of pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import pytest

from workbench import cli
from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.launcher import run_trial
from workbench.panel.workbench_panel import Workbench
from workbench.records.run_folder import read_comparison, read_record
from workbench.report.self_test import KNOBS, largest_stage

pytestmark = pytest.mark.real

TOY = "examples.toy_workload:Toy"

#: A trial that is over soon.
QUICK = (
    "num_images=24", "image_side=16", "batch_size=4", "num_workers=1", "num_steps=6", "warmup_steps=1",
    "device=replay", "replay_ms_per_sample=0.5", "isolated_samples=4",
)  # fmt: skip

Invoke = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(autouse=True)
def _found_by_trials(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(checkout))


@pytest.fixture
def invoke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], checkout: Path, reports: Path
) -> Invoke:
    """Runs the command in the checkout; gives its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(checkout)
        monkeypatch.setattr(sys, "argv", ["workbench", *arguments, "--out", str(reports)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        written = capsys.readouterr()
        assert "Traceback" not in written.err
        return int(end.value.code or 0), written.out

    return run


def toy(*settings: str) -> list[str]:
    return [part for setting in (f"workload={TOY}", *QUICK, *settings) for part in ("-p", setting)]


def the_page(printed: str) -> str:
    path = next(line.removeprefix("Report: ") for line in printed.splitlines() if line.startswith("Report: "))
    return Path(path).read_text(encoding="utf-8")


def test_one_run_is_measured_explained_and_predicted(invoke: Invoke) -> None:
    code, printed = invoke("run", *toy())
    assert code == 0, printed
    assert "images/s (on a simulated device)" in printed
    assert "Diagnosis: " in printed
    page = the_page(printed)
    for text in ("draw", "normalize", "per image", "keep_images"):
        assert text in page
    assert "pages/s" not in page

    code, printed = invoke("whatif", "last")
    assert code == 0
    assert "per image" in printed
    assert "keep_images=true" in printed

    code, printed = invoke("whatif", "last", "draw x0.5", "keep_images=true", "num_workers=2")
    assert code == 0, printed
    assert "draw x0.5" in printed and "keep_images=true" in printed


def test_variants_are_compared_and_their_samples_checked(invoke: Invoke) -> None:
    variant = ("--variant", "kept: keep_images=true")
    code, printed = invoke("compare", *toy(), *variant, "--blocks", "1", "--whole-trials")
    assert code == 0, printed
    folder = next(line.removeprefix("Comparison: ") for line in printed.splitlines() if line.startswith("Comparison: "))
    comparison = read_comparison(Path(folder))
    (kept,) = comparison.others
    assert comparison.item == "image"
    assert kept.checks is not None and kept.checks.status == "same", kept.checks
    assert kept.predicted is not None and kept.predicted.settings == {"keep_images": True}
    page = the_page(printed)
    assert "images/s" in page
    assert "pages/s" not in page


def test_a_knocked_out_stage_is_a_variant_too(invoke: Invoke, reports: Path) -> None:
    code, printed = invoke("check", "--against", "knock_out=draw", *toy(), "--blocks", "1")
    assert code == 3, printed  # one block cannot tell
    assert "Cannot tell" in printed
    assert "images/s" in printed
    assert any(read_record(folder).knobs.knock_out == ("draw",) for folder in (reports / "runs").glob("*/"))


def test_the_history_has_its_runs(invoke: Invoke) -> None:
    code, printed = invoke("history")
    assert code == 0
    assert "images/s" in printed
    assert "num_images=24" in printed


def test_the_self_test_slows_a_stage_of_its_own(tmp_path: Path) -> None:
    knobs = parse_knobs({**KNOBS, "workload": TOY, "num_images": 24, "image_side": 16})
    assert largest_stage(run_trial(knobs, tmp_path)) == "draw"


def test_the_lab_has_its_knobs(tmp_path: Path) -> None:
    lab = Workbench(tmp_path, parse_knobs({"workload": TOY}))

    def texts(widget: widgets.Widget) -> list[str]:
        found = [str(getattr(widget, name, "")) for name in ("description", "value", "tooltip")]
        return found + [text for child in getattr(widget, "children", ()) for text in texts(child)]

    shown = "\n".join(texts(lab.widget))
    lab.close()
    assert "keep_images" in shown
    assert "image_decoder" not in shown
