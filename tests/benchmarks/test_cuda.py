"""The CUDA benchmark, rehearsed on the CPU: a short real run, and its comparisons with trials that are made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from promise import cuda_trials
from promise.cuda_trials import CudaTrials
from promise.figure import Figure
from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.files import child_environment
from workbench.knobs.knobs import Knobs
from workbench.records import Checks, Comparison, Interval, RankStats, Record, TrainingFacts, VariantResult
from workbench.records.run_folder import read_record, read_spans
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

#: Runs the script as a person does, and then says what it has imported.
_RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, str(__import__("pathlib").Path(sys.argv[0]).parent))
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    print("exit code", ended.code)
torch = sys.modules.get("torch")
print("CUDA is", "used" if torch is not None and torch.cuda.is_initialized() else "not used")
print("imported", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@dataclass
class Rehearsal:
    figures: dict[str, dict[str, Any]]
    output: str
    folder: Path


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Rehearsal:
    folder = tmp_path_factory.mktemp("cuda")
    out = folder / "figures.json"
    script = str(checkout / "benchmarks" / "cuda.py")
    asked = ["--device", "cpu", "--minutes", "9", "--parts", "pages,record,device times,all trials", "--out", str(out)]
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, script, *asked],
        capture_output=True,
        text=True,
        cwd=folder,
        env=child_environment({"PYTHONPATH": str(checkout)}),
        check=False,
    )
    assert out.is_file(), ended.stderr
    figures = {figure["name"]: figure for figure in json.loads(out.read_text())["figures"]}
    return Rehearsal(figures, ended.stdout, folder)


def test_all_that_needs_no_gpu_is_taken(rehearsal: Rehearsal) -> None:
    taken = {name for name, figure in rehearsal.figures.items() if figure["value"] is not None}

    assert taken == {
        "pages",
        *(f"attributed share, {lane} lane, short steps, cpu" for lane in ("main", "worker", "device")),
        "sum of device spans over wall time, short steps, cpu",
        "record kept",
        "spans against torch.profiler, cpu",
        "a planted delay in the spans, cpu",
        "timing a step, time of the host, cpu",
        "timing a step, share of its time, cpu",
        *(f"attributed share, {lane} lane, worst of all trials" for lane in ("main", "worker")),
        "sum of device spans over wall time, worst of all trials",
    }


def test_what_needs_a_gpu_is_left_out_by_name_and_the_exit_code_says_so(rehearsal: Rehearsal) -> None:
    left_out = {name: figure for name, figure in rehearsal.figures.items() if figure["value"] is None}

    assert set(left_out) == {
        "first counted step of a batch size over later ones, short steps, cpu",
        "device memory, short steps, cpu",
    }
    assert all((figure["met"], figure["detail"]) == (False, "it needs CUDA") for figure in left_out.values())
    assert "exit code 1" in rehearsal.output
    assert all(name in rehearsal.output for name in rehearsal.figures)  # the table


def test_a_small_record_is_kept_that_says_nothing_of_this_machines_folders(rehearsal: Rehearsal) -> None:
    folder = rehearsal.folder / "cpu-record"
    record, spans = read_record(folder), read_spans(folder)

    assert record.status == "ok" and record.knobs.dataset == "pages"
    assert {"main", "worker", "device"} <= set(spans["lane"])
    assert str(Path.home()) not in (folder / "record.json").read_text()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 200_000


def test_neither_jupyter_nor_plotly_nor_rich_is_needed(rehearsal: Rehearsal) -> None:
    imported = set(rehearsal.output.rpartition("imported ")[2].split())

    assert "workbench" in imported
    assert not imported & {"plotly", "rich", "IPython", "ipywidgets", "nbformat", "typer", "papermill"}
    assert "CUDA is not used" in rehearsal.output  # no CUDA context where the trials are started


@dataclass
class MadeUp:
    """Launches trials that take no time; `rate` says how fast one with these knobs is.

    Attributes:
        asked: The knobs of all trials.
    """

    rate: Callable[[Knobs], float] = lambda knobs: 100.0
    fails: Callable[[Knobs], bool] = lambda knobs: False
    asked: list[Knobs] = field(default_factory=list)

    def __call__(self, knobs: Knobs, runs: Path, **how: Any) -> Record:
        self.asked.append(knobs)
        name = f"run-{len(self.asked)}"
        (runs / name).mkdir(parents=True)
        if self.fails(knobs):
            return make_failed(name, "nvJPEG is not there")
        stages = ("forward", "loss", "backward", "optimizer") if knobs.mode == "train" else ("forward",)
        rows = [make_stage("device", stage, 0.1) for stage in stages] if knobs.stage_timing else []
        lanes = [make_lane("main", 1.0, 0.99), make_lane("device", 1.0, 0.1 * len(stages))]
        # No two trials are equally fast, or intervals would have no width.
        rate = self.rate(knobs) * (1.0 + 0.0005 * (len(self.asked) % 3))
        record = make_record(rate, name=name, stages=rows, lanes=lanes)
        return record.model_copy(update={"knobs": knobs, "device": "cuda: a GPU", "simulated": False})


@pytest.fixture
def same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of made-up trials are the baseline's."""
    monkeypatch.setattr("workbench.report.verdicts.compare_runs", lambda runs, baseline, variant: _checks("same"))


