"""A moment is known by the clock of files, also when that has been set since."""

from __future__ import annotations

import pytest

from workbench.measure.timing.moment import Moment


@pytest.mark.parametrize(
    ("set_by_s", "earliest_s"),
    [
        pytest.param(0.0, 1000.0, id="not set"),
        pytest.param(-3600.0, 1000.0 - 3600.0, id="back: what is made now has a time before the beginning"),
        pytest.param(3600.0, 1000.0, id="ahead: what was made before that keeps its time"),
    ],
)
def test_nothing_that_was_made_since_is_older(set_by_s: float, earliest_s: float) -> None:
    wall_s, steady_s = [1000.0], [50.0]
    began = Moment(wall_s=lambda: wall_s[0], steady_s=lambda: steady_s[0])
    wall_s[0] += 20.0 + set_by_s
    steady_s[0] += 20.0
    assert began.earliest_s == earliest_s
