"""Diagnosis: faults planted in real trials; the diagnosis must name the planted one first, and its gap must add up.

Each fault alone; milder forms of it, which cost a healthy pipeline 5, 10 and 20 % of its time and must be named; and
two at once, of which the larger must be named first and the other one as well. No run with a fault may be called
healthy, and at least nine tenths of each run's gap to its ceiling must be explained.

What a knob can do is done by a knob: `slow_down` makes a stage take longer in its place, the replay device takes its
time, there are more workers than cores. The rest is planted in the trial's own processes while they import the
workbench (`promise/planted/`), or lies in the pages. Only this file knows the fault: the diagnosis sees the trial's
record and its spans. About 17 minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from promise.figure import Figure, main
from promise.milder import healthy, milder_faults

from workbench.errors import WorkbenchError
from workbench.explain.diagnosis.diagnose import Advice, advise
from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.workloads.ocr.synthetic.draw import draw_pages

NUM_PAGES = 64

#: Of each run's gap to its ceiling so much must be explained, where it is at least so large.
EXPLAINED, LEAST_GAP = 0.9, 0.02

#: Two of 64 pages, 49 times as large as the others.
RARE_PAGES, ENLARGED = (11, 36), 7

#: A pipeline of ordinary parts on a device that waits for it.
ORDINARY: Mapping[str, object] = {
    "batch_size": 8,
    "num_workers": 2,
    "num_steps": 24,
    "device": "replay",
    "replay_ms_per_sample": 8.0,
    "checked_samples": 0,
}

#: Fast parts that do not wait for each other; the device takes a little longer than they do (see `MATCHED_BY`).
MATCHED: Mapping[str, object] = {
    "image_decoder": "turbojpeg",
    "transforms": "direct",
    "normalize": "opencv",
    "targets": "fast",
    "transport": "ring",
    "epoch_overlap": True,
    "postprocess": "threads",
}

#: How many times as long as all else the matched device takes: on shared cores all else is not always as fast.
MATCHED_BY = 1.6

#: Four times as many workers as cores, and nothing else that is wrong: in short epochs each of them would run dry after
#: a batch or two, and a slow device would leave cores free.
OVERSUBSCRIBED: Mapping[str, object] = {
    "num_workers": 4 * len(os.sched_getaffinity(0)),
    "epoch_overlap": True,
    "replay_ms_per_sample": 2.0,
}


@dataclass(frozen=True)
class Fault:
    """A fault, how it is planted, and what the diagnosis must say.

    Attributes:
        name: What is wrong.
        cause: What the diagnosis must name first.
        stage: Of which stage; None: any.
        knobs: What plants it, beside the ordinary knobs.
        planted: What is planted in the trial's processes: a name of `promise/planted`, and how much.
        has_rare_pages: Whether the pages are those with a few large ones.
        is_matched: Whether the device takes `MATCHED_BY` times as long as a page took with one that takes no time. Then
            nothing is wrong: the run is healthy, or, where all else could feed a much faster device, device-bound.
        second: Of two faults at once, cause and stage of the smaller.
        must_lead: Whether the planted cause must be named first.
    """

    name: str
    cause: str
    stage: str | None = None
    knobs: Mapping[str, object] = field(default_factory=dict)
    planted: str = ""
    has_rare_pages: bool = False
    is_matched: bool = False
    second: tuple[str, str] | None = None
    must_lead: bool = True


FAULTS = (
    Fault("slow decode", "loader-bound", "decode", {"slow_down": {"decode": 30}}),
    Fault("slow normalize in place", "loader-bound", "Normalize", {"slow_down": {"Normalize": 30}}),
    Fault("slow targets", "loader-bound", "targets", {"slow_down": {"targets": 30}}),
    Fault("slow collate", "loader-bound", "collate", {"slow_down": {"collate": 300}}),
    Fault("heavy send", "heavy send and receive", planted="heavy_send:200"),
    Fault("slow worker start", "slow worker start", "start", {"persistent_workers": False}, "slow_start:500"),
    Fault("one straggler worker", "one slow worker", planted="straggler:60"),
    Fault("rare slow pages", "rare slow samples", has_rare_pages=True),
    Fault("main-thread post-processing", "main-thread-bound", "postprocess", {"slow_down": {"postprocess": 250}}),
    Fault(
        "background post-processing",
        "background-thread-bound",
        "postprocess",
        {"slow_down": {"postprocess": 250}, "postprocess": "threads"},
    ),
    Fault("device-bound", "device-bound", None, {"replay_ms_per_sample": 80.0, "postprocess": "threads"}),
    Fault("oversubscribed cores", "cores oversubscribed", None, OVERSUBSCRIBED),
    Fault("lock contention", "lock contention", "decode", planted="lock:20"),
    Fault("slow transfer", "transfer-bound", "transfer", {"slow_down": {"transfer": 250}}),
    Fault("nothing", "healthy", None, MATCHED, is_matched=True),
)

#: Two faults at once: they hold up one after the other, so that each costs its time.
DOUBLES = (
    Fault(
        "slow decode and slow targets", "loader-bound", "decode", {"slow_down": {"decode": 40, "targets": 15}},
        second=("loader-bound", "targets"),
    ),
    Fault(
        "slow collate and slow normalize", "loader-bound", "collate", {"slow_down": {"collate": 400, "Normalize": 15}},
        second=("loader-bound", "Normalize"),
    ),
    Fault(
        "slow transfer and slow post-processing", "transfer-bound", "transfer",
        {"slow_down": {"transfer": 400, "postprocess": 100}}, second=("main-thread-bound", "postprocess"),
    ),
    Fault(
        "slow worker start and slow collate", "slow worker start", "start",
        {"persistent_workers": False, "slow_down": {"collate": 80}}, "slow_start:2000",
        second=("loader-bound", "collate"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """What came of one trial: the figure, what was said first, and the share of its gap that is explained."""

    figure: Figure
    first: str = ""
    explained: float | None = None
    record: Record | None = None


def measure() -> list[Figure]:
    """All figures."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        place.warm_up()
        trials = [place.run(fault) for fault in (*FAULTS, *DOUBLES)]
        matched = trials[len(FAULTS) - 1].record
        trials += [place.run(fault) for fault in milder(matched)] if matched is not None else []
    figures = [trial.figure for trial in trials]
    found = sum(figure.met for figure in figures)
    detail = f"{time.monotonic() - started:.0f} s, one trial each"
    wrong = [trial.figure.name for trial in trials if trial.first == "healthy" and trial.figure.name != "nothing"]
    explained = [trial.explained for trial in trials if trial.explained is not None]
    least = min(explained, default=0.0)
    return [
        *figures,
        Figure("named", found / len(figures), "share", ">= 1", found == len(figures), detail=detail),
        Figure("called healthy with a fault", float(len(wrong)), "runs", "<= 0", not wrong, detail=", ".join(wrong)),
        Figure("gap explained, least of all runs", least, "share", f">= {EXPLAINED}", least >= EXPLAINED),
    ]


