"""A sweep of 10,000 trials: what its caller holds, what its journal takes, and how long it is until one sees anything.

One small trial is really run. Its run folder is written 10,000 times, with other run ids, dates and throughput
("fabricated"), by what stands in for the launcher; all else is the real caller, in processes of its own: 100 variants
in 100 blocks, interrupted at the last trial, opened again and ended. What it says of 100 nodes is in `docs/sweep.md`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from promise.fabricated import real_run
from promise.figure import Figure, main
from promise.sweep_caller import COMPARISON_FOLDER, PATTERN

from workbench.files import child_environment
from workbench.records.run_folder import RECORD, SAMPLES, SPANS
from workbench.report.results_on_disk import num_bytes
from workbench.workloads.ocr.synthetic.draw import draw_pages

NUM_VARIANTS, NUM_BLOCKS = 100, 100
REPEATS = 3
NUM_PAGES = 8

#: Longer trials than the smallest: what a run folder then takes.
LONGER_STEPS = 60

MOST_MEMORY, MOST_RESUME_S, MOST_HISTORY_S, MOST_JOURNAL_S = 500e6, 5.0, 3.0, 60.0
MOST_JOURNAL_BYTES, MOST_GROWTH = 20e6, 50e6

_ALL = NUM_VARIANTS * NUM_BLOCKS
_FABRICATED = f"{_ALL} trials, fabricated: the run folder of one real trial, written again; two shared cores"


def measure() -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="sweep-") as name:
        folder = Path(name)
        sizes = _make_pattern(folder)
        drove = _part("drive", folder, NUM_VARIANTS, NUM_BLOCKS)
        resumed = [_resumed(folder) for _ in range(REPEATS)]
        finished = _part("finish", folder, NUM_VARIANTS, NUM_BLOCKS)
        history = [_history_s(folder) for _ in range(REPEATS)]
        listed = _history_s(folder, "--last", str(_ALL))
        journals = [_part("journal", folder, NUM_VARIANTS, NUM_BLOCKS) for _ in range(REPEATS)]
        predicted = _part("predict", folder, _ALL, 0)
    return [
        *_caller(drove, resumed, finished),
        *_journal(drove, journals, finished),
        _time("the history, as it is shown", history, MOST_HISTORY_S, "a process of its own, with its figure"),
        Figure("the history, all trials listed", listed, "s", "shown", True, None, f"once; {_FABRICATED}"),
        *_predictions(predicted),
        *sizes,
    ]


def _make_pattern(folder: Path) -> list[Figure]:
    """Run the trial that all is made of, and a longer one: what they leave."""
    draw_pages(folder / "pages", count=NUM_PAGES, seed=0)
    runs = {
        steps: real_run(folder / "real", dataset=str(folder / "pages"), num_steps=steps) for steps in (4, LONGER_STEPS)
    }
    shutil.copytree(runs[4], folder / PATTERN)
    figures = []
    for steps, run in runs.items():
        parts = ", ".join(f"{name} {(run / name).stat().st_size / 1e3:.0f} kB" for name in (RECORD, SPANS, SAMPLES))
        detail = f"measured: {parts}; samples are kept in the first block only"
        figures.append(Figure(f"a run folder, {steps} steps", num_bytes(run) / 1e3, "kB", "shown", True, None, detail))
    return figures


def _part(name: str, folder: Path, *sizes: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "promise.sweep_caller", name, str(folder), *map(str, sizes)]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, env=child_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    print(name, done.stdout.strip(), file=sys.stderr, flush=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _resumed(folder: Path) -> dict[str, Any]:
    """Each time from the journal as the interrupt has left it: whoever opens one writes it whole."""
    comparison, saved = folder / COMPARISON_FOLDER, folder / "saved"
    if not saved.exists():
        shutil.copytree(comparison, saved)
    shutil.rmtree(comparison)
    shutil.copytree(saved, comparison)
    return _part("resume", folder, NUM_VARIANTS, NUM_BLOCKS)


def _history_s(folder: Path, *more: str) -> float:
    command = [sys.executable, "-m", "workbench", "history", "--out", str(folder), *more]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=child_environment())
    return time.perf_counter() - began


def _time(name: str, times: Sequence[float], most: float, how: str) -> Figure:
    value = sorted(times)[len(times) // 2]
    detail = f"median, least and most of {len(times)}, {how}; {_FABRICATED}"
    return Figure(name, value, "s", f"<= {most:g}", value <= most, (min(times), max(times)), detail)


def _caller(drove: dict[str, Any], resumed: Sequence[dict[str, Any]], finished: dict[str, Any]) -> list[Figure]:
    peaks = [drove["peak_bytes"], finished["peak_bytes"], *(part["peak_bytes"] for part in resumed)]
    of_each = f"running {peaks[0] / 1e6:.0f}, opened again and ended {peaks[1] / 1e6:.0f} MB"
    own_ms = (drove["total_s"] - drove["launch_s"]) / drove["trials"] * 1e3
    is_whole = all(part["trials"] == drove["trials"] == _ALL - 1 for part in resumed)
    rest = f"without the trial itself; of it {drove['clear_s']:.0f} s in all to see whether it is clear"
    return [
        Figure("trials found again", float(is_whole), "share", "= 1", is_whole, None, "of those before the interrupt"),
        Figure(
            "memory of the caller", max(peaks) / 1e6, "MB", f"<= {MOST_MEMORY / 1e6:g}", max(peaks) <= MOST_MEMORY,
            None, f"largest resident set of all its processes: {of_each}; {_FABRICATED}",
        ),
        _time("opened again, until it goes on", [part["total_s"] for part in resumed], MOST_RESUME_S, "after imports"),
        Figure("the caller's own work", own_ms, "ms a trial", "shown", True, None, f"{rest}; {_FABRICATED}"),
        Figure("verdicts at the end", finished["verdicts_s"], "s", "shown", True, None, f"once; {_FABRICATED}"),
    ]  # fmt: skip


def _journal(drove: dict[str, Any], alone: Sequence[dict[str, Any]], finished: dict[str, Any]) -> list[Figure]:
    written = drove["journal_bytes"]
    detail = f"all lines; the file that is left has {finished['state_bytes'] / 1e6:.1f} MB; {_FABRICATED}"
    times = [part["total_s"] for part in alone]
    return [
        _time("writes of the journal", times, MOST_JOURNAL_S, f"each line on the disk before the next, {_ALL} lines"),
        Figure(
            "bytes that the journal writes", written / 1e6, "MB", f"<= {MOST_JOURNAL_BYTES / 1e6:g}",
            written <= MOST_JOURNAL_BYTES, None, detail,
        ),
    ]  # fmt: skip


def _predictions(found: dict[str, Any]) -> list[Figure]:
    parts, grown = found["parts_s"], found["peak_bytes"] - found["first_bytes"]
    detail = f"{_ALL} of one real run, one process; the least and most that its thirds would make of all"
    memory = f"beyond the first one; {found['peak_bytes'] / 1e6:.0f} MB in all; {_ALL} predictions of one real run"
    return [
        Figure("10,000 predictions", found["total_s"], "s", "shown", True, (min(parts), max(parts)), detail),
        Figure(
            "memory of 10,000 predictions", grown / 1e6, "MB", f"<= {MOST_GROWTH / 1e6:g}", grown <= MOST_GROWTH,
            None, memory,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main(__doc__, measure)
