"""Results: how much faster words are found and scored than they were, and what that is worth end to end.

New and former way get the same maps and words in turn, on drawn pages: the maps that the shipped detector makes of
them, and the target maps that a replay device gives. What they find is held together to the last bit. The former way is
kept in the tests (`tests/former_results.py`).

End to end, cached pages on the replay device: words found and scored in the loop, in a thread, or in two processes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from promise.figure import Figure, main, not_taken

from workbench.explain.verdicts.effect import estimate, paired_log_ratios
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.measure.devices.device import CpuDevice
from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.report.verdicts import compare_run
from workbench.workload import Timers
from workbench.workloads.ocr.detector.metric import count_page
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.scoring import readable, words_of
from workbench.workloads.ocr.steps import placeholder_for
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages
from workbench.workloads.ocr.workload import OcrWorkload

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from former_results import former_counts, former_on_page, former_words

NUM_PAGES, ROUNDS = 32, 8
NUM_BLOCKS = 5
DEVICES_MS = (3.0, 0.1)
WAYS = ("inline", "threads", "processes")

DETECTOR = {"encoder": "lcnet_050", "neck": "rse_fpn", "weights": "shipped"}
CACHED = {"cache": "prepared", "cache_store": "shared", "normalize": "device", "targets": "cached", "num_workers": 0}


@dataclass(frozen=True)
class Input:
    """What a page's words are made of: a map, a matrix, the annotated words and which of them to ignore."""

    page_map: np.ndarray[Any, Any]
    matrix: np.ndarray[Any, Any]
    truths: list[np.ndarray[Any, Any]]
    ignore: list[bool]


def former(of: Input) -> tuple[list[bytes], tuple[int, int, int]]:
    """The words of a page and its counts, as it was."""
    found = [former_on_page(polygon, of.matrix) for polygon, _ in former_words(readable(of.page_map))]
    return [polygon.tobytes() for polygon in found], former_counts(found, of.truths, of.ignore)


def new(of: Input) -> tuple[list[bytes], tuple[int, int, int]]:
    """The words of a page and its counts."""
    (found,), _ = words_of(of.page_map[None], of.matrix[None])
    return [polygon.tobytes() for polygon in found], count_page(found, of.truths, of.ignore)


def inputs(folder: Path) -> dict[str, list[Input]]:
    """By kind of map: all pages."""
    settings = {**DETECTOR, "device": "cpu", "targets": "fast", "num_pages": NUM_PAGES, "dataset": str(folder)}
    workload = OcrWorkload(OcrKnobs(**settings))
    device = _Kept()
    workload.build(device)
    data, collate = workload.dataset(), workload.collate()
    made: dict[str, list[Input]] = {"maps of the detector": [], "target maps": []}
    nothing = Timers(lambda name: torch.no_grad(), lambda name, batch: torch.no_grad())
    for number in range(NUM_PAGES):
        batch = IndexedBatch(collate([data[number]]), number, [number])
        workload.step(batch, nothing, counted=False)
        words = workload._pages[number].words
        rest = batch.data.matrices[0], [word.polygon for word in words], [word.ignore for word in words]
        made["maps of the detector"].append(Input(device.last[0].numpy(), *rest))
        made["target maps"].append(Input(placeholder_for(batch.data)[0].numpy().copy(), *rest))
    return made


class _Kept(CpuDevice):
    """Keeps what was computed last."""

    last: torch.Tensor

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Any, *, fetch: bool = False) -> Any:
        """Do the work."""
        pending = super().submit(stage, work, batch, fetch=fetch)
        self.last = pending.result().clone()
        return pending


