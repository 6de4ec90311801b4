"""Faults of what surrounds a command: disks and memory that are full or may not be written, a clock that is set."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from promise.fault import Fault
from promise.left_over import Watch
from promise.planted_clock import Clock, clock_ahead

from workbench.files import child_environment
from workbench.records.run_folder import COMPARISON, list_runs, read_comparison, read_record

#: Few, small pages.
_KNOBS = (
    "device=replay", "replay_ms_per_sample=1", "num_pages=4", "image_size=64", "batch_size=2", "num_workers=2",
    "num_steps=6", "warmup_steps=1", "isolated_samples=0", "checked_samples=0", "timeout_s=240",
)  # fmt: skip

_SCRIPT = Path(__file__).parents[2] / "tests" / "observed_scripts" / "plain_loop.py"
_EXAMPLES = Path(__file__).parents[2]

_ENDS_WITHIN_S, _POLL_S = 300.0, 0.05

#: What is said of a disk that is full.
_NO_ROOM = "[Nn]o space|cannot write|room"

#: Mounts file systems that only the command sees, and becomes it: pairs of options and a folder, then `--`.
_IN_ROOM = 'while [ "$1" != -- ]; do mount -t tmpfs -o "$1" fault "$2" || exit 96; shift 2; done; shift; exec "$@"'
_CANNOT_MOUNT = 96

#: Loader workers of this workload end by an abort, as those of libraries that clean up twice do.
_ABORTING = """
import os
from multiprocessing.util import Finalize
from examples.toy_workload import Toy, ToyImages

class Images(ToyImages):
    started = False
    def __getitem__(self, number):
        from torch.utils.data import get_worker_info
        if get_worker_info() and not self.started:
            self.started = True
            Finalize(None, os.abort, exitpriority=1)
        return super().__getitem__(number)

class Aborting(Toy):
    def dataset(self):
        return Images(self.knobs)
"""


def command(name: str, results: Path, *knobs: str) -> list[str]:
    """A command of few small pages."""
    own = {knob.partition("=")[0] for knob in knobs}
    common = (knob for knob in _KNOBS if knob.partition("=")[0] not in own)
    given = [part for knob in (*common, *knobs) for part in ("-p", knob)]
    start = [sys.executable, "-m", "workbench", name, "--out", str(results)]
    if name == "attach":
        script = [sys.executable, str(_SCRIPT), "1", "fork", "map", "once"]
        return [*start, "--steps", "10", "-p", "timeout_s=60", "--", *script]
    if name == "compare":
        return [*start, *given, "--blocks", "2", "--whole-trials", "--variant", "inline: num_workers=0"]
    if name == "check":
        return [*start, *given, "--against", "num_workers=0", "--blocks", "2"]
    return [*start, *given, *(["--blocks", "1"] if name == "report" else [])]


def plant_around(
    folder: Path,
    name: str,
    *,
    codes: Sequence[int],
    words: str = "",
    mounts: Mapping[str, str] | None = None,
    environment: Mapping[str, str | None] | None = None,
    knobs: Sequence[str] = (),
) -> list[str]:
    """Run a command in surroundings that are not as they should be.

    Args:
        folder: An empty folder.
        name: The command.
        codes: Exit codes that it may end with.
        words: A pattern of what it has to say where that is not 0.
        mounts: By folder (`{folder}` is the empty one): options of the file system in memory that lies there.
        environment: Variables that are other ones (`{folder}` likewise); None: there is no such variable.
        knobs: Beside those of all.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    places = {place.format(folder=folder): options for place, options in (mounts or {}).items()}
    for place in places:
        Path(place).mkdir(parents=True, exist_ok=True)
    around = child_environment(watch.environment)
    for variable, value in (environment or {}).items():
        around.pop(variable, None)
        if value is not None:
            around[variable] = value.format(folder=folder)
    words_of_mounts = [part for place, options in places.items() for part in (options, place)]
    room = ["unshare", "-m", "sh", "-c", _IN_ROOM, "sh", *words_of_mounts, "--"] if places else []
    ended = subprocess.run(
        [*room, *command(name, results, *knobs)], env=around, capture_output=True, text=True, timeout=_ENDS_WITHIN_S
    )
    if ended.returncode == _CANNOT_MOUNT:
        return ["not taken: nobody may mount here"]
    return [*told(ended, codes, words), *untold_records(results), *watch.left()]


def told(ended: subprocess.CompletedProcess[str], codes: Sequence[int], words: str) -> Iterator[str]:
    """What is wrong with how a command has ended."""
    text = ended.stdout + ended.stderr
    if ended.returncode not in codes:
        yield f"it ended with exit code {ended.returncode}: {text[-400:]}"
    if ended.returncode and not re.search(words, text):
        yield f"it does not say what the matter is: {text[-400:]}"
    if "Traceback" in text:
        yield f"a traceback: {text[text.index('Traceback') :][-600:]}"


