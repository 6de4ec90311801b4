"""The caller of a sweep, in a process of its own, which says how long it took and how much memory it held.

``python -m promise.sweep_caller PART FOLDER SIZE SIZE`` prints one line of JSON; `PARTS` names the parts.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from promise.fabricated import FabricatedTrials, Interrupted, variants

from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.records import Policy, VariantTrial
from workbench.records.run_folder import STATE, read_record, read_spans
from workbench.report.outcome import save_comparison
from workbench.report.verdicts import compare_run, stopping_rule

#: In the folder of the sweep: the real run, the comparison, and the run folders.
PATTERN, COMPARISON_FOLDER, RUNS = "pattern", "comparisons/20260101-000000-aaaaaa", "runs"

_KB = 1024

#: Of the predictions, so many parts are timed each for itself.
_PARTS = 3


class Timed:
    """How long a function takes in all, and how often it is called.

    Args:
        call: The function.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.total_s, self.calls = 0.0, 0

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Call it."""
        began = time.perf_counter()
        try:
            return self._call(*values, **named)
        finally:
            self.total_s += time.perf_counter() - began
            self.calls += 1


def written_bytes() -> int:
    """Bytes that this process has given to the system to write so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def peak_bytes() -> int:
    """The most memory that this process has held."""
    # Not by `getrusage`, whose figure begins with what the parent held when it started this process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * _KB


def drive(folder: Path, num_variants: int, num_blocks: int) -> dict[str, Any]:
    """Run a sweep up to its last trial, at which it is interrupted."""
    runs = folder / RUNS
    journal = Journal.begin(
        folder / COMPARISON_FOLDER,
        variants(num_variants),
        runs=runs,
        seed=0,
        num_blocks=num_blocks,
        policy=Policy(planned_blocks=num_blocks),
    )
    launch = Timed(FabricatedTrials(folder / PATTERN, ends_at=num_variants * num_blocks))  # and a warm-up trial
    add, is_clear = Timed(journal.add), Timed(stopping_rule(journal))
    written = [0]

    def add_and_count(trial: Any) -> None:
        before = written_bytes()
        add(trial)
        written[0] += written_bytes() - before

    journal.add = add_and_count  # type: ignore[method-assign]
    began = time.perf_counter()
    with contextlib.suppress(Interrupted):
        run_comparison(journal, launch=launch, is_clear=is_clear)
    return {
        "trials": add.calls, "total_s": time.perf_counter() - began, "launch_s": launch.total_s,
        "journal_s": add.total_s, "journal_bytes": written[0], "clear_s": is_clear.total_s, "peak_bytes": peak_bytes(),
    }  # fmt: skip


def resume(folder: Path, num_variants: int, num_blocks: int) -> dict[str, Any]:
    """Open the journal again, and go on until the next trial would run."""
    began = time.perf_counter()
    journal = Journal.resume(folder / COMPARISON_FOLDER)
    opened_s = time.perf_counter() - began
    with contextlib.suppress(Interrupted):
        run_comparison(journal, launch=FabricatedTrials(folder / PATTERN, ends_at=0), is_clear=stopping_rule(journal))
    found = {"opened_s": opened_s, "total_s": time.perf_counter() - began, "peak_bytes": peak_bytes()}
    return {**found, "trials": len(journal.state.trials)}


def finish(folder: Path, num_variants: int, num_blocks: int) -> dict[str, Any]:
    """Go on to the end, and make the verdicts."""
    journal = Journal.resume(folder / COMPARISON_FOLDER)
    launch = FabricatedTrials(folder / PATTERN, num_ran=num_variants * num_blocks)
    began = time.perf_counter()
    compared = run_comparison(journal, launch=launch, is_clear=stopping_rule(journal))
    ran_s = time.perf_counter() - began
    save_comparison(compare_run(compared), journal.folder)
    verdicts_s = time.perf_counter() - began - ran_s
    kept = (journal.folder / STATE).stat().st_size
    return {"verdicts_s": verdicts_s, "peak_bytes": peak_bytes(), "state_bytes": kept, "ran_s": ran_s}


def predict(folder: Path, num_predictions: int, _: int) -> dict[str, Any]:
    """Ask the simulator of one run as often as the sweep has trials, each time something else."""
    from workbench.explain.prediction.changes import scale_stage, set_knob
    from workbench.explain.prediction.predictor import Predictor

    run = folder / PATTERN
    record = read_record(run)
    predictor = Predictor(record, read_spans(run))
    stage = next(iter(sorted(predictor.model.stages)))
    first_bytes, times = 0, [time.perf_counter()]
    for number in range(num_predictions):
        change = scale_stage(predictor.model, stage, 0.5 + number / num_predictions)
        predictor.predict([change, set_knob(predictor.model, record.knobs, "num_workers", 1 + number % 8)])
        first_bytes = first_bytes or peak_bytes()
        if (number + 1) % -(-num_predictions // _PARTS) == 0 or number + 1 == num_predictions:
            times.append(time.perf_counter())
    return {
        "total_s": times[-1] - times[0], "peak_bytes": peak_bytes(), "first_bytes": first_bytes,
        "parts_s": [(after - before) * _PARTS for before, after in itertools.pairwise(times)],
    }  # fmt: skip


def journal(folder: Path, num_variants: int, num_blocks: int) -> dict[str, Any]:
    """Enter as many trials in a journal, with nothing between them."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        kept = Journal.begin(
            Path(place) / "new", variants(num_variants), runs=folder / RUNS, seed=0, num_blocks=num_blocks
        )
        names, before, began = list(kept.state.variants), written_bytes(), time.perf_counter()
        for number in range(num_variants * num_blocks):
            block, place_in_it = divmod(number, num_variants)
            run_id = f"20260101-000000-{number:06x}"
            kept.add(VariantTrial(block=block, variant=names[place_in_it], run_id=run_id))
        return {"total_s": time.perf_counter() - began, "bytes": written_bytes() - before}


PARTS: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "drive": drive, "resume": resume, "finish": finish, "predict": predict, "journal": journal,
}  # fmt: skip

if __name__ == "__main__":
    part, place, *sizes = sys.argv[1:]
    print(json.dumps(PARTS[part](Path(place), *map(int, sizes))))
