"""How fast steps are, when they will be over, and when there is no time for another: on a clock that is told."""

from __future__ import annotations

import pytest

from workbench.measure.trial.pace import Deadline, Pace

MIN = 60.0


def after(
    steps_s: list[float], *, num_steps: int = 8, warmup_steps: int = 6, timeout_s: float = 600.0, waited_s: float = 0.0
) -> tuple[Pace, list[str]]:
    """A pace after steps of these lengths, 10 s after the start; and what it has warned of."""
    pace = Pace(num_steps, warmup_steps, num_steps, Deadline(0, timeout_s))
    now_s, warnings = 10.0, []
    for step_s in steps_s:
        now_s += step_s
        pace.step(round(now_s * 1e9), round(waited_s * 1e9))
        warnings.append(pace.warning())
    return pace, [warning for warning in warnings if warning]


def test_the_end_is_estimated_from_the_steps_after_the_first():
    assert after([90.0, 20.0, 20.0])[0].left_s is None, "too few"
    pace, _ = after([90.0, 20.0, 20.0, 20.0])
    assert pace.left_s == pytest.approx(20.0 * 10)
    assert pace.step_s == pytest.approx(20.0)


def test_a_trial_that_will_be_stopped_says_so_once_with_what_to_set():
    _, warnings = after([20.0] * 8, num_steps=40)
    # 10 s, 46 steps of 20 s, 5 s to finish: 935 s. In 600 s there are 29 steps, of which 6 warm up.
    assert warnings == [
        "at this pace the trial takes about 16 min, and timeout_s=600 stops it before: set timeout_s=1260, or "
        "num_steps=23"
    ]
    assert after([20.0] * 14)[1] == []


def test_a_remedy_that_there_is_not_is_not_named():
    _, warnings = after([100.0] * 4, num_steps=8)
    assert len(warnings) == 1
    assert "num_steps=" not in warnings[0], "with six steps to warm up there is no time for three"


def test_counted_steps_end_where_the_next_one_would_be_too_late_and_there_are_enough():
    assert not after([20.0] * (6 + 22), num_steps=40)[0].is_out_of_time
    assert after([20.0] * (6 + 23), num_steps=40)[0].is_out_of_time
    slow = [100.0] * (3 + 2)
    assert not after(slow, warmup_steps=3)[0].is_out_of_time, "two are not enough: it goes on, and may fail"


def test_batches_that_have_to_arrive_afterwards_take_their_time_too():
    assert after([20.0] * (6 + 8), num_steps=40, waited_s=10.0)[0].is_out_of_time
    assert not after([20.0] * (6 + 2), num_steps=40, waited_s=10.0)[0].is_out_of_time


def test_a_short_timeout_is_not_used_up_by_what_may_come_after():
    assert not after([0.1] * 8, num_steps=8, timeout_s=12.0)[0].is_out_of_time


def test_without_a_deadline_nothing_ends():
    pace = Pace(8, 2, 8, None)
    for now in range(9):
        pace.step(now * 10**12, 0)
    assert not pace.is_out_of_time
    assert pace.warning() == ""