def milder(matched: Record) -> Iterator[Fault]:
    """Milder forms of the faults, for the pipeline of a healthy run."""
    device_ms = float(matched.knobs.replay_ms_per_sample)
    for each in milder_faults(healthy(matched, device_ms, NUM_PAGES)):
        knobs = {**MATCHED, "replay_ms_per_sample": device_ms, **each.knobs}
        name = f"{each.name}, {each.loss:.0%}"
        yield Fault(name, each.cause, each.stage, knobs, each.planted, must_lead=False)


class Place:
    """Where trials run: two sets of pages, and the run folders.

    Args:
        folder: Where all of it goes.
    """

    def __init__(self, folder: Path) -> None:
        self._pages = draw_pages(folder / "pages", count=NUM_PAGES, seed=0)
        self._rare = with_rare_pages(self._pages, folder / "rare")
        self._runs = folder / "runs"

    def warm_up(self) -> None:
        """A trial that nothing is said about: what it imports lies in the file cache from then on."""
        run_trial(parse_knobs({**ORDINARY, "num_steps": 4, "dataset": str(self._pages)}), self._runs)

    def run(self, fault: Fault) -> Trial:
        """One trial with a fault, and what is said about it."""
        try:
            trial = _trial(fault, self._rare if fault.has_rare_pages else self._pages, self._runs)
        except WorkbenchError as error:
            trial = Trial(Figure(fault.name, None, "named", f"'{fault.cause}'", False, detail=str(error)))
        print(f"{fault.name}: {trial.figure.met}: {trial.figure.detail}", file=sys.stderr, flush=True)
        return trial