def faster(kind: str, pages: Sequence[Input], goal: float) -> Figure:
    """How many times as fast post-processing and metric are, by page, in turn."""
    what = f"post-processing and metric against the former way, {kind}"
    if any(former(page) != new(page) for page in pages):
        return not_taken(what, "other words or counts than before", unit="times", goal=f">= {goal}")
    took = np.zeros((ROUNDS, 2, len(pages)))
    for turn in range(ROUNDS):
        for number, page in enumerate(pages):
            for place in (0, 1) if turn % 2 else (1, 0):
                begin = time.perf_counter()
                (former, new)[place](page)
                took[turn, place, number] = time.perf_counter() - begin
    rounds = took.sum(axis=2)
    logs = np.log(rounds[:, 0] / rounds[:, 1])
    value, error = float(logs.mean()), 2.36 * float(logs.std(ddof=1)) / ROUNDS**0.5  # t of 7 degrees of freedom
    low, value, high = (float(np.exp(at)) for at in (value - error, value, value + error))
    each = np.median(rounds, axis=0) / len(pages) * 1e3
    detail = f"{each[0]:.2f} ms a page then, {each[1]:.2f} now; {len(pages)} pages, "
    detail += (
        f"{np.mean([len(page.truths) for page in pages]):.0f} words each; {ROUNDS} rounds in turn, same to the bit"
    )
    return Figure(what, value, "times", f">= {goal}", value >= goal, (low, high), detail)


def growth() -> Figure:
    """How much longer the metric takes for four times the words: 16 times where every pair is looked at."""

    def page(count: int) -> tuple[Any, Any, Any]:
        at = np.array([[30 * (k % 20), 20 * (k // 20)] for k in range(count)], np.float32)
        words = [corner + np.array([[0, 0], [25, 0], [25, 12], [0, 12]], np.float32) for corner in at]
        return words, [word + 1 for word in words], [False] * count

    few, many = page(60), page(240)
    ratios = []
    for _ in range(30):
        times = []
        for of in (few, many):
            begin = time.perf_counter()
            count_page(*of)
            times.append(time.perf_counter() - begin)
        ratios.append(times[1] / times[0])
    value, (low, high) = float(np.median(ratios)), np.quantile(ratios, [0.25, 0.75])
    detail = "median of 30 in turn, and the middle half of them"
    return Figure("metric, 240 words against 60", value, "times", "<= 4", value <= 4, (float(low), float(high)), detail)


def end_to_end(folder: Path, replay_ms: float) -> list[Figure]:
    """The three ways against each other on a replay device."""
    common = {**CACHED, "device": "replay", "replay_ms_per_sample": replay_ms, "isolated_samples": 0}
    settings = {**common, "num_steps": 104, "dataset": str(folder)}
    variants = {way: parse_knobs({**settings, "postprocess": way}) for way in WAYS}
    with tempfile.TemporaryDirectory() as place:
        journal = Journal.begin(Path(place), variants, runs=Path(place) / "runs", seed=0, num_blocks=NUM_BLOCKS)
        compared = run_comparison(journal)
        checks = {
            result.name: result.checks.status if result.checks else None for result in compare_run(compared).others
        }
    records = compared.records
    rates = {way: [r.steady.samples_per_s for r in records.get(way, []) if r.steady] for way in WAYS}
    at = f"{replay_ms:g} ms a page (simulated)"
    if not all(rates.values()):
        return [not_taken(f"processes, {at}", "a variant did not run here")]
    shown = ", ".join(f"{way} {np.median(rates[way]):.0f}" for way in WAYS) + " pages/s"
    figures = []
    for other, goal in (("inline", 1.0), ("threads", 1.0)):
        found = estimate(paired_log_ratios(records["processes"], records[other]), compared.state.policy, num_compared=2)
        met = found is not None and found.estimate >= goal and checks["processes"] == "same"
        value, interval = (None, None) if found is None else (found.estimate, found.ci95)
        detail = f"{shown}; result {checks['processes']}"
        figures.append(Figure(f"processes against {other}, {at}", value, "times", f">= {goal}", met, interval, detail))
    if replay_ms >= 1.0:
        shares = np.array(rates["processes"]) * replay_ms / 1e3
        value = float(np.median(shares))
        detail = f"{shown}; the interval is from the slowest to the fastest of {len(shares)} trials"
        ends = float(shares.min()), float(shares.max())
        name = f"processes, share of the device's ceiling, {at}"
        figures.append(Figure(name, value, "share", ">= 0.95", value >= 0.95, ends, detail))
    return figures


def measure() -> list[Figure]:
    """All figures."""
    cv2.setNumThreads(1)
    folder = draw_pages(cache_dir() / f"results-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=0)
    figures = [faster(kind, pages, 1.8) for kind, pages in inputs(folder).items()]
    figures.append(growth())
    for replay_ms in DEVICES_MS:
        figures += end_to_end(folder, replay_ms)
    return figures


if __name__ == "__main__":
    main(__doc__, measure)