def _checks(status: Any) -> Checks:
    return Checks.model_validate({"checks": [{"name": "pages", "status": status, "measured": "3 levels"}]})


def on_cuda(place: Path, launch: MadeUp) -> CudaTrials:
    return CudaTrials("cuda", place, 0, launch=launch)


def named(figures: Any) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


@pytest.mark.usefixtures("same")
def test_all_paths_are_compared_with_that_from_the_disk(tmp_path: Path) -> None:
    launch = MadeUp(rate=lambda knobs: 300.0 if knobs.cache == "prepared" else 100.0)
    figures = named(cuda_trials.paths(on_cuda(tmp_path, launch), 60.0))

    assert set(figures) == {
        "throughput from disk, cuda",
        *(f"{name} over disk, cuda" for name in cuda_trials.PATHS if name != "disk"),
    }
    assert all(figure.met for figure in figures.values())
    prepared = figures["prepared cache, device normalize over disk, cuda"]
    assert prepared.value == pytest.approx(3.0, rel=0.01) and prepared.detail.startswith("faster")
    assert prepared.interval is not None and prepared.interval[0] < prepared.value < prepared.interval[1]
    assert {knobs.device for knobs in launch.asked} == {"cuda"}
    assert {"nvjpeg", "pil"} == {knobs.image_decoder for knobs in launch.asked}


def test_a_variant_with_another_result_is_not_met_however_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.report.verdicts.compare_runs", lambda runs, baseline, variant: _checks("different"))
    figures = named(cuda_trials.paths(on_cuda(tmp_path, MadeUp()), 60.0))

    figure = figures["decoded cache over disk, cuda"]
    assert not figure.met and "result different (pages: 3 levels)" in figure.detail


@pytest.mark.usefixtures("same")
def test_a_variant_that_fails_says_why_and_the_others_are_compared(tmp_path: Path) -> None:
    launch = MadeUp(fails=lambda knobs: knobs.image_decoder == "nvjpeg")
    figures = named(cuda_trials.paths(on_cuda(tmp_path, launch), 60.0))

    failed = figures["nvJPEG over disk, cuda"]
    assert (failed.value, failed.met, failed.detail) == (None, False, "nvJPEG is not there")
    assert figures["decoded cache over disk, cuda"].met


@pytest.mark.parametrize(
    ("verdict", "met"), [("no_difference", True), ("inconclusive", True), ("faster", False), ("slower", False)]
)
def test_an_identical_pair_that_is_called_different_is_found(verdict: Any, met: bool) -> None:
    result = VariantResult(
        name="timed again",
        knobs=OcrKnobs(),
        run_ids=[],
        samples_per_s=None,
        speedup=Interval(estimate=1.05, ci95=(1.02, 1.08)),
        verdict=verdict,
    )
    comparison = Comparison(created_at="", baseline="timed", num_blocks=4, seed=0, order=[], variants=[result])
    figure = cuda_trials.identical_pair(result, comparison, "cuda")

    assert (figure.met, figure.value, figure.interval) == (met, 1.05, (1.02, 1.08))


@pytest.mark.usefixtures("same")
def test_the_pair_has_the_same_knobs(tmp_path: Path) -> None:
    launch = MadeUp()
    figures = named(cuda_trials.identical(on_cuda(tmp_path, launch), 60.0))

    assert figures["an identical pair, cuda"].met
    assert {knobs.stage_timing for knobs in launch.asked} == {True, False}
    first, *others = (knobs.changed(stage_timing=True, checked_samples=0) for knobs in launch.asked)
    assert all(other == first for other in others)