def untold_records(results: Path) -> Iterator[str]:
    """Records that cannot be read, or that hold a failure without a way out."""
    for folder in list_runs(results / "runs"):
        failure = read_record(folder).failure
        if failure is not None and "Traceback" in failure.message:
            yield f"{folder.name}: {failure.message[-300:]}"


def plant_clock(folder: Path, name: str, *, then_killed: bool = False) -> list[str]:
    """Set the clock back by an hour in the middle of a command, and see it end, with all that it left removed.

    Args:
        folder: An empty folder.
        name: The command.
        then_killed: Whether its trial is killed right after that, so that only its launcher can clean up; else it has
            to end well.

    Returns:
        Every way in which it was not survived.
    """
    watch, results = Watch(folder), folder / "results"
    clock = clock_ahead(folder)
    if clock is None:
        return ["not taken: there is no C compiler"]
    knobs = ("num_steps=60", "batch_size=4", clock.knob)
    process = subprocess.Popen(
        command(name, results, *knobs),
        env=child_environment({**watch.environment, **clock.variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    segments: dict[Path, bool] = {}
    over = threading.Event()
    thread = threading.Thread(target=_leave_segments, args=(watch, clock, segments, over, then_killed), daemon=True)
    thread.start()
    said, _ = process.communicate(timeout=_ENDS_WITHIN_S)
    over.set()
    thread.join()
    ended = subprocess.CompletedProcess([], process.returncode, said, "")
    lost = [*told(ended, [1 if then_killed else 0], "killed"), *untold_records(results)]
    failures = [read_record(path).failure for path in list_runs(results / "runs")]
    lost += [f"a trial ended otherwise: {failure}" for failure in failures if (failure is not None) != then_killed]
    lost += [f"it failed as '{failure.kind}'" for failure in failures if failure and failure.kind != "killed"]
    lost += [] if any(segments.values()) else ["no worker was seen that has the clock"]
    kept = [path.name for path in segments if path.exists()]
    lost += [f"/dev/shm/{', '.join(kept)} left by workers that are gone"] if kept else []
    for path in segments:
        path.unlink(missing_ok=True)
    return [*lost, *watch.left()]


def _leave_segments(
    watch: Watch, clock: Clock, segments: dict[Path, bool], over: threading.Event, is_killed: bool
) -> None:
    """In the name of each loader worker leave a segment, as one does that is killed while it sends; then set the clock.

    Args:
        watch: Over the command.
        clock: What is set.
        segments: Is filled: by segment, whether its worker had the clock, and was there before it was set.
        over: Set when the command has ended.
        is_killed: Whether the trial is killed then.
    """
    while not over.is_set():
        for process in watch.processes():
            path = Path(f"/dev/shm/torch_{process.pid}_1_0")
            if path not in segments and _is_worker(process):
                path.write_bytes(b"x")
                segments[path] = clock.ahead.exists() and _has(process, clock)
                clock.set_back()
                if is_killed:
                    process.parent().kill()
        time.sleep(_POLL_S)


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() == "pt_data_worker" and process.ppid() > 1
    return False


def _has(process: psutil.Process, clock: Clock) -> bool:
    with contextlib.suppress(psutil.Error):
        return clock.variables["LD_PRELOAD"] in Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
    return False


def plant_two(folder: Path) -> list[str]:
    """Run two comparisons at once in one folder of results: each is whole, with trials of its own."""
    watch, results = Watch(folder), folder / "results"
    environment = child_environment(watch.environment)
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(command("compare", results), env=environment, stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    lost: list[str] = []
    for process in both:
        out, err = process.communicate(timeout=_ENDS_WITHIN_S)
        lost += told(subprocess.CompletedProcess([], process.returncode, out, err), [0], "")
    comparisons = [read_comparison(path.parent) for path in results.glob(f"comparisons/*/{COMPARISON}")]
    if len(comparisons) != 2:
        return [*lost, f"{len(comparisons)} comparisons are there", *watch.left()]
    trials = [{run_id for variant in one.variants for run_id in variant.run_ids} for one in comparisons]
    if trials[0] & trials[1]:
        lost.append(f"they share trials: {trials[0] & trials[1]}")
    lost += [f"{run_id} has no record" for run_id in set.union(*trials) if not _is_read(results, run_id)]
    return [*lost, *watch.left()]


def _is_read(results: Path, run_id: str) -> bool:
    return read_record(results / "runs" / run_id).failure is None


def plant_abort(folder: Path) -> list[str]:
    """Let each loader worker abort at its end: what was measured is kept, and a note tells."""
    watch, results = Watch(folder), folder / "results"
    (folder / "aborting.py").write_text(_ABORTING, encoding="utf-8")
    path = f"{folder}:{_EXAMPLES}:{child_environment().get('PYTHONPATH', '')}"
    words = [sys.executable, "-m", "workbench", "run", "--out", str(results)]
    knobs = ("workload=aborting:Aborting", *(knob for knob in _KNOBS if not knob.startswith(("num_pages", "image"))))
    ended = subprocess.run(
        [*words, *(part for knob in (*knobs, "num_images=16") for part in ("-p", knob))],
        env=child_environment({**watch.environment, "PYTHONPATH": path}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_ENDS_WITHIN_S,
    )
    lost = [*told(ended, [0], ""), *untold_records(results), *watch.left()]
    notes = [note for run in list_runs(results / "runs") for note in read_record(run).notes]
    return lost + ([] if "SIGABRT" in "\n".join(notes) else [f"its notes say nothing of it: {notes}"])


def _faults() -> Iterator[Fault]:
    subjects = {"run": "driven", "attach": "observed", "compare": "comparison"}
    measured = tuple(subjects)
    subjects |= {"report": "report", "check": "check"}

    def around(what: str, name: str, codes: Sequence[int], words: str = "", **how: Any) -> Fault:
        plant = partial(plant_around, name=name, codes=codes, words=words, **how)
        return Fault(what, subjects[name], f"workbench {name}", plant)

    for name in measured:
        for size in ("4k", "64k", "400k", "1m"):
            mounts = {"/dev/shm": f"size={size}"}
            yield around(f"/dev/shm has {size}", name, [0, 1], "/dev/shm|shared memory", mounts=mounts)
        for size in ("8k", "64k", "200k", "1m"):
            mounts = {"{folder}/results": f"size={size}"}
            yield around(f"disk of results has {size}", name, [0, 1, 2], _NO_ROOM, mounts=mounts)
        mounts = {"{folder}/results": "ro"}
        yield around("results may not be written", name, [1, 2], "[Rr]ead-only", mounts=mounts)
        home, mounts = _unwritable_home()
        yield around("home may not be written", name, [0], mounts=mounts, environment=home)
    for name in ("report", "check"):
        yield from _around_several(around, name)
    home = {"HOME": None, "XDG_CACHE_HOME": None, "WORKBENCH_CACHE": None}
    yield around("there is no HOME", "run", [0], environment=home)
    cache = {"WORKBENCH_CACHE": "{folder}/cache"}
    kept = ("cache=prepared", "cache_store=disk")
    for options, words in (("ro", "[Rr]ead-only"), ("size=8k", "no space|room")):
        how = {"mounts": {"{folder}/cache": options}, "environment": cache, "knobs": kept}
        yield around(f"cache of pages is {options}", "run", [0, 1, 2], words, **how)
    yield around("TMPDIR is not there", "run", [0], environment={"TMPDIR": "{folder}/gone"})
    for name in ("run", "compare"):
        plant = partial(plant_clock, name=name)
        yield Fault("clock set back by an hour", subjects[name], f"workbench {name}", plant)
    plant = partial(plant_clock, name="run", then_killed=True)
    yield Fault("clock set back by an hour, then the trial killed", "driven", "workbench run", plant)
    yield Fault("two at once in one folder", "comparison", "workbench compare", plant_two)
    yield Fault("workers abort at their end", "driven", "workbench run", plant_abort, is_short=True)


def _unwritable_home() -> tuple[dict[str, str | None], dict[str, str]]:
    """Variables that name a home, and what is mounted there."""
    return {"HOME": "{folder}/home", "XDG_CACHE_HOME": None, "WORKBENCH_CACHE": None}, {"{folder}/home": "ro"}


def _around_several(around: Callable[..., Fault], name: str) -> Iterator[Fault]:
    """Around a command that runs many trials, of which each has been tried by itself."""
    yield around("/dev/shm has 64k", name, [0, 1, 2], "/dev/shm|shared memory", mounts={"/dev/shm": "size=64k"})
    for size in ("64k", "1m"):
        mounts = {"{folder}/results": f"size={size}"}
        yield around(f"disk of results has {size}", name, [0, 1, 2], _NO_ROOM, mounts=mounts)
    yield around("results may not be written", name, [1, 2], "[Rr]ead-only", mounts={"{folder}/results": "ro"})
    home, mounts = _unwritable_home()
    # Whatever the verdict: of so few steps it may be any.
    yield around("home may not be written", name, [0, 1, 3], "pages/s", mounts=mounts, environment=home)


FAULTS: tuple[Fault, ...] = tuple(_faults())
