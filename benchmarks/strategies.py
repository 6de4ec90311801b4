"""Strategies: what caches, decoders, targets, loaders and transport are worth, each held against the study's pipeline.

All variants load the same 404 drawn pages (1280x720, validation, with targets) on the same cores, in blocks with every
variant once in random order; a figure is the geometric mean of the ratios per block, with its 95 % interval. Every
variant's pages, targets and detections are held against the reference's: a variant that gives something else meets no
goal, however fast it is.

The loader alone is measured with device=none: batches arrive in the main process and are let go. The last figure runs
end to end on the replay device.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from promise.figure import Figure, main
from workbench.workloads.ocr.checks.pages import compare_pages

from workbench.explain.verdicts.comparison import estimate, paired_log_ratios
from workbench.files import cache_dir
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Interval, Policy, Record
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.pages.shards import holds_shards, write_shards
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages
from workbench.workloads.ocr.targets import compute_targets

NUM_PAGES = 404
NUM_BLOCKS = 5
REPLAY_MS_PER_PAGE = 3.0

#: The study's algorithm: PIL, albumentations, the paper's targets in float32, torch's collate and transport.
REFERENCE = {"device": "none", "num_workers": 2, "num_steps": 52}

FAST_PARTS = {"image_decoder": "turbojpeg", "transforms": "direct", "normalize": "device", "targets": "fast"}
FAST_LOADING = {"transport": "ring", "epochs": "joined", "freed_memory": "kept", "prefetch_factor": 4}
IN_MEMORY = {"cache": "prepared", "cache_store": "shared", "normalize": "device", "targets": "cached"}

VARIANTS: dict[str, dict[str, object]] = {
    "reference": {},
    "uncached, whole decode": {**FAST_PARTS, **FAST_LOADING},
    "uncached, best": {**FAST_PARTS, **FAST_LOADING, "scaled_decode": True, "num_steps": 130},
    "cached, best": {**IN_MEMORY, "num_workers": 0, "num_steps": 2600},
    "cached, 1 worker": {**IN_MEMORY, "num_workers": 1, "transport": "ring", "num_steps": 1300},
    "cached, 2 workers": {**IN_MEMORY, "num_workers": 2, "transport": "ring", "num_steps": 1300},
    "WebDataset, usual parts": {"loader": "webdataset", "image_decoder": "opencv"},
    "WebDataset, our parts": {"loader": "webdataset", **FAST_PARTS, **FAST_LOADING, "scaled_decode": True},
    "DALI, 1 worker": {"loader": "dali", "normalize": "device", "targets": "fast", "num_workers": 1},
    "DALI, 2 workers": {"loader": "dali", "normalize": "device", "targets": "fast", "num_workers": 2},
}

END_TO_END = {
    **IN_MEMORY,
    "device": "replay",
    "replay_ms_per_sample": REPLAY_MS_PER_PAGE,
    "num_workers": 0,
    "postprocess": "threads",
    "num_steps": 104,
}


@dataclass(frozen=True)
class Runs:
    """All trials.

    Attributes:
        records: By variant, in the order of the blocks.
        parity: By variant: `same`, `within_tolerance` or `different`, and None where it could not be told.
    """

    records: dict[str, list[Record]]
    parity: dict[str, str | None]


def run_comparison(folder: Path, shards: Path, runs: Path) -> Runs:
    """Run every variant once in each block."""
    variants = {
        name: Knobs.parse(
            {**REFERENCE, **settings, "dataset": str(shards if settings.get("loader") == "webdataset" else folder)}
        )
        for name, settings in VARIANTS.items()
        if settings.get("loader") != "dali" or importlib.util.find_spec("nvidia.dali")
    }
    variants["end to end"] = Knobs.parse({**END_TO_END, "dataset": str(folder)})
    records: dict[str, list[Record]] = {name: [] for name in variants}
    shuffle = random.Random(0)
    for block in range(NUM_BLOCKS):
        for name in shuffle.sample(list(variants), len(variants)):
            knobs = variants[name] if block == 0 else variants[name].changed(checked_samples=0)
            record = run_trial(knobs, runs)
            records[name].append(record)
            rate = record.steady.samples_per_s if record.steady else float("nan")
            why = f" ({record.failure.message})" if record.failure else ""
            print(f"block {block + 1} of {NUM_BLOCKS}: {name}: {rate:.0f} pages/s{why}", file=sys.stderr)
    first = records["reference"][0]
    parity = {
        name: compare_pages(runs / first.run_id, runs / own[0].run_id, first, own[0]).status
        for name, own in records.items()
    }
    return Runs(records, parity)


def ratio(runs: Runs, name: str, other: str) -> Interval | None:
    """How many times as fast one variant is as another."""
    if name not in runs.records or other not in runs.records:
        return None
    return estimate(paired_log_ratios(runs.records[name], runs.records[other]), Policy())


def best(runs: Runs, names: list[str]) -> str | None:
    """The fastest of some variants, by its median."""
    rates = {
        name: float(np.median([record.steady.samples_per_s for record in runs.records[name] if record.steady]))
        for name in names
        if any(record.steady for record in runs.records.get(name, []))
    }
    return max(rates, key=rates.__getitem__) if rates else None


def figure(runs: Runs, what: str, name: str | None, other: str | None, goal: float) -> Figure:
    """The promise that one variant is so many times as fast as another."""
    found = ratio(runs, name, other) if name and other else None
    if found is None or name is None or other is None:
        return Figure(what, None, "times", f">= {goal}", False, detail="a variant did not run here")
    same = {one: runs.parity[one] for one in (name, other) if one != "reference"}
    met = found.estimate >= goal and "different" not in same.values() and None not in same.values()
    detail = f"'{name}' {_rate(runs, name)} against '{other}' {_rate(runs, other)} pages/s; result: "
    detail += ", ".join(f"{one} {status}" for one, status in same.items())
    return Figure(what, found.estimate, "times", f">= {goal}", met, found.ci95, detail)


def measure() -> list[Figure]:
    """All figures."""
    started = time.monotonic()
    folder = draw_pages(cache_dir() / f"strategies-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=0)
    shards = folder.with_name(f"{folder.name}-shards")
    if not holds_shards(shards):
        write_shards(*survey(folder), shards)
    with tempfile.TemporaryDirectory() as runs_folder:
        runs = run_comparison(folder, shards, Path(runs_folder))
    dali = best(runs, ["DALI, 1 worker", "DALI, 2 workers"])
    figures = [
        figure(runs, "nothing cached, best knobs", "uncached, best", "reference", 5.0),
        figure(runs, "everything cached, best knobs", "cached, best", "reference", 40.0),
        figure(runs, "uncached against DALI on the CPU", "uncached, best", dali, 1.5),
        figure(runs, "cached against DALI on the CPU", "cached, best", dali, 5.0),
        figure(runs, "uncached against WebDataset", "uncached, best", "WebDataset, usual parts", 1.5),
        figure(runs, "cached against WebDataset", "cached, best", "WebDataset, usual parts", 5.0),
        figure(runs, "cached against WebDataset with our parts", "cached, best", "WebDataset, our parts", 5.0),
        _fast_targets(folder),
        _workers(runs),
        _end_to_end(runs),
    ]
    for name in runs.records:
        found = ratio(runs, name, "reference")
        told = "-" if found is None else f"{found.estimate:.2f}x"
        print(f"{name}: {_rate(runs, name)} pages/s, {told}, {runs.parity[name]}", file=sys.stderr)
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return figures


def _fast_targets(folder: Path) -> Figure:
    """How many times as fast the fast target maps are as the paper's, page by page, alternating."""
    pages = survey(folder, limit=100)[0]
    ratios = []
    for page in pages:
        scale = np.float32(640 / max(page.width, page.height))
        words = [word.polygon * scale for word in page.words], [word.ignore for word in page.words], 640
        times = []
        for make in (compute_targets, fast_targets):
            begin = time.perf_counter_ns()
            for _ in range(3):
                make(*words)
            times.append(time.perf_counter_ns() - begin)
        ratios.append(times[0] / times[1])
    logs = np.log(ratios[1:])  # the first one warms up
    value, error = float(logs.mean()), 1.98 * float(logs.std(ddof=1)) / len(logs) ** 0.5
    low, high = float(np.exp(value - error)), float(np.exp(value + error))
    value = float(np.exp(value))
    detail = f"{len(logs)} pages, {np.mean([len(page.words) for page in pages]):.0f} words each on the average"
    return Figure("fast targets against the paper's way", value, "times", ">= 4", value >= 4, (low, high), detail)


