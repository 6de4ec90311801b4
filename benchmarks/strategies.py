"""Strategies: how much faster caches, decoders, targets, loaders and transport are than the study's pipeline.

All variants load the same 404 drawn pages (1280x720, validation, with targets) on the same cores, in one comparison as
`workbench compare` runs it; a figure is the geometric mean of the ratios per block, with its 95 % interval. Every
variant's pages, targets and detections are checked against the reference's: a variant that gives something else meets
no goal, however fast it is.

The loader is measured with device=none: batches arrive in the main process and are dropped. The last figure runs end to
end on the replay device. Right after each trial of the best that caches nothing, its files are decoded with nothing
else around it: the ceiling. The best that caches all hands over parts of its cache, ready to be read, which nobody
reads here; against other loaders stands the same with copies.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from promise.decode_alone import decoded_per_s
from promise.figure import Figure, main

from workbench.explain.diagnosis.diagnose import diagnose
from workbench.explain.verdicts.effect import estimate, paired_log_ratios
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records import Interval, Policy, Record
from workbench.report.verdicts import compare_run
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.pages.shards import holds_shards, write_shards
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages
from workbench.workloads.ocr.targets import compute_targets

NUM_PAGES = 404
NUM_BLOCKS = 5
REPLAY_MS_PER_PAGE = 3.0

#: The study's algorithm: PIL, albumentations, the paper's targets in float32, torch's collate and transport.
REFERENCE = {"device": "none", "num_workers": 2, "num_steps": 52, "isolated_samples": 0}

FAST_PARTS = {"image_decoder": "turbojpeg", "transforms": "direct", "normalize": "device", "targets": "fast"}
FAST_LOADING = {"transport": "ring", "epoch_overlap": True, "malloc_retain": True, "prefetch_factor": 4}
IN_MEMORY = {"cache": "prepared", "cache_store": "shared", "normalize": "device", "targets": "cached"}

VARIANTS: dict[str, dict[str, object]] = {
    "reference": {},
    "uncached, whole decode": {**FAST_PARTS, **FAST_LOADING},
    "uncached, best": {**FAST_PARTS, **FAST_LOADING, "scaled_decode": True, "num_steps": 130},
    "cached, best": {**IN_MEMORY, "cache_store": "mapped", "num_workers": 0, "num_steps": 13_000},
    "cached, copied": {**IN_MEMORY, "num_workers": 0, "num_steps": 2600},
    "cached, 1 worker": {**IN_MEMORY, "num_workers": 1, "transport": "ring", "num_steps": 1300},
    "cached, 2 workers": {**IN_MEMORY, "num_workers": 2, "transport": "ring", "num_steps": 1300},
    "WebDataset, usual parts": {"loader": "webdataset", "image_decoder": "opencv"},
    "WebDataset, our parts": {"loader": "webdataset", **FAST_PARTS, **FAST_LOADING, "scaled_decode": True},
    "SPDL": {"loader": "spdl", **FAST_PARTS, **FAST_LOADING, "scaled_decode": True, "num_steps": 130},
    "DALI, 1 worker": {"loader": "dali", "normalize": "device", "targets": "fast", "num_workers": 1},
    "DALI, 2 workers": {"loader": "dali", "normalize": "device", "targets": "fast", "num_workers": 2},
}

#: Optional modules that loaders need.
NEEDED = {"dali": "nvidia.dali", "spdl": "spdl"}

BEST_UNCACHED = "uncached, best"
DECODE_ALONE_S = 3.0

END_TO_END = {
    **IN_MEMORY,
    "device": "replay",
    "replay_ms_per_sample": REPLAY_MS_PER_PAGE,
    "num_workers": 0,
    "postprocess": "processes",
    "num_steps": 104,
    "isolated_samples": 0,
}


@dataclass(frozen=True)
class Compared:
    """The comparison.

    Attributes:
        records: By variant, in the order of the blocks.
        checks: By variant but the reference: `same`, `within_tolerance`, `different` or `not_comparable`; None where it
            has not run.
        policy: The rules of the comparison.
        alone: Pages per second of each trial of the best that caches nothing, and of decoding alone right after it.
    """

    records: dict[str, list[Record]]
    checks: dict[str, str | None]
    policy: Policy
    alone: list[tuple[float, float]]

    def ratio(self, name: str, other: str) -> Interval | None:
        """How many times as fast a variant is as another; None where one of them has not run."""
        if name not in self.records or other not in self.records:
            return None
        ratios = paired_log_ratios(self.records[name], self.records[other])
        return estimate(ratios, self.policy, num_compared=len(self.records) - 1)

    def rates(self, name: str) -> list[float]:
        """Pages per second of the trials of a variant that ended well."""
        return [record.steady.samples_per_s for record in self.records.get(name, []) if record.steady]

    def best(self, names: Sequence[str]) -> str | None:
        """The fastest of some variants, by its median; None where none has run."""
        medians = {name: float(np.median(rates)) for name in names if (rates := self.rates(name))}
        return max(medians, key=medians.__getitem__) if medians else None


def choose_variants(folder: Path, shards: Path) -> dict[str, Knobs]:
    """All variants that can run here, the reference first."""
    variants = {
        name: parse_knobs(
            {**REFERENCE, **settings, "dataset": str(shards if settings.get("loader") == "webdataset" else folder)}
        )
        for name, settings in VARIANTS.items()
        if can_load(str(settings.get("loader")))
    }
    return {**variants, "end to end": parse_knobs({**END_TO_END, "dataset": str(folder)})}


def can_load(loader: str) -> bool:
    """Whether what a loader needs is installed."""
    module = NEEDED.get(loader, "workbench")
    return importlib.util.find_spec(module.split(".")[0]) is not None and importlib.util.find_spec(module) is not None


def compare(variants: dict[str, Knobs], place: Path, decode_alone: Callable[[], float]) -> Compared:
    """Run every variant once in each block, and decode alone right after the best that caches nothing."""
    journal = Journal.begin(place, variants, runs=place / "runs", seed=0, num_blocks=NUM_BLOCKS)
    alone = []

    def on_trial(done: int, total: int, name: str, record: Record) -> None:
        _show(done, total, name, record)
        if name == BEST_UNCACHED and record.steady is not None:
            alone.append((record.steady.samples_per_s, decode_alone()))

    compared = run_comparison(journal, on_trial=on_trial)
    results = compare_run(compared).others
    checks = {result.name: result.checks.status if result.checks else None for result in results}
    return Compared(compared.records, checks, compared.state.policy, alone)


def figure(compared: Compared, what: str, name: str | None, other: str | None, goal: float) -> Figure:
    """The promise of how many times as fast a variant is as another."""
    found = compared.ratio(name, other) if name and other else None
    if found is None or name is None or other is None:
        return Figure(what, None, "times", f">= {goal}", False, detail="a variant did not run here")
    checks = {variant: compared.checks.get(variant) for variant in (name, other) if variant != "reference"}
    met = found.estimate >= goal and "different" not in checks.values() and None not in checks.values()
    detail = f"'{name}' {_rate(compared, name)} against '{other}' {_rate(compared, other)} pages/s; result: "
    detail += ", ".join(f"{variant} {status}" for variant, status in checks.items())
    return Figure(what, found.estimate, "times", f">= {goal}", met, found.ci95, detail)


def measure() -> list[Figure]:
    """All figures."""
    started = time.monotonic()
    folder = draw_pages(cache_dir() / f"strategies-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=0)
    shards = folder.with_name(f"{folder.name}-shards")
    if not holds_shards(shards):
        write_shards(*survey(folder), shards)
    with tempfile.TemporaryDirectory() as place:
        alone = partial(decoded_per_s, folder, seconds=DECODE_ALONE_S)
        compared = compare(choose_variants(folder, shards), Path(place), alone)
    dali = compared.best(["DALI, 1 worker", "DALI, 2 workers"])
    figures = [
        figure(compared, "nothing cached, best knobs", BEST_UNCACHED, "reference", 8.0),
        _share_of_decoding(compared),
        figure(compared, "everything cached, best knobs", "cached, best", "reference", 100.0),
        figure(compared, "everything cached, and copied into batches", "cached, copied", "reference", 50.0),
        figure(compared, "uncached against DALI on the CPU", BEST_UNCACHED, dali, 3.0),
        figure(compared, "cached against DALI on the CPU", "cached, copied", dali, 5.0),
        figure(compared, "uncached against SPDL", BEST_UNCACHED, "SPDL", 1.0),
        figure(compared, "uncached against WebDataset", BEST_UNCACHED, "WebDataset, usual parts", 1.5),
        figure(compared, "cached against WebDataset", "cached, copied", "WebDataset, usual parts", 5.0),
        figure(compared, "cached against WebDataset with our parts", "cached, copied", "WebDataset, our parts", 5.0),
        _fast_targets(folder),
        _workers(compared),
        _end_to_end(compared),
    ]
    for name in compared.records:
        found = compared.ratio(name, "reference")
        times = "-" if found is None else f"{found.estimate:.2f}x"
        status = compared.checks.get(name)
        print(f"{name}: {_rate(compared, name)} pages/s, {times}, {status}", file=sys.stderr)
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return figures


def _show(done: int, total: int, name: str, record: Record) -> None:
    rate = f"{record.steady.samples_per_s:.0f} pages/s" if record.steady else "failed"
    why = f" ({record.failure.message})" if record.failure else ""
    print(f"[{done}/{total}] {name}: {rate}{why}", file=sys.stderr, flush=True)


def _share_of_decoding(compared: Compared) -> Figure:
    """The best that caches nothing, as a share of what the cores can decode."""
    what, goal = "nothing cached, share of decoding alone", 0.65
    rates = np.array(compared.alone, np.float64).reshape(-1, 2)
    found = estimate(np.log(rates[:, 0] / rates[:, 1]), compared.policy)
    if found is None:
        return Figure(what, None, "share", f">= {goal}", False, detail="did not run here")
    ours, alone = np.median(rates, axis=0)
    status = compared.checks.get(BEST_UNCACHED)
    met = found.estimate >= goal and status in ("same", "within_tolerance")
    detail = f"{ours:.0f} of {alone:.0f} pages/s, {len(rates)} times one right after the other; result {status}"
    return Figure(what, found.estimate, "share", f">= {goal}", met, found.ci95, detail)


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
    logs = np.log(ratios[1:])  # the first page warms up
    value, error = float(logs.mean()), 1.98 * float(logs.std(ddof=1)) / len(logs) ** 0.5
    low, high = float(np.exp(value - error)), float(np.exp(value + error))
    value = float(np.exp(value))
    detail = f"{len(logs)} pages, {np.mean([len(page.words) for page in pages]):.0f} words each on average"
    return Figure("fast targets against the paper's way", value, "times", ">= 4", value >= 4, (low, high), detail)


def _workers(compared: Compared) -> Figure:
    """That cached pages are not slower through workers, or else that the run's own diagnosis says so."""
    slower = [
        name
        for name in ("cached, 1 worker", "cached, 2 workers")
        if (found := compared.ratio(name, "cached, copied")) is None or found.estimate < 1.0
    ]
    causes = {name: diagnose(compared.records[name][0], None, None) for name in slower if compared.records.get(name)}
    silent = [name for name in slower if not any(cause.name == "memory-bound cache" for cause in causes.get(name, []))]
    detail = f"slower than without workers: {', '.join(slower) or 'none'}; not said: {', '.join(silent) or 'none'}"
    what = "cached, slower with workers and not diagnosed"
    return Figure(what, float(len(silent)), "variants", "<= 0", not silent, detail=detail)


def _end_to_end(compared: Compared) -> Figure:
    """Share of the device's ceiling that is reached end to end."""
    name, what, goal = "end to end", "end to end, share of the device's ceiling", ">= 0.95"
    rates = compared.rates(name)
    if not rates:
        return Figure(what, None, "share", goal, False, detail="did not run")
    shares = np.array(rates) * REPLAY_MS_PER_PAGE / 1e3
    value = float(np.median(shares))
    status = compared.checks.get(name)
    detail = f"{_rate(compared, name)} pages/s, {REPLAY_MS_PER_PAGE:g} ms a page (simulated); result {status}"
    met = value >= 0.95 and status in ("same", "within_tolerance")
    slowest, fastest = float(shares.min()), float(shares.max())
    detail = f"{detail}; the interval is from the slowest to the fastest of {len(rates)} trials"
    return Figure(what, value, "share", goal, met, (slowest, fastest), detail)


def _rate(compared: Compared, name: str) -> str:
    rates = compared.rates(name)
    return f"{np.median(rates):.0f}" if rates else "no"


if __name__ == "__main__":
    main(__doc__, measure)
