from __future__ import annotations

import pytest

from workbench.measure.trial.events import Event
from workbench.panel.progress import ProgressLines, format_progress, parse_progress
from workbench.records import Failure, Record, Steady
from workbench.workloads.ocr.knobs import OcrKnobs


class Clock:
    """Gives the seconds that it is set to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_every_phase_is_told_and_a_counted_one_every_now_and_then() -> None:
    lines: list[str] = []
    clock = Clock()
    progress = ProgressLines(lines.append, every_s=2.0, clock=clock)

    progress.on_event(Event(phase="imports"))
    progress.on_event(Event(phase="imports", message="the replay device stands in"))
    for step in range(1, 11):
        progress.on_event(Event(phase="steady", done=step, total=10, samples_per_s=50.0))
        clock.now += 0.5

    assert lines == [
        "imports",
        "imports: the replay device stands in",
        "[ 1/10] steady, 50.0 samples/s",
        "[ 5/10] steady, 50.0 samples/s",
        "[ 9/10] steady, 50.0 samples/s",
        "[10/10] steady, 50.0 samples/s",
    ]


def test_a_trial_that_ended_is_told_with_its_throughput_or_its_failure() -> None:
    lines: list[str] = []
    progress = ProgressLines(lines.append)
    steady = Steady(num_steps=4, num_pages=8, num_epochs=1.0, warmup_steps=1, wall_s=0.16, samples_per_s=50.0)
    well = Record(run_id="a", created_at="", status="ok", knobs=OcrKnobs(), steady=steady)
    failure = Failure(kind="crash", phase="model", message="crashed by signal SIGSEGV\nand more")
    badly = Record(run_id="b", created_at="", status="failed", knobs=OcrKnobs(), failure=failure)

    progress.on_trial(3, 20, "ram", well)
    progress.on_trial(4, 20, "wide", badly)

    assert lines == [
        "[ 3/20] ram: 50.0 pages/s",
        "[ 4/20] wide: failed while in phase 'model': crashed by signal SIGSEGV",
    ]


@pytest.mark.parametrize(("done", "total"), [(0, 5), (3, 20), (20, 20)])
def test_a_counted_line_reads_back(done: int, total: int) -> None:
    assert parse_progress(format_progress(done, total, "ram: [x] 1.0")) == (done, total, "ram: [x] 1.0")


def test_other_lines_are_no_progress() -> None:
    assert parse_progress("imports") is None
