"""The parts of the CUDA benchmark that run trials: single ones, and comparisons of variants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from promise import trial_figures
from promise.figure import Figure, not_taken

from workbench.files import cache_dir, sample_pages_dir
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, Launch, run_comparison
from workbench.measure.trial.launcher import run_trial
from workbench.records import Comparison, Policy, Record, VariantResult
from workbench.records.run_folder import RECORD, SPANS, read_spans, write_json
from workbench.report.verdicts import compare_run

Settings = Mapping[str, Any]

#: Of every trial on CUDA: batches as in the study, and an end for one that hangs.
ON_CUDA: Settings = {"device": "cuda", "batch_size": 16, "isolated_samples": 0, "timeout_s": 90.0}

#: Of every trial on the CPU, where this is only rehearsed: as small as can be.
ON_CPU: Settings = {
    "device": "cpu",
    "image_size": 64,
    "encoder": "lcnet_050",
    "neck": "fpn_small",
    "num_pages": 5,
    "batch_size": 2,
    "num_workers": 1,
    "num_steps": 2,
    "warmup_steps": 1,
    "isolated_samples": 0,
    "checked_samples": 1,
}

#: The way of a page to the device, a variant each; the first is the baseline.
PATHS: Mapping[str, Settings] = {
    "disk": {},
    "decoded cache": {"cache": "decoded"},
    "prepared cache, device normalize": {"cache": "prepared", "cache_store": "shared", "normalize": "device"},
    "device normalize": {"normalize": "device"},
    "folded normalize": {"normalize": "folded"},
    "pinned memory": {"pin_memory": True},
    "nvJPEG": {"image_decoder": "nvjpeg", "start_method": "spawn"},
}
NEEDS_CUDA = ("pinned memory", "nvJPEG")

#: As little besides the model as there can be: batches lie ready in memory, results are worked on in the background.
READY: Settings = {
    "cache": "prepared",
    "normalize": "device",
    "targets": "cached",
    "num_workers": 0,
    "postprocess": "threads",
}

PRECISIONS: Mapping[str, Settings] = {
    "fp32": {},
    "fp32, channels last": {"channels_last": True},
    "fp16, channels last": {"channels_last": True, "precision": "fp16"},
    "bf16, channels last": {"channels_last": True, "precision": "bf16"},
}

#: What runs the shipped model, which detects something: then results can be compared.
SHIPPED: Settings = {"encoder": "lcnet_050", "neck": "fpn_small", "weights": "shipped"}
ENGINES: Mapping[str, Settings] = {
    "eager": {},
    "eager, IEEE": {"precision": "ieee"},
    "compiled": {"engine": "compiled"},
    "compiled, fp16 weights": {"engine": "compiled", "precision": "fp16_weights"},
    "AOTInductor": {"engine": "aoti"},
    "exported": {"engine": "exported"},
    "TorchScript": {"engine": "torchscript"},
    "ONNX Runtime": {"engine": "onnx"},
}
#: Those that a rehearsal on the CPU takes: they are built in a second or two.
REHEARSED = ("eager", "exported", "ONNX Runtime")

#: The same knobs three times; the last is not timed.
TIMED: Mapping[str, Settings] = {"timed": {}, "timed again": {}, "not timed": {"stage_timing": False}}
MOST_COST = 0.01

#: Of the trial whose record is kept: epochs of nine batches, the last of which is smaller, and three of them.
KEPT: Settings = {"batch_size": 4, "num_pages": 34, "num_workers": 2, "num_steps": 27}
KEPT_ON_CPU: Settings = {"num_pages": 5, "num_steps": 9, "warmup_steps": 3}

#: Blocks of the comparisons: a verdict needs three.
BLOCKS = {"paths": 3, "precision": 2, "engines": 2, "identical": 4}

#: The process of the device's times may take this long, whatever its part of the budget.
LEAST_PATIENCE_S = 60.0

_DEVICE_TIMES = Path(__file__).with_name("device_times.py")


@dataclass
class CudaTrials:
    """What all parts share.

    Attributes:
        device: "cuda", or "cpu" for a rehearsal.
        place: Folder for trials and comparisons.
        num_pages: Pages to draw; 0: the sample pages are taken.
        out: Where the figures go; the kept record goes beside it.
        launch: Runs a trial.
        cancel: When set, the trial that is running is ended, and those after it.
        dataset: The pages.
        records: Of all trials so far that ended well.
    """

    device: str
    place: Path
    num_pages: int
    out: Path | None = None
    launch: Launch = run_trial
    cancel: threading.Event = field(default_factory=threading.Event)
    dataset: Path = field(default_factory=sample_pages_dir)
    records: list[Record] = field(default_factory=list)

    @property
    def on_cuda(self) -> bool:
        """Whether this is no rehearsal."""
        return self.device == "cuda"

    def knobs(self, settings: Settings, **others: Any) -> Knobs:
        """Knobs of a trial here."""
        common = {**ON_CUDA, "num_workers": _num_workers(), "num_steps": 52} if self.on_cuda else ON_CPU
        return parse_knobs({**common, **others, **settings, "dataset": str(self.dataset)})

    def trial(self, knobs: Knobs) -> Record:
        """Run a trial.

        Raises:
            RuntimeError: Where it failed.
        """
        record = self._launch(knobs, self.place / "runs", cancel=self.cancel)
        if record.failure is not None:
            raise RuntimeError(record.failure.message)
        return record

    def compare(self, name: str, variants: Mapping[str, Knobs], budget_s: float) -> tuple[ComparisonRun, Comparison]:
        """Compare variants with the first of them.

        Raises:
            RuntimeError: Where no block came to its end.
        """
        num_blocks = BLOCKS[name] if self.on_cuda else 1
        place = self.place / name
        policy = Policy(planned_blocks=num_blocks, repeats=0)
        journal = Journal.begin(
            place, variants, runs=place / "runs", seed=0, num_blocks=num_blocks, policy=policy, budget_s=budget_s
        )
        compared = run_comparison(journal, on_trial=_show, cancel=self.cancel, launch=self._launch)
        if not any(compared.records.values()):
            raise RuntimeError(f"no block came to its end: {compared.state.stop}")
        return compared, compare_run(compared)

    def _launch(self, knobs: Knobs, runs: Path, **how: Any) -> Record:
        record = self.launch(knobs, runs, **how)
        if record.failure is None:
            self.records.append(record)
        return record


def pages(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Draw the pages; where that cannot be done, the sample pages are taken."""
    name, goal = "pages", "drawn (>= 1)"
    if bench.num_pages < 1:
        count = len(list(bench.dataset.rglob("*.jpg")))
        yield Figure(name, float(count), "pages", "shown (>= 1)", count > 0, None, "the sample pages")
        return
    try:
        from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

        folder = cache_dir() / f"cuda-{bench.num_pages}-v{VERSION}"
        bench.dataset = draw_pages(folder, count=bench.num_pages, seed=0)
    except Exception as error:  # whatever is missing here: the samples need none of it
        reason = f"the sample pages are taken: drawing failed ({type(error).__name__}: {error})"
        yield not_taken(name, reason, unit="pages", goal=goal)
        return
    yield Figure(name, float(bench.num_pages), "pages", goal, True)


