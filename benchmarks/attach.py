"""Observing a script: what it costs, whether it is the same script still, whether its figures are right.

Scripts that know nothing of the workbench are observed in processes of their own: `examples/own_script/train.py` and a
plain loop of the tests. What observing costs is found within one process, by stretches of steps that are looked into
and stretches that are only counted, in turn. About 14 minutes.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from promise.figure import Figure, main
from promise.naive_answers import share_of_time, smallest_ceiling
from promise.prediction_cells import Cell

from workbench.explain.diagnosis.diagnose import advise
from workbench.explain.prediction.changes import Change, scale_stage, set_knob
from workbench.explain.prediction.predictor import Predictor
from workbench.files import checkout_dir
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.command import INJECTED
from workbench.measure.attach.seen import Seen
from workbench.measure.trial.launcher import run_trial
from workbench.observer.session import SETTINGS, VARIABLE
from workbench.records import Record, StageStats
from workbench.records.run_folder import read_spans

OWN = checkout_dir() / "examples" / "own_script" / "train.py"
PLAIN = checkout_dir() / "tests" / "observed_scripts" / "plain_loop.py"
STEPS = Path(__file__).parent / "promise" / "short_steps.py"

#: Steps of a stretch that is looked into, and of the next one that is only counted.
STRETCH = 20

#: By name: workers, samples in a batch, steps, seconds of work in a step, and the largest overhead.
OVERHEADS = {
    "10 ms, 1 worker": ("1", "8", "1200", "0.010", 0.01),
    "10 ms, in the main process": ("0", "8", "1200", "0.009", 0.02),
    "1 ms, 1 worker": ("1", "4", "4000", "0.0006", 0.05),
    "1 ms, in the main process": ("0", "4", "4000", "0.0008", 0.05),
}

#: How often a variant is run beside the script as it is.
BLOCKS = 3

#: What the own script calls them: it has its loss in the loop itself.
OWN_NAMES = {"loss": "your code", "transform": "Invert"}

LEAST_ATTRIBUTED, MOST_MEDIAN, MOST_P90, TIMES_NOISE = 0.98, 0.05, 0.12, 1.5

#: What is planted, and the stage that has to be named first; in the plain loop and in the own script.
PLANTED = {
    "collate": "collate",
    "sample": "__getitem__",
    "loss": "loss",
    "validation": "validation",
    "transform": "Scale",
}


def observe(script: Path, *arguments: str, place: Path, **knobs: object) -> Record:
    """Observe a script."""
    command = shlex.join([sys.executable, str(script), *arguments])
    return run_trial(ObservedKnobs.parse_own({"command": command, **knobs}), place)


def overheads() -> Iterator[Figure]:
    for name, (*arguments, goal) in OVERHEADS.items():
        ratios = stretches(list(map(str, arguments)))
        draw = np.random.default_rng(0)
        medians = [float(np.median(draw.choice(ratios, len(ratios)))) - 1.0 for _ in range(1000)]
        low, high = np.quantile(medians, [0.025, 0.975])
        value = float(np.median(ratios)) - 1.0
        detail = f"{len(ratios)} pairs of stretches of {STRETCH} steps"
        yield Figure(f"overhead at {name}", value, "share", f"<= {goal:g}", value <= goal, (low, high), detail)


def stretches(arguments: Sequence[str]) -> np.ndarray:
    """float64 [pairs]: time of steps that are looked into over that of steps that are only counted."""
    with tempfile.TemporaryDirectory() as place:
        settings = {"steps": None, "let_finish": True, "alternate": STRETCH}
        (Path(place) / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
        environment = {**os.environ, VARIABLE: place, "PYTHONPATH": str(INJECTED)}
        subprocess.run([sys.executable, str(STEPS), *arguments], env=environment, check=True)
        seen = Seen(Path(place))
        seen.update()
        at_ns = seen.loops[0].count("asked").at_ns
    took = np.diff(at_ns)
    groups = [np.median(took[first : first + STRETCH]) for first in range(2 * STRETCH, len(took) - STRETCH, STRETCH)]
    pairs = len(groups) // 2
    return np.array(groups[: 2 * pairs : 2]) / np.array(groups[1 : 2 * pairs : 2])


def attributed(place: Path) -> Iterator[Figure]:
    cases = {"own script": (OWN, ("--epochs", "6")), "plain loop": (PLAIN, ("2", "fork", "map"))}
    cases |= {f"plain loop, {how}": (PLAIN, ("2", how, "map")) for how in ("spawn", "forkserver")}
    cases["plain loop, 0 workers"] = (PLAIN, ("0", "fork", "map"))
    for name, (script, arguments) in cases.items():
        record = observe(script, *arguments, place=place, num_steps=30)
        share = min(lane.attributed_share or 0.0 for lane in record.lanes)
        goal, met = f">= {LEAST_ATTRIBUTED}", share >= LEAST_ATTRIBUTED
        yield Figure(f"attributed share: {name}", share, "share", goal, met, detail="the smaller of both lanes")


def same(place: Path) -> Iterator[Figure]:
    cases = [(workers, kind) for workers in ("0", "2") for kind in ("map", "subset", "iterable")]
    equal = 0
    for workers, kind in cases:
        arguments = (workers, "fork", kind)
        command = [sys.executable, str(PLAIN), *arguments]
        alone = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        record = observe(PLAIN, *arguments, place=place, let_finish=True, num_steps=20)
        equal += (place / record.run_id / "stdout.txt").read_text(encoding="utf-8") == alone
    detail = "digest of all batches and last loss, 0 and 2 workers, three kinds of data sets"
    name, unit, goal = "batches bit for bit the same", f"of {len(cases)}", f"= {len(cases)}"
    yield Figure(name, equal, unit, goal, equal == len(cases), detail=detail)


def planted(place: Path) -> Iterator[Figure]:
    found = 0
    wrong = []
    cases = [(script, plant) for script in (PLAIN, OWN) for plant in PLANTED]
    for script, plant in cases:
        arguments = ("2", "fork", "map") if script is PLAIN else ("--slow", plant, "--epochs", "6", "--repeat", "1")
        env = f"PLANT={plant}" if script is PLAIN else ""
        record = observe(script, *arguments, place=place, num_steps=40, let_finish=True, env=env)
        work = [row for row in record.stages if not row.background and is_work(record, row)]
        first = max(work, key=lambda row: row.total_s).name
        cause = advise(place / record.run_id).causes[0].title
        wanted = OWN_NAMES.get(plant, PLANTED[plant]) if script is OWN else PLANTED[plant]
        is_first = wanted in first and wanted in cause
        found += is_first
        wrong += [] if is_first else [f"{script.name} {plant}: {first}; {cause}"]
    detail = "; ".join(wrong) or "a sleep in transform, collate, sample, loss, validation of two scripts"
    name, unit, goal = "planted sleep is the largest part, and the diagnosis", f"of {len(cases)}", f"= {len(cases)}"
    yield Figure(name, found, unit, goal, found == len(cases), detail=detail)


def is_work(record: Record, row: StageStats) -> bool:
    """Whether a stage is neither waiting nor starting."""
    role = record.catalogue.find(row.lane, row.name).role
    return role not in ("wait", "start", "epoch") and "wait" not in row.name


def predicted(place: Path) -> Iterator[Figure]:
    """Predictions from one observed record against what the same script then does."""
    arguments = ("--epochs", "20", "--batch-size", "8", "--decodes", "2", "--step-ms", "20", "--repeat", "8")
    base = observe(OWN, *arguments, place=place, num_steps=80)
    predictor = Predictor(base, read_spans(place / base.run_id))
    knobs, model = base.knobs, predictor.model
    halved = (*arguments, "--decodes", "1")  # the later one counts
    cells: dict[str, tuple[Change, tuple[str, ...], dict[str, object]]] = {
        f"num_workers={count}": (set_knob(model, knobs, "num_workers", count), arguments, {"num_workers": count})
        for count in (0, 1, 2, 4)
    }
    cells["decode x0.5"] = (scale_stage(model, "decode", 0.5), halved, {})
    runs = {"base": (arguments, {}), **{name: (words, own) for name, (_, words, own) in cells.items()}}
    # The machine drifts: what is predicted is how much faster a variant is, and that is measured side by side.
    blocks = [{name: rate_of(place, *how) for name, how in runs.items()} for _ in range(BLOCKS)]
    errors, noise, naive, lines = [], [], [], []
    for name, (change, _, _) in cells.items():
        expected = 1.0 + predictor.predict([change]).gain.estimate
        ratios = [block[name] / block["base"] for block in blocks]
        measured = float(np.mean(ratios))
        errors.append(abs(expected / measured - 1.0))
        noise.append(float(np.ptp(ratios)) / measured)
        if name == "decode x0.5":
            own_rate = base.steady.samples_per_s if base.steady else 1.0
            naive = [abs(answer / own_rate / measured - 1.0) for answer in naive_answers(base)]
        lines.append(f"{name}: {expected:.2f}x predicted, {', '.join(f'{ratio:.2f}x' for ratio in ratios)} measured")
    median, worst = float(np.median(errors)), float(np.quantile(errors, 0.9))
    floor = float(np.median(noise))
    detail = "; ".join(lines)
    told = f"share of time {naive[0]:.1%} off, smallest ceiling {naive[1]:.1%} off, of 'decode x0.5'"
    most, most_p90 = max(MOST_MEDIAN, TIMES_NOISE * floor), max(MOST_P90, TIMES_NOISE * floor)
    yield Figure("median error of predictions", median, "share", f"<= {most:.3g}", median <= most, detail=detail)
    yield Figure("90th percentile of the error", worst, "share", f"<= {most_p90:.3g}", worst <= most_p90, detail=told)


def rate_of(place: Path, words: Sequence[str], own: dict[str, object]) -> float:
    """Samples a second of the own script."""
    record = observe(OWN, *words, place=place, num_steps=60, **own)
    assert record.steady is not None, record.failure
    return record.steady.samples_per_s


def naive_answers(record: Record) -> tuple[float, float]:
    """The two answers that need no model: by the share of time, and by the smallest ceiling."""
    assert record.steady is not None
    cell = Cell("decode x0.5", settings={}, stages={"decode": 0.5})
    return share_of_time(record, cell), smallest_ceiling(record, cell)


def measure() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        return [*overheads(), *attributed(place), *same(place), *planted(place), *predicted(place)]


if __name__ == "__main__":
    main(__doc__, measure)