@pytest.mark.usefixtures("same")
@pytest.mark.parametrize(("untimed", "met"), [(100.5, True), (110.0, False)])
def test_what_timing_costs_is_found(tmp_path: Path, untimed: float, met: bool) -> None:
    launch = MadeUp(rate=lambda knobs: 100.0 if knobs.stage_timing else untimed)
    figure = named(cuda_trials.identical(on_cuda(tmp_path, launch), 60.0))["cost of stage timing, cuda"]

    assert figure.met is met
    assert figure.value == pytest.approx(1.0 - 100.0 / untimed, abs=0.002)
    assert figure.interval is not None and figure.interval[0] < figure.value < figure.interval[1]


@pytest.mark.usefixtures("same")
def test_precisions_are_times_on_the_device(tmp_path: Path) -> None:
    launch = MadeUp()
    figures = named(cuda_trials.precision(on_cuda(tmp_path, launch), 60.0))

    assert list(figures) == [f"forward pass, {name}, cuda" for name in cuda_trials.PRECISIONS]
    assert all(figure.value == pytest.approx(10.0 / 16) for figure in figures.values())
    assert {knobs.precision for knobs in launch.asked} == {"fp32", "fp16", "bf16"}


@pytest.mark.usefixtures("same")
def test_engines_are_times_on_the_device(tmp_path: Path) -> None:
    launch = MadeUp()
    figures = named(cuda_trials.engines(on_cuda(tmp_path, launch), 60.0))

    assert list(figures) == [f"forward pass, {name}, cuda" for name in cuda_trials.ENGINES]
    assert {knobs.engine for knobs in launch.asked} == {"eager", "compiled", "aoti", "exported", "torchscript", "onnx"}
    assert {knobs.weights for knobs in launch.asked} == {"shipped"}


@pytest.mark.parametrize(("gpus", "value"), [(1, None), (2, 1.0)])
def test_ranks_need_two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, value: float | None) -> None:
    def launch(knobs, runs, **_):
        ranks = [RankStats(rank=n, num_steps=8, samples_per_s=1.0, wait_share=0.0) for n in range(knobs.ranks)]
        facts = TrainingFacts(optimizer_steps=8, samples_per_step=8.0, parameters="ab")
        return make_record(100.0).model_copy(update={"ranks": ranks, "training": facts})

    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    (figure,) = cuda_trials.ranks(on_cuda(tmp_path, launch), 60.0)
    assert figure.value == value and figure.met is (gpus == 2)


def test_training_is_run_plain_and_fast(tmp_path: Path) -> None:
    launch = MadeUp()
    figures = named(cuda_trials.training(on_cuda(tmp_path, launch), 60.0))

    assert figures["training step on the device, bf16, channels last, cuda"].value == pytest.approx(40.0)
    assert [knobs.mode for knobs in launch.asked] == ["train", "train"]


def test_without_a_baseline_nothing_is_claimed(tmp_path: Path) -> None:
    figures = list(cuda_trials.identical(on_cuda(tmp_path, MadeUp(fails=lambda knobs: True)), 60.0))

    assert [(figure.value, figure.met) for figure in figures] == [(None, False)] * 2


def replaced(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Another script in the place of the one that takes the device's times."""
    script = folder / "device_times.py"
    script.write_text("\n".join(lines))
    monkeypatch.setattr(cuda_trials, "_DEVICE_TIMES", script)
    monkeypatch.setattr(cuda_trials, "LEAST_PATIENCE_S", 0.5)


def test_what_was_found_before_the_process_died_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"name": "a", "value": 1.0, "unit": "", "goal": "", "met": True, "interval": [0.5, 2.0], "detail": ""}
    replaced(monkeypatch, tmp_path, "import json, sys", f"print(json.dumps({row!r}))", "sys.exit('CUDA error')")
    figures = cuda_trials.device_times(on_cuda(tmp_path, MadeUp()), 60.0)

    assert next(figures).interval == (0.5, 2.0)
    with pytest.raises(RuntimeError, match="exit code 1: CUDA error"):
        next(figures)


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, tmp_path, "while True: pass")

    with pytest.raises(RuntimeError, match="it took longer than"):
        list(cuda_trials.device_times(on_cuda(tmp_path, MadeUp()), 0.1))


def test_pages_are_drawn_and_where_that_fails_the_samples_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    bench = CudaTrials("cuda", tmp_path, 1)
    (figure,) = cuda_trials.pages(bench, 10.0)
    assert figure.met and len(list(bench.dataset.rglob("*.jpg"))) == 1

    (tmp_path / "no-folder").write_text("")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "no-folder"))
    other = CudaTrials("cuda", tmp_path, 1)
    (figure,) = cuda_trials.pages(other, 10.0)
    assert not figure.met and "the sample pages are taken" in figure.detail
    assert len(list(other.dataset.rglob("*.jpg"))) > 1
