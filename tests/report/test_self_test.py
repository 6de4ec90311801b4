"""The self-test, on trials whose truth is known: identical but for noise, and slower by what was planted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from fakes import FakeBlocks, FakeTrials
from record_factory import make_stage

from workbench.errors import BadInput, WorkbenchError
from workbench.explain.verdicts import error_rates
from workbench.explain.words.self_test import machine_line, selftest_lines
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import DeviceKnobs, LoaderKnobs, TrialKnobs
from workbench.records import Slicing
from workbench.records.run_folder import SELFTEST, read_selftest, read_state
from workbench.report.block_time import TooShort
from workbench.report.self_test import KNOBS, SELFTESTS, latest_selftest, run_selftest
from workbench.stages import Stage

pytestmark = pytest.mark.real

run_whole = partial(run_selftest, whole_trials=True)

SAMPLES = 72

#: Of a workload whose largest stage is work of a device, which cannot be replayed; then one in a background thread.
STAGES = [
    make_stage("main", "score", 0.9, count=18),
    make_stage("worker", "unpack", 0.5, per="sample", count=SAMPLES),
    make_stage("worker", "draw", 0.3, per="sample", count=SAMPLES),
    make_stage("worker", "ahead", 0.7, per="sample", count=SAMPLES, background=True),
]
OWN = [
    Stage("unpack", "worker", "work", "sample", replayable=True),
    Stage("draw", "worker", "work", "sample", replayable=True),
    Stage("ahead", "worker", "work", "sample", replayable=True),
    Stage("score", "main", "collect"),
]


class Trials(FakeTrials):
    """Trials of 1 s with noise of 1 %, the first of them cold, and longer by what a stage was delayed."""

    def __init__(self, **fields: Any) -> None:
        noise = np.random.default_rng(0)

        def rate(knobs: Knobs, number: int) -> float:
            cold = 1.5 if number == 0 else 1.0
            delay_s = SAMPLES * sum(knobs.slow_down.values()) / 1e3
            return 100.0 / (cold * float(np.exp(noise.normal(0, 0.01))) + delay_s)

        super().__init__(rate, **{"stages": STAGES, "workload_stages": OWN, **fields})


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    monkeypatch.setattr(error_rates, "DRAWN", 500)
    return Trials()


def test_its_knobs_are_those_of_measuring() -> None:
    own = set().union(*(part.model_fields for part in (LoaderKnobs, DeviceKnobs, TrialKnobs)))
    assert set(KNOBS) <= own, "they fit any workload"


def test_it_says_how_often_verdicts_are_wrong_and_what_is_found(trials, tmp_path):
    test = run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_identical=4, num_blocks=20)
    short, long = test.false_verdicts
    assert (short.most_blocks, long.most_blocks) == (5, 12)
    assert short.real.of >= 2 * 4
    assert all(rates.resampled.share <= 0.05 for rates in test.false_verdicts)
    assert {planted.stage for planted in test.planted} == {"unpack"}, "the largest that can be replayed"
    sizes = {planted.asked: planted for planted in test.planted}
    assert sizes[0.05].found.share >= 0.9
    assert sizes[0.05].covered.share >= 0.9
    assert [planted.planted for planted in test.planted] == pytest.approx([0.03, 0.05, 0.1], rel=0.05), (
        "not by the cold trial"
    )
    assert test.first_slot.ci95[0] < 1.0 < test.first_slot.ci95[1]
    assert next(row for row in test.detectable if row.minutes == 4.0).effect < 0.05


def test_it_is_printed_with_counts_intervals_and_units(trials, tmp_path):
    test = run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=6)
    text = "\n".join(selftest_lines(test))
    assert text.startswith("This machine can detect a difference of ")
    assert "in 4 minutes" in text and "In 1 min (30 blocks" in text
    assert "(up to 5 blocks)" in text and "(up to 6 blocks)" in text
    assert "slowed by" in text and "(5 % was asked for)" in text
    assert machine_line(test) in text


def test_trials_take_turns_as_those_of_a_comparison_do(trials, tmp_path):
    blocks = FakeBlocks(trials)
    test = run_selftest(tmp_path, Knobs(**KNOBS), launch=trials, run_slices=blocks, num_blocks=3)

    assert len(blocks.orders) == test.num_blocks == 3
    assert len(trials.ran) == 3 + 3 * 5, "three to calibrate, and none to warm up"
    assert test.policy.slicing == Slicing() == read_state(tmp_path).policy.slicing
    text = "\n".join(selftest_lines(test))
    assert "that take turns" in machine_line(test) and "was started first in its block" in text


def test_the_time_of_turns_is_known_before_there_are_any(trials, tmp_path):
    # Three trials of 1 s; then blocks of five, each of which is on for 6 s more.
    clock = Seconds(trials, lambda number: 1.0)
    with pytest.raises(TooShort, match=r"here about 1\.8 min, and was given 1 min"):
        run_selftest(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=99, budget_s=60.0, clock=clock)
    assert len(trials.ran) == 2


def test_the_report_takes_the_newest_of_this_machine_and_passes_over_a_damaged_one(trials, tmp_path, capsys):
    folders = [tmp_path / SELFTESTS / name for name in "abc"]
    for folder in folders:
        run_whole(folder, Knobs(**KNOBS), launch=trials, sizes=(), num_blocks=3)
    here = {"baseline": [trials(Knobs(), tmp_path / "runs")]}
    (folders[2] / SELFTEST).write_text("{")
    newest = latest_selftest(tmp_path, here)
    assert newest is not None
    assert newest == read_selftest(folders[1])
    assert "Passed over" in capsys.readouterr().err
    environment = here["baseline"][0].environment.model_copy(update={"cpu": "another CPU"})
    elsewhere = {"baseline": [here["baseline"][0].model_copy(update={"environment": environment})]}
    assert latest_selftest(tmp_path, elsewhere) is None
    assert "workbench selftest" in machine_line(None)


def test_a_failed_trial_ends_it(trials, tmp_path):
    trials.fails = lambda knobs, number: number == 8
    with pytest.raises(WorkbenchError, match="out of luck"):
        run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=3)


def test_too_few_blocks_are_refused(trials, tmp_path):
    with pytest.raises(WorkbenchError, match="needs 3 blocks"):
        run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=2)


class Seconds:
    """A clock on which each trial takes as long as it is said to, by its number."""

    def __init__(self, trials: Trials, takes: Callable[[int], float]) -> None:
        self.now_s = 0.0

        def begin(number: int) -> None:
            self.now_s += takes(number)

        trials.before = begin

    def __call__(self) -> int:
        return round(self.now_s * 1e9)


@pytest.mark.parametrize(
    ("takes", "budget_s", "num_ran", "why"),
    [
        # Three trials to calibrate, one to warm up, blocks of five: 19 trials at least. A fake trial says 1 s.
        (lambda number: 1.0, 17.5, 2, "about 0.3 min, and was given 0.29 min. Take --minutes 0.5"),
        (lambda number: 1.0 if number < 3 else 10.0, 60.0, 3 + 1 + 5, "about 2.6 min, and was given 1 min"),
    ],
    ids=["known from the calibration", "known after the first block"],
)
def test_too_little_time_is_said_as_soon_as_it_is_known(trials, tmp_path, takes, budget_s, num_ran, why):
    clock = Seconds(trials, takes)
    with pytest.raises(TooShort) as error:
        run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=99, budget_s=budget_s, clock=clock)
    assert len(trials.ran) == num_ran
    assert why in str(error.value)
    assert len(error.value.found) == 1, "what was measured"


def test_the_third_block_is_run_even_past_the_time(trials, tmp_path):
    # The first block ends at 9 s; the second and the third take 25 s each where 5 s were to be expected.
    clock = Seconds(trials, lambda number: 1.0 if number < 9 else 5.0)
    test = run_whole(tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=99, budget_s=30.0, clock=clock)
    assert test.num_blocks == 3


def test_the_progress_has_a_plausible_end(trials, tmp_path):
    clock = Seconds(trials, lambda number: 1.0)
    told: list[tuple[int, int, str]] = []
    run_whole(
        tmp_path, Knobs(**KNOBS), launch=trials, num_blocks=99, budget_s=31.0, clock=clock,
        on_trial=lambda done, total, name, record: told.append((done, total, name)),
    )  # fmt: skip
    assert [name for _, _, name in told[:4]] == ["calibration"] * 3 + ["warm-up trial"]
    assert told[-1][:2] == (25, 25)
    assert {total for _, total, _ in told[3:]} == {25}


def test_knobs_with_work_side_by_side_are_refused(tmp_path):
    with pytest.raises(BadInput, match="in series"):
        run_selftest(tmp_path, Knobs(**{**KNOBS, "num_workers": 2}), num_blocks=3)


def test_a_workload_without_a_replayable_stage_is_refused(trials, tmp_path):
    with pytest.raises(BadInput, match="has timed no stage that is replayable"):
        run_whole(tmp_path, Knobs(**KNOBS), launch=Trials(stages=STAGES[:1]), num_blocks=3)
