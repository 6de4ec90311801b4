"""The clock of a trial stands still while the trial is frozen, and is never set back."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time

import pytest

from workbench.observer import clock
from workbench.observer.clock import VARIABLE, Pauses


def test_without_a_page_it_is_the_machines_own():
    assert clock.pauses is None
    assert clock.now_ns is time.perf_counter_ns


def test_both_parties_see_the_page(tmp_path):
    writer, reader = Pauses.make(str(tmp_path / "page")), Pauses(str(tmp_path / "page"))
    assert (reader.frozen_ns, reader.is_over) == (0, False)
    writer.frozen_ns += 5_000_000_000
    writer.end()
    assert (reader.frozen_ns, reader.is_over) == (5_000_000_000, True)
    before = time.perf_counter_ns()
    assert before <= reader.now_ns() + 5_000_000_000 <= time.perf_counter_ns()


def test_a_page_is_nobody_elses(tmp_path):
    Pauses.make(str(tmp_path / "page"))
    with pytest.raises(FileExistsError):
        Pauses.make(str(tmp_path / "page"))


def test_a_freeze_in_the_midst_of_a_reading_is_not_missed(tmp_path, monkeypatch):
    """Between the time and the page lies a freeze of a second: without a second look the clock would be set back."""
    page = Pauses.make(str(tmp_path / "page"))
    times = iter([1_000, 1_000 + 1_000_000_000])

    def frozen_after_this() -> int:
        now = next(times)
        if now == 1_000:
            page.frozen_ns += 1_000_000_000
        return now

    monkeypatch.setattr(time, "perf_counter_ns", frozen_after_this)
    assert page.now_ns() == 1_000


def test_processes_of_a_trial_read_one_clock(tmp_path):
    page = Pauses.make(str(tmp_path / "page"))
    page.frozen_ns = 10**15
    code = (
        "import pickle, time; from workbench.measure.timing.spans import monotonic_ns;"
        "assert pickle.loads(pickle.dumps(monotonic_ns)) is monotonic_ns;"
        "print(monotonic_ns() - time.perf_counter_ns())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, VARIABLE: str(tmp_path / "page")}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert int(found.stdout) == pytest.approx(-(10**15), abs=10**9)
    assert pickle.loads(pickle.dumps(clock.now_ns)) is time.perf_counter_ns


def test_a_process_that_outlives_its_trial_has_a_clock(tmp_path):
    code = "from workbench.observer.clock import now_ns; now_ns()"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, VARIABLE: str(tmp_path / "gone")}, check=True)