def with_rare_pages(pages: Path, folder: Path) -> Path:
    """A copy of some pages of which a few are much larger: what they show is the same."""
    shutil.copytree(pages, folder)
    path = folder / "annotations.json"
    annotations = json.loads(path.read_text())
    for number in RARE_PAGES:
        name = f"page-{number:04d}.jpg"
        with Image.open(folder / "images" / name) as image:
            size = image.width * ENLARGED, image.height * ENLARGED
            image.resize(size).save(folder / "images" / name, quality=85, exif=image.getexif())
        entry = annotations["images"][name]
        entry["img_w"], entry["img_h"] = entry["img_w"] * ENLARGED, entry["img_h"] * ENLARGED
        for word in entry["words"].values():
            word["points"] = [[x * ENLARGED, y * ENLARGED] for x, y in word["points"]]
    path.write_text(json.dumps(annotations))
    return folder


def _trial(fault: Fault, pages: Path, runs: Path) -> Trial:
    by = f", by '{fault.stage}'" if fault.stage else ""
    goal = f"'{fault.cause}' {'first' if fault.must_lead else 'named'}{by}"
    if fault.second is not None:
        goal += f", and '{fault.second[0]}' by '{fault.second[1]}'"
    knobs = parse_knobs({**ORDINARY, **fault.knobs, "dataset": str(pages)})
    if fault.is_matched:
        unbound = run_trial(knobs.changed(replay_ms_per_sample=0.1), runs)
        if unbound.steady is not None:
            knobs = knobs.changed(replay_ms_per_sample=MATCHED_BY * 1e3 / unbound.steady.samples_per_s)
    with _planted(fault.planted):
        record = run_trial(knobs, runs)
    if record.steady is None:
        why = record.failure.message if record.failure else "it left no steady part"
        return Trial(Figure(fault.name, None, "named", goal, False, detail=f"the trial failed: {why}"))
    advice = advise(runs / record.run_id)
    named = [(cause.name, cause.stage) for cause in advice.causes]
    places = [at for at, (name, stage) in enumerate(named) if name == fault.cause and fault.stage in (None, stage)]
    met = bool(places) and (not fault.must_lead or places[0] == 0) and fault.second in (None, *named)
    met = met or (fault.is_matched and named[0][0] == "device-bound")
    figure = Figure(fault.name, float(met), "named", goal, met, detail=_detail(advice, record.steady.samples_per_s))
    return Trial(figure, advice.causes[0].name, _explained(advice), record)


def _explained(advice: Advice) -> float | None:
    """Share of a run's gap that is explained; None where there is hardly a gap."""
    gap = advice.gap
    return None if gap is None or gap.missing < LEAST_GAP else 1.0 - gap.unexplained / gap.missing


def _detail(advice: Advice, samples_per_s: float) -> str:
    ranked = "; ".join(f"{cause.title} {cause.cost:.2f}" for cause in advice.causes[:3])
    tried = f"; to try: {advice.steps[0].text}" if advice.steps else ""
    reached = f"; ceiling reached {advice.gap.reached:.2f}" if advice.gap is not None else ""
    explained = _explained(advice)
    reached += f", gap explained {explained:.2f}" if explained is not None else ""
    return f"{samples_per_s:.1f} pages/s; {ranked}{tried}{reached}"


@contextmanager
def _planted(fault: str) -> Iterator[None]:
    """As long as the block lasts, trials start with a fault in them."""
    folder = Path(__file__).parent / "promise" / "planted"
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    wanted = {"PLANTED_FAULT": fault, "PYTHONPATH": path} if fault else {}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


if __name__ == "__main__":
    main(__doc__, measure)
