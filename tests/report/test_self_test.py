"""The self-test, on trials whose truth is known: identical but for noise, and slower by what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from record_factory import make_stage

from workbench.errors import BadInput, WorkbenchError
from workbench.explain.verdicts import error_rates
from workbench.explain.words.self_test import machine_line, selftest_lines
from workbench.measure.comparison import run as race_module
from workbench.records import Environment, Failure, Machine, Record, Steady
from workbench.records.run_folder import RECORD, SELFTEST, new_run_folder, write_json
from workbench.report import self_test
from workbench.report.self_test import KNOBS, SELFTESTS, latest_selftest, run_selftest
from workbench.workloads.ocr.knobs import OcrKnobs

PAGES = 72


class Trials:
    """Trials of 1 s with noise of 1 %, the first of them cold, and longer by what their stage was delayed."""

    def __init__(self) -> None:
        self.ran = 0
        self.noise = np.random.default_rng(0)
        self.fails_at = 10**9

    def __call__(self, knobs: OcrKnobs, runs: Path, **_: object) -> Record:
        self.ran += 1
        cold = 1.5 if self.ran == 1 else 1.0
        delay_s = PAGES * knobs.delays_ms.get("decode", 0.0) / 1e3
        wall_s = cold * float(np.exp(self.noise.normal(0, 0.01))) + delay_s
        failed = self.ran == self.fails_at
        folder = new_run_folder(runs, knobs)
        record = Record(
            run_id=folder.name,
            created_at="2026-01-01T00:00:00+00:00",
            status="failed" if failed else "ok",
            failure=Failure(kind="error", phase="steady", message="out of luck") if failed else None,
            knobs=knobs,
            environment=Environment(python="3.11", platform="Linux", cpu="a CPU", cores=2, memory_bytes=1),
            machine=Machine(wall_s=3.0, num_cores=2, other_cores=0.0, steal_share=0.0, load_1min=0.0),
            steady=Steady(
                num_steps=18, num_pages=PAGES, num_epochs=3, warmup_steps=1, wall_s=wall_s, samples_per_s=PAGES / wall_s
            ),
            stages=[make_stage("worker", "decode", 0.5, per="page", count=PAGES)],
        )
        write_json(folder / RECORD, record)
        return record


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    fake = Trials()
    monkeypatch.setattr(race_module, "run_trial", fake)
    monkeypatch.setattr(self_test, "run_trial", fake)
    monkeypatch.setattr(error_rates, "DRAWN", 500)
    return fake


def test_it_says_how_often_verdicts_are_wrong_and_what_is_found(trials, tmp_path):
    test = run_selftest(tmp_path, OcrKnobs(**KNOBS), num_identical=4, num_blocks=20)
    short, long = test.false_verdicts
    assert (short.most_blocks, long.most_blocks) == (5, 12)
    assert short.real.of >= 2 * 4
    assert all(rates.resampled.share <= 0.05 for rates in test.false_verdicts)
    sizes = {one.asked: one for one in test.planted}
    assert sizes[0.05].found.share >= 0.9
    assert sizes[0.05].covered.share >= 0.9
    assert [one.planted for one in test.planted] == pytest.approx([0.03, 0.05, 0.1], rel=0.05), "not by the cold trial"
    assert test.first_slot.ci95[0] < 1.0 < test.first_slot.ci95[1]
    assert next(one for one in test.tellable if one.minutes == 4.0).effect < 0.05


def test_it_is_told_with_counts_intervals_and_units(trials, tmp_path):
    test = run_selftest(tmp_path, OcrKnobs(**KNOBS), num_blocks=6)
    told = "\n".join(selftest_lines(test))
    assert told.startswith("This machine can tell ")
    assert "in 4 minutes" in told and "In 1 min (10 blocks" in told
    assert "up to 5 blocks" in told and "up to 6 blocks" in told
    assert "slowed by" in told and "(5 % was asked for)" in told
    assert machine_line(test) in told


def test_the_report_takes_the_newest_of_this_machine_and_passes_over_a_damaged_one(trials, tmp_path, capsys):
    folders = [tmp_path / SELFTESTS / name for name in "abc"]
    for folder in folders:
        run_selftest(folder, OcrKnobs(**KNOBS), sizes=(), num_blocks=3)
    here = {"baseline": [trials(OcrKnobs(), tmp_path / "runs")]}
    (folders[2] / SELFTEST).write_text("{")
    newest = latest_selftest(tmp_path, here)
    assert newest is not None
    assert newest.model_dump_json(indent=1) == (folders[1] / SELFTEST).read_text().strip()
    assert "Passed over" in capsys.readouterr().err
    environment = here["baseline"][0].environment.model_copy(update={"cpu": "another CPU"})
    elsewhere = {"baseline": [here["baseline"][0].model_copy(update={"environment": environment})]}
    assert latest_selftest(tmp_path, elsewhere) is None
    assert "workbench selftest" in machine_line(None)


def test_a_failed_trial_ends_it(trials, tmp_path):
    trials.fails_at = 9
    with pytest.raises(WorkbenchError, match="out of luck"):
        run_selftest(tmp_path, OcrKnobs(**KNOBS), num_blocks=3)


def test_too_few_blocks_are_no_self_test(trials, tmp_path):
    with pytest.raises(WorkbenchError, match="needs 3 blocks"):
        run_selftest(tmp_path, OcrKnobs(**KNOBS), num_blocks=2)


def test_knobs_with_work_side_by_side_are_refused(tmp_path):
    with pytest.raises(BadInput, match="in series"):
        run_selftest(tmp_path, OcrKnobs(**{**KNOBS, "num_workers": 2}), num_blocks=3)
