"""Faults of notebooks: the kernel, or what runs the notebook, is killed while a trial runs; nothing is left running."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
from promise.changed_data import drawn_pages
from promise.fault import Fault

from workbench.files import child_environment
from workbench.records.run_folder import EVENTS, RECORD

#: A trial that would go on for minutes.
_KNOBS = ("device=replay", "image_size=64", "batch_size=2", "num_steps=100000", "isolated_samples=0", "num_workers=1")

_BEGINS_WITHIN_S, _ENDS_WITHIN_S, _POLL_S = 90.0, 30.0, 0.1

#: Whom it hits: the command that runs the notebook, and all processes below it.
Victim = Callable[[psutil.Process, list[psutil.Process]], psutil.Process]


def plant_kill(folder: Path, victim: Victim, *, by_hand: bool) -> list[str]:
    """Run a notebook, and kill one of its processes while steps are counted.

    Args:
        folder: An empty folder.
        victim: Which process.
        by_hand: Whether papermill's own command runs it, instead of `workbench run`.

    Returns:
        Every way in which it was not survived.
    """
    results, said = folder / "results", folder / "said.txt"
    with said.open("w") as file:
        command = _papermill(folder, results) if by_hand else _run(results)
        process = subprocess.Popen(command, stdout=file, stderr=file, env=child_environment(), cwd=folder)
    family: list[psutil.Process] = []
    try:
        if not _reached(results, process):
            return [f"no step was counted: {said.read_text()[-500:]}"]
        command_process = psutil.Process(process.pid)
        family = command_process.children(recursive=True)
        hit = victim(command_process, family)
        hit.kill()
        _, left = psutil.wait_procs(family, timeout=_ENDS_WITHIN_S)
        lost = [f"{each.name()} {each.pid} is still running" for each in left if each.is_running()]
        if hit.pid != process.pid:
            lost += _told(process, said, is_ours=not by_hand)
        return lost + list(_half_done(results, was_told=hit.pid != process.pid))
    finally:
        for each in (*family, process):
            try:
                each.kill()
            except (psutil.Error, OSError):
                continue
        process.wait()


def _told(process: subprocess.Popen[bytes], said: Path, *, is_ours: bool) -> Iterator[str]:
    """How the command ends whose kernel was killed."""
    try:
        code = process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        yield "the command waits for ever"
        return
    text = said.read_text()
    if code == 0:
        yield "the command ends as if nothing had happened"
    if is_ours and (code != 1 or "Traceback" in text or "did not get to its end" not in text):
        yield f"the command ends with {code}: {text[-500:]}"


def _half_done(results: Path, *, was_told: bool) -> Iterator[str]:
    """What of it lies about and looks as if it were complete."""
    yield from (f"there is a page: {path.name}" for path in results.glob("*.html"))
    yield from (f"half of a file: {path.name}" for path in results.rglob("*.tmp"))
    if not was_told:
        notebooks = (path.name for path in results.glob("*.ipynb") if not path.name.endswith(".half-done.ipynb"))
        yield from (f"there is a notebook: {name}" for name in notebooks)
    for path in results.glob(f"runs/*/{RECORD}"):
        if '"status": "ok"' in path.read_text():
            yield f"a record says that all went well: {path}"


def _reached(results: Path, process: subprocess.Popen[bytes]) -> bool:
    """Whether the trial has come to its steady part."""
    end = time.monotonic() + _BEGINS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if any('"steady"' in path.read_text() for path in results.glob(f"runs/*/{EVENTS}")):
            return True
        time.sleep(_POLL_S)
    return False


def _run(results: Path) -> list[str]:
    knobs = [part for knob in (*_KNOBS, f"dataset={drawn_pages()}") for part in ("-p", knob)]
    return [sys.executable, "-m", "workbench", "run", *knobs, "--out", str(results)]


def _papermill(folder: Path, results: Path) -> list[str]:
    from workbench.files import notebooks_dir

    knobs = dict(knob.split("=") for knob in (*_KNOBS, f"dataset={drawn_pages()}", f"reports={results}"))
    given = [part for name, value in knobs.items() for part in ("-p", name, value)]
    notebook = notebooks_dir() / "profile.ipynb"
    return [sys.executable, "-m", "papermill", str(notebook), str(folder / "out.ipynb"), *given, "-k", "python3"]


def _kernel(command: psutil.Process, family: list[psutil.Process]) -> psutil.Process:
    return next(each for each in family if any("ipykernel" in part for part in each.cmdline()))


def _command(command: psutil.Process, family: list[psutil.Process]) -> psutil.Process:
    return command


def _faults() -> Iterator[Fault]:
    for by_hand, what in ((False, "workbench run"), (True, "papermill")):
        kill = partial(plant_kill, victim=_kernel, by_hand=by_hand)
        yield Fault("kernel killed", "notebook", f"steady, {what}", kill, is_short=not by_hand)
        kill = partial(plant_kill, victim=_command, by_hand=by_hand)
        yield Fault(f"{what} killed", "notebook", "steady", kill)


FAULTS: tuple[Fault, ...] = tuple(_faults())
