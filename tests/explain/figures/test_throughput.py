"""How much do trials scatter, and how sure is it by now?"""

from __future__ import annotations

import itertools
import math

import pytest
from drawn import said, subtitle
from record_factory import make_failed, make_record

from workbench.explain.figures.throughput import (
    Effect,
    Narrowing,
    draw_narrowing,
    effects_by_block,
    narrowing,
    throughput,
    trial_rates,
)
from workbench.explain.verdicts.comparison import compare
from workbench.records import Policy, Record

POLICY = Policy(planned_blocks=8)


def records(num_blocks: int, speedup: float = 1.5) -> dict[str, list[Record]]:
    wiggle = [1.0, 1.03, 0.98, 1.01, 0.99, 1.02, 1.0, 0.97][:num_blocks]
    return {
        "baseline": [make_record(100.0) for _ in wiggle],
        "ram": [make_record(100.0 * speedup * share) for share in wiggle],
    }


@pytest.fixture
def comparison():
    trials = {"baseline": [make_record(rate) for rate in (100, 101, 99)], "bad": [make_record(50), make_failed()]}
    return compare(trials, baseline="baseline", order=[list(trials)] * 3, seed=0)


def test_every_trial_is_a_row_with_its_unit(comparison):
    data = trial_rates(comparison.model_copy(update={"item": "image"}))
    assert data.rates == {"baseline": [100, 101, 99], "bad": [50, None]}
    assert data.finding == "Trials of 'baseline' differ by up to 2 % (fastest over slowest)"
    assert data.table().columns == ("variant", "block", "images/s")
    assert data.table().texts[1:] == [("baseline", "2", "101"), ("baseline", "3", "99.0"), ("bad", "1", "50.0")]


def test_a_failed_trial_leaves_a_gap(comparison):
    figure = throughput(comparison)
    assert [list(line.y) for line in figure.data] == [[100, 101, 99], [50, None]]
    assert "simulated" in subtitle(figure)
    assert "Pages per second by block" in said(figure).alternative


def widths(effects: list[Effect]) -> list[float]:
    return [effect.interval[1] - effect.interval[0] for effect in effects if effect.interval]


def test_the_interval_narrows_with_every_block() -> None:
    effects = effects_by_block(records(8), POLICY)["ram"]
    assert [effect.block for effect in effects] == list(range(1, 9))
    assert [effect.interval is None for effect in effects[:3]] == [True, True, False]
    assert widths(effects)[0] > widths(effects)[-1] > 0
    assert effects[-1].is_decided
    assert effects[-1].estimate == pytest.approx(1.5, abs=0.02)


def test_effects_are_those_of_a_comparison_of_the_same_blocks() -> None:
    trials = records(6)
    (_, ram) = compare(trials, baseline="baseline", order=[list(trials)] * 6, seed=0, policy=POLICY).variants
    last = effects_by_block(trials, POLICY)["ram"][-1]
    assert (last.estimate, last.interval) == (ram.speedup.estimate, ram.speedup.ci95)


def test_a_scatter_that_grows_is_not_drawn_as_narrowing() -> None:
    """The planted fault: a later block that is far off must widen the band."""
    compared = records(6)
    compared["ram"][-1] = make_record(40.0)
    found = widths(effects_by_block(compared, POLICY)["ram"])
    assert found[-1] > found[-2]


def test_a_variant_that_has_failed_is_never_decided() -> None:
    compared = records(6)
    compared["ram"][0] = make_failed()
    assert not any(effect.is_decided for effect in effects_by_block(compared, POLICY)["ram"])


def test_a_variant_whose_trial_of_a_block_is_still_to_come_has_no_effect_there() -> None:
    compared = records(4)
    compared["ram"].pop()
    assert [effect.block for effect in effects_by_block(compared, POLICY)["ram"]] == [1, 2, 3]


def test_the_band_is_drawn_from_the_effects_alone() -> None:
    effects = [Effect(1, 1.4, None, False), Effect(2, 1.5, (1.2, 1.9), False), Effect(3, 1.5, (1.4, 1.6), True)]
    data = Narrowing({"<b>": effects}, POLICY, most_blocks=8)
    figure = draw_narrowing(data)
    band, line = figure.data
    assert list(band.y) == [1.9, 1.6, 1.4, 1.2]
    assert list(line.x) == [2, 3]
    assert line.name == "&lt;b&gt;"
    assert data.finding == figure.layout.title.text == "1 of 1 verdict clear by now"
    assert data.table().texts[-1] == ("<b>", "3", "1.50x", "1.40 to 1.60")


def test_without_an_interval_there_is_a_reason() -> None:
    figure = narrowing(records(1), policy=POLICY, most_blocks=8)
    assert len(figure.data) == 0
    assert figure.layout.title.text == f"The first interval is there after block {POLICY.min_blocks}"


def test_the_axis_holds_the_latest_intervals_whole() -> None:
    figure = narrowing(records(8), policy=POLICY, most_blocks=8)
    low, high = (10**end for end in figure.layout.yaxis.range)
    band = figure.data[0].y
    assert low < band[len(band) // 2] < band[len(band) // 2 - 1] < high
    assert low < 1 / (1 + POLICY.min_effect)


def test_marks_keep_their_distance_however_long_the_axis_is() -> None:
    for speedup in (1.01, 1.5, 4.0, 20.0):
        axis = narrowing(records(3, speedup), policy=POLICY, most_blocks=8).layout.yaxis
        length = axis.range[1] - axis.range[0]
        steps = [math.log10(b / a) / length for a, b in itertools.pairwise(axis.tickvals)]
        assert len(axis.tickvals) >= 3
        assert min(steps) > 0.04