def _workers(runs: Runs) -> Figure:
    """That cached pages come no slower through workers, or else that the run's own advice says so."""
    from workbench.explain.diagnosis.diagnose import diagnose

    slower = [
        name
        for name in ("cached, 1 worker", "cached, 2 workers")
        if (found := ratio(runs, name, "cached, best")) is None or found.estimate < 1.0
    ]
    said = {name: diagnose(runs.records[name][0], None, None) for name in slower}
    silent = [name for name, causes in said.items() if not any("num_workers=0" in one.evidence for one in causes)]
    detail = (
        f"slower than without workers: {', '.join(slower) or 'none'}; of these not said: {', '.join(silent) or 'none'}"
    )
    what = "cached, slower with workers and not said"
    return Figure(what, float(len(silent)), "variants", "<= 0", not silent, detail=detail)


def _end_to_end(runs: Runs) -> Figure:
    """Share of the device's ceiling that is reached end to end."""
    rates = [record.steady.samples_per_s for record in runs.records["end to end"] if record.steady]
    goal = ">= 0.95"
    if not rates:
        return Figure("end to end, share of the device's ceiling", None, "share", goal, False, detail="did not run")
    shares = np.array(rates) * REPLAY_MS_PER_PAGE / 1e3
    value = float(np.median(shares))
    status = runs.parity["end to end"]
    detail = f"{_rate(runs, 'end to end')} pages/s, {REPLAY_MS_PER_PAGE:g} ms a page (simulated); result {status}"
    met = value >= 0.95 and status in ("same", "within_tolerance")
    return Figure(
        "end to end, share of the device's ceiling",
        value,
        "share",
        goal,
        met,
        (float(shares.min()), float(shares.max())),
        f"{detail}; the interval is from the slowest to the fastest of {len(rates)} trials",
    )


def _rate(runs: Runs, name: str) -> str:
    rates = [record.steady.samples_per_s for record in runs.records[name] if record.steady]
    return f"{np.median(rates):.0f}" if rates else "no"


if __name__ == "__main__":
    main(__doc__, measure)
