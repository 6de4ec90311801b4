"""How sure is it by now?"""

from __future__ import annotations

import itertools
import math

from record_factory import make_record

from workbench.explain.figures.narrowing import narrowing
from workbench.records import Policy, Record

POLICY = Policy(planned_blocks=8)


def records(num_blocks: int, speedup: float = 1.5) -> dict[str, list[Record]]:
    wiggle = [1.0, 1.03, 0.98, 1.01, 0.99, 1.02, 1.0, 0.97][:num_blocks]
    return {
        "baseline": [make_record(100.0) for _ in wiggle],
        "ram": [make_record(100.0 * speedup * one) for one in wiggle],
    }


def widths(figure) -> list[float]:
    """Of the interval after each block."""
    band = figure.data[0]
    half = len(band.y) // 2
    return [high - low for high, low in zip(band.y[:half], reversed(band.y[half:]), strict=True)]


def test_the_band_narrows_with_every_block() -> None:
    figure = narrowing(records(8), policy=POLICY, most_blocks=8, seed=0)

    assert list(figure.data[1].x) == sorted(figure.data[1].x)
    assert widths(figure)[0] > widths(figure)[-1] > 0
    assert figure.layout.title.text == "1 of 1 verdicts are clear by now"
    assert "blocks" in figure.layout.xaxis.title.text


def test_a_scatter_that_grows_is_not_drawn_as_narrowing() -> None:
    """The planted fault: a later block that is far off must widen the band."""
    compared = records(6)
    compared["ram"][-1] = make_record(40.0)
    found = widths(narrowing(compared, policy=POLICY, most_blocks=8, seed=0))

    assert found[-1] > found[-2]


def test_without_an_interval_there_is_a_reason() -> None:
    figure = narrowing(records(1), policy=POLICY, most_blocks=8, seed=0)

    assert len(figure.data) == 0
    assert figure.layout.title.text == f"The first interval is there after block {POLICY.min_blocks}"


def test_the_axis_holds_the_latest_intervals_whole() -> None:
    figure = narrowing(records(8), policy=POLICY, most_blocks=8, seed=0)

    low, high = (10**end for end in figure.layout.yaxis.range)
    band = figure.data[0].y
    assert low < band[len(band) // 2] < band[len(band) // 2 - 1] < high
    assert low < 1 / (1 + POLICY.min_effect)


def test_marks_keep_their_distance_however_long_the_axis_is() -> None:
    for speedup in (1.01, 1.5, 4.0, 20.0):
        axis = narrowing(records(3, speedup), policy=POLICY, most_blocks=8, seed=0).layout.yaxis
        length = axis.range[1] - axis.range[0]
        steps = [math.log10(b / a) / length for a, b in itertools.pairwise(axis.tickvals)]
        assert len(axis.tickvals) >= 3
        assert min(steps) > 0.04


def test_names_are_taken_for_text() -> None:
    compared = records(4)
    compared["<b>"] = compared.pop("ram")
    figure = narrowing(compared, policy=POLICY, most_blocks=8, seed=0)

    assert figure.data[1].name == "&lt;b&gt;"
