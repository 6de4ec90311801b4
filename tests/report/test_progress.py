"""Progress: throttled where it is made, text where a person reads it, and a value on its way to a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from record_factory import make_failed, make_record

from workbench.measure.trial.events import Event
from workbench.report.progress import (
    PROGRESS_FILE,
    Progress,
    ProgressWriter,
    counted_progress,
    follow_progress,
    write_progress,
)


class Clock:
    """Gives the seconds that it is set to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_every_phase_is_reported_and_a_counted_one_every_now_and_then() -> None:
    found: list[Progress] = []
    clock = Clock()
    writer = ProgressWriter(found.append, item="image", every_s=2.0, clock=clock)

    writer.on_event(Event(phase="imports"))
    writer.on_event(Event(phase="imports", message="no CUDA device: simulated"))
    for step in range(1, 11):
        writer.on_event(Event(phase="steady", done=step, total=10, samples_per_s=50.0))
        clock.now += 0.5

    assert [progress.line for progress in found] == [
        "imports",
        "imports: no CUDA device: simulated",
        "[ 1/10] steady, 50.0 images/s",
        "[ 5/10] steady, 50.0 images/s",
        "[ 9/10] steady, 50.0 images/s",
        "[10/10] steady, 50.0 images/s",
    ]


def test_of_several_trials_every_line_says_which_it_is_of() -> None:
    found: list[Progress] = []
    writer = ProgressWriter(found.append, clock=Clock())

    for trial in ("clean run before", "with profilers"):
        writer.on_event(Event(phase="finish", trial=trial))
        writer.on_event(Event(phase="finish", trial=trial))

    assert [progress.line for progress in found] == ["clean run before: finish", "with profilers: finish"]


def test_a_long_wait_has_an_end_in_sight_and_what_is_to_be_done_is_kept() -> None:
    found: list[Progress] = []
    writer = ProgressWriter(found.append, item="image", every_s=0.0)

    writer.on_event(Event(phase="warmup", done=4, total=6, left_s=370.0))
    writer.on_event(Event(phase="steady", done=1, total=8, samples_per_s=0.8, left_s=140.0, message="set timeout_s=9"))
    writer.on_event(Event(phase="steady", done=7, total=8, samples_per_s=0.8, left_s=20.0))

    assert [progress.line for progress in found] == [
        "[4/6] warmup, about 6 min left",
        "[1/8] steady, 0.80 images/s, about 2 min left: set timeout_s=9",
        "[7/8] steady, 0.80 images/s",
    ]
    assert [progress.stays for progress in found] == [False, True, False]


def test_a_trial_that_ended_is_reported_with_its_throughput_or_its_failure() -> None:
    found: list[Progress] = []
    writer = ProgressWriter(found.append)

    writer.on_trial(3, 20, "ram", make_record(50.0))
    writer.on_trial(4, 20, "wide", make_failed(message="crashed by signal SIGSEGV\nand more"))

    assert [progress.line for progress in found] == [
        "[ 3/20] ram, 50.0 pages/s",
        "[ 4/20] wide: failed in phase 'steady': crashed by signal SIGSEGV",
    ]


def test_a_person_reads_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROGRESS_FILE, raising=False)

    ProgressWriter().on_text("drawing")
    write_progress(Progress(what="pages drawn", done=3, total=128))

    assert capsys.readouterr().out == "drawing\n[  3/128] pages drawn\n"


EVIL = '[1/2] ram \n {"what": 1} é'

WRITES = f"""
from workbench.report.progress import Progress, write_progress
for number in range(300):
    write_progress(Progress(what={EVIL!r}, done=number, total=300, samples_per_s=0.5))
"""


def test_what_another_process_writes_arrives_whole_and_in_order(
    capfd: pytest.CaptureFixture[str], checkout: Path
) -> None:
    found: list[Progress] = []
    with follow_progress(found.append) as environment:
        subprocess.run([sys.executable, "-c", WRITES], env={"PYTHONPATH": str(checkout), **environment}, check=True)

    assert [progress.done for progress in found] == list(range(300))
    assert {(progress.what, progress.samples_per_s) for progress in found} == {(EVIL, 0.5)}
    assert capfd.readouterr().out == ""  # nothing is printed that somebody would have to parse


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with follow_progress(print) as environment:
        path = Path(environment[PROGRESS_FILE])
        assert path.is_file()

    assert not path.parent.exists()


@pytest.mark.parametrize("step", [1, 7, 64, 5000])
def test_what_is_counted_in_any_steps_is_reported_some_twenty_times(step: int) -> None:
    written: list[Progress] = []
    on_done = counted_progress("pages drawn", written.append)
    for done in range(0, 10_000, step):
        on_done(done, 10_000)
    on_done(10_000, 10_000)
    assert [progress.done for progress in written] == sorted({progress.done for progress in written})
    assert len(written) == (21 if step < 500 else 3)
    assert written[-1].line == "[10000/10000] pages drawn"


def test_of_few_each_is_reported() -> None:
    written: list[Progress] = []
    on_done = counted_progress("pages drawn", written.append)
    for done in (1, 2, 3):
        on_done(done, 3)
    assert [progress.done for progress in written] == [1, 2, 3]