def one_record(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """A short trial with small batches: what must be true of any, and its record to keep."""
    record = bench.trial(bench.knobs(KEPT if bench.on_cuda else KEPT_ON_CPU))
    folder = bench.place / "runs" / record.run_id
    what = f"short steps, {bench.device}"
    yield from trial_figures.attributed(record, what)
    yield trial_figures.device_sum(record, what)
    if bench.on_cuda:
        yield trial_figures.warm(record, read_spans(folder), what)
        yield from trial_figures.device_memory(record, what)
    else:
        yield not_taken(f"first counted step of a batch size over later ones, {what}", "it needs CUDA")
        yield not_taken(f"device memory, {what}", "it needs CUDA")
    if bench.out is not None:
        yield _kept(record, folder, bench.out.parent / f"{bench.device}-record")


def _kept(record: Record, folder: Path, place: Path) -> Figure:
    """Copy the record and the spans of a trial, without what says where its pages lay."""
    place.mkdir(parents=True, exist_ok=True)
    knobs = record.knobs.unchecked(dataset="pages")
    write_json(place / RECORD, record.model_copy(update={"knobs": knobs}))
    shutil.copyfile(folder / SPANS, place / SPANS)
    size = sum(path.stat().st_size for path in place.iterdir())
    return Figure("record kept", size / 1e3, "kB", "shown (> 0)", True, None, f"{place.name}/: {record.device}")


def device_times(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """The device's times against others, in a process of its own (`device_times.py`)."""
    seconds = budget_s / 2 if bench.on_cuda else 1.0
    command = [sys.executable, str(_DEVICE_TIMES), "--device", bench.device, "--seconds", f"{seconds:.1f}"]
    files = [bench.place / name for name in ("device_times.jsonl", "device_times.txt")]
    why = _run(command, *files, max(2 * budget_s, LEAST_PATIENCE_S))
    for line in files[0].read_text().splitlines():  # whatever came of it: what was found before that stays
        if line.startswith("{"):
            row = json.loads(line)
            yield Figure(**{**row, "interval": tuple(row["interval"]) if row["interval"] else None})
    if why:
        raise RuntimeError(f"{why}: {files[1].read_text().strip()[-500:]}")


def _run(command: Sequence[str], stdout: Path, stderr: Path, seconds: float) -> str:
    """Run a command; gives why it has not ended well, an empty text where it has."""
    with stdout.open("w") as lines, stderr.open("w") as errors:
        try:
            code = subprocess.run(command, stdout=lines, stderr=errors, timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            return f"it took longer than {seconds:.0f} s"
    return f"exit code {code}" if code else ""


def paths(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """The ways of a page to the device, compared with that from the disk."""
    variants = {}
    for name, settings in PATHS.items():
        if name in NEEDS_CUDA and not bench.on_cuda:
            yield not_taken(f"{name} over disk, {bench.device}", "it needs CUDA")
        else:
            variants[name] = bench.knobs(settings)
    _, comparison = bench.compare("paths", variants, budget_s)
    yield _baseline(comparison, bench.device)
    for result in comparison.others:
        yield _speedup(result, comparison, bench.device)


def precision(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Precisions and memory formats: what the device takes for a page."""
    variants = {name: bench.knobs({**_ready(bench), **settings}) for name, settings in PRECISIONS.items()}
    yield from _forward_passes(bench, "precision", variants, budget_s)


def engines(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Engines: what each takes for a page, and whether its result is still right."""
    names = [name for name in ENGINES if bench.on_cuda or name in REHEARSED]
    variants = {name: bench.knobs({**_ready(bench), **SHIPPED, **ENGINES[name]}) for name in names}
    yield from _forward_passes(bench, "engines", variants, budget_s)


def _forward_passes(bench: CudaTrials, part: str, variants: dict[str, Knobs], budget_s: float) -> Iterator[Figure]:
    """What the device takes for a page, by variant; the first is the baseline."""
    compared, comparison = bench.compare(part, variants, budget_s)
    for result in comparison.variants:
        name = f"forward pass, {result.name}, {bench.device}"
        rows = [(record.stage("forward", "device"), record) for record in compared.records[result.name]]
        each_ms = [row.p50_s * 1e3 / record.knobs.batch_size for row, record in rows if row is not None]
        if result.failure is not None or not each_ms:
            reason = result.failure.message if result.failure else "it has no device spans"
            yield not_taken(name, reason, unit="ms a page")
            continue
        times = (
            f"{result.speedup.estimate:.2f} times the throughput of '{comparison.baseline}'; " if result.speedup else ""
        )
        detail = f"{times}{_rate(result)}; {_checked(result)}"
        yield Figure(name, float(np.median(each_ms)), "ms a page", "shown (> 0)", True, None, detail)


def training(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Training steps, plain and with what makes them faster."""
    plain: Settings = {"mode": "train", "targets": "fast", "cache": "decoded"}
    for name, settings in (("fp32", {}), ("bf16, channels last", PRECISIONS["bf16, channels last"])):
        record = bench.trial(bench.knobs({**plain, **settings}))
        what = f"{name}, {bench.device}"
        yield trial_figures.training(record, what)
        yield trial_figures.device_sum(record, f"training, {what}")
        if not bench.on_cuda:
            break  # a rehearsal needs one


def ranks(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Two processes that train together, by NCCL on two GPUs: whether they hold the same parameters afterwards."""
    what = f"two ranks that hold the same parameters, {bench.device}"
    if bench.on_cuda and torch.cuda.device_count() < 2:
        yield not_taken(what, "it needs two GPUs", unit="share")
        return
    settings: Settings = {"mode": "train", "targets": "fast", "ranks": 2, "start_method": "forkserver", "batch_size": 4}
    record = bench.trial(bench.knobs({**settings, **SHIPPED}))
    is_same = record.training is not None and record.training.parameters is not None and len(record.ranks) == 2
    yield Figure(what, float(is_same), "share", ">= 1", is_same, None, f"{len(record.ranks)} ranks")


def identical(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """Identical variants, and one that is not timed."""
    variants = {name: bench.knobs({**_ready(bench), **settings}) for name, settings in TIMED.items()}
    _, comparison = bench.compare("identical", variants, budget_s)
    results = {result.name: result for result in comparison.others}
    yield identical_pair(results.get("timed again"), comparison, bench.device)
    yield cost_of_timing(results.get("not timed"), comparison, bench.device)


def identical_pair(result: VariantResult | None, comparison: Comparison, where: str) -> Figure:
    """Two variants with the same knobs must not be called different."""
    name, goal = f"an identical pair, {where}", "no 'faster', no 'slower' (1)"
    if result is None or result.failure is not None or result.speedup is None:
        return not_taken(name, _why(result), unit="times", goal=goal)
    met = result.verdict in ("no_difference", "inconclusive")
    speedup = result.speedup
    return Figure(name, speedup.estimate, "times", goal, met, speedup.ci95, f"{result.verdict}; {_blocks(comparison)}")


def cost_of_timing(result: VariantResult | None, comparison: Comparison, where: str) -> Figure:
    """What stage timing takes of the throughput: the interval must not lie above what is promised."""
    name, goal = f"cost of stage timing, {where}", f"interval reaches <= {MOST_COST}"
    if result is None or result.failure is not None or result.speedup is None:
        return not_taken(name, _why(result), unit="share", goal=goal)
    ci95 = result.speedup.ci95
    interval = (1.0 - 1.0 / ci95[0], 1.0 - 1.0 / ci95[1]) if ci95 else None
    met = interval is not None and interval[0] <= MOST_COST
    detail = f"{_blocks(comparison)}; the events of a CUDA device are recorded with and without stage timing"
    return Figure(name, 1.0 - 1.0 / result.speedup.estimate, "share", goal, met, interval, detail)


def all_trials(bench: CudaTrials, budget_s: float) -> Iterator[Figure]:
    """What must be true of every trial, over all of this benchmark."""
    yield from trial_figures.over_all(bench.records)


def _ready(bench: CudaTrials) -> Settings:
    return {**READY, "num_steps": 104} if bench.on_cuda else READY


def _baseline(comparison: Comparison, where: str) -> Figure:
    base = comparison.base
    name = f"throughput from disk, {where}"
    if base is None or base.samples_per_s is None:
        return not_taken(name, _why(base), unit="pages/s")
    return Figure(name, base.samples_per_s.median, "pages/s", "shown (> 0)", True, None, _blocks(comparison))


def _speedup(result: VariantResult, comparison: Comparison, where: str) -> Figure:
    """A variant over the baseline; met where the result is still the baseline's."""
    name, goal = f"{result.name} over disk, {where}", "same result (> 0)"
    if result.failure is not None or result.speedup is None:
        return not_taken(name, _why(result), unit="times", goal=goal)
    met = result.checks is not None and result.checks.status in ("same", "within_tolerance")
    detail = f"{result.verdict}; {_rate(result)}; {_checked(result)}; {_blocks(comparison)}"
    return Figure(name, result.speedup.estimate, "times", goal, met, result.speedup.ci95, detail)


def _why(result: VariantResult | None) -> str:
    return result.failure.message if result and result.failure else "it did not run"


def _rate(result: VariantResult) -> str:
    rate = f"{result.samples_per_s.median:.0f} pages/s" if result.samples_per_s else "no throughput"
    start = f", start-up {result.startup_s:.1f} s" if result.startup_s is not None else ""
    fill = f", filling the cache {result.cache_fill_s:.1f} s" if result.cache_fill_s is not None else ""
    return f"{rate}{start}{fill}"


def _checked(result: VariantResult) -> str:
    """The checks in a few words, with the figures of those that differ."""
    if result.checks is None:
        return "nothing was checked"
    differing = [f"{check.name}: {check.measured}" for check in result.checks.checks if check.status == "different"]
    return f"result {result.checks.status}" + (f" ({'; '.join(differing)})" if differing else "")


def _blocks(comparison: Comparison) -> str:
    return f"{comparison.num_blocks} blocks, ended by '{comparison.stop}'"


def _show(done: int, total: int, name: str, record: Record) -> None:
    rate = f"{record.steady.samples_per_s:.0f} pages/s" if record.steady else "failed"
    print(f"[{done}/{total}] {name}: {rate}", file=sys.stderr, flush=True)


def _num_workers() -> int:
    """Half the cores, which the main process and the device's driver share with them."""
    return max(1, min(8, len(os.sched_getaffinity(0)) // 2))
