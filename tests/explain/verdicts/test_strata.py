"""Blocks of several nodes: the mean over nodes, the spread within them, and how often a verdict is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from workbench.explain.verdicts import gate
from workbench.explain.verdicts.comparison import compare, is_clear
from workbench.explain.verdicts.effect import estimate, verdict_of
from workbench.explain.verdicts.strata import differs_between_nodes, stratified
from workbench.explain.words.verdicts import how_it_was_measured, ratios_by_node
from workbench.records import Comparison, Node, NodeRatio, Policy

POLICY = Policy(planned_blocks=6)


def records(ratios: list[tuple[str, float]]):
    """A baseline and a variant, a block for each node and ratio."""
    nodes = [Node(name=name, host=name, address=name) if name else None for name, _ in ratios]
    rates = {"baseline": [100.0] * len(ratios), "b": [100.0 * ratio for _, ratio in ratios]}
    return {
        name: [
            make_record(rate, name=f"{name}{block}").model_copy(update={"node": node})
            for block, (rate, node) in enumerate(zip(own, nodes, strict=True))
        ]
        for name, own in rates.items()
    }


def compared(ratios: list[tuple[str, float]]) -> Comparison:
    found = records(ratios)
    return compare(found, baseline="baseline", order=[["baseline", "b"]] * len(ratios), seed=0, policy=POLICY)


def test_blocks_of_one_node_stay_as_they_are() -> None:
    ratios = np.array([0.1, 0.2, 0.4])
    assert stratified(ratios, ["a"] * 3) is ratios


def test_the_mean_is_over_nodes_and_the_error_is_that_of_a_stratified_sample() -> None:
    ratios, nodes = np.array([0.1, 0.3, 0.2, 0.9, 1.1]), ["a", "a", "a", "b", "b"]
    found = stratified(ratios, nodes)
    within = (ratios[:3] - 0.2) @ (ratios[:3] - 0.2) + (ratios[3:] - 1.0) @ (ratios[3:] - 1.0)
    assert len(found) == 4
    assert found.mean() == pytest.approx((0.2 + 1.0) / 2)
    error = found.std(ddof=1) / len(found) ** 0.5
    assert error == pytest.approx((within / 3 * (1 / 3 + 1 / 2) / 4) ** 0.5)


def test_a_difference_between_nodes_is_no_spread() -> None:
    ratios = [("a", 1.10), ("b", 1.30), ("a", 1.11), ("b", 1.31), ("a", 1.10), ("b", 1.30)]
    on_nodes, in_one_place = compared(ratios), compared([("", ratio) for _, ratio in ratios])
    assert on_nodes.variants[1].verdict == "faster"
    narrow, wide = (it.variants[1].speedup.ci95 for it in (on_nodes, in_one_place))
    assert narrow[1] - narrow[0] < 0.1 * (wide[1] - wide[0])
    assert on_nodes.nodes == ["a", "b"] * 3
    assert [(row.node, row.num_blocks) for row in on_nodes.variants[1].by_node] == [("a", 3), ("b", 3)]
    assert "1.10x on a (3 blocks), 1.30x on b (3 blocks)" in ratios_by_node(on_nodes)[0]
    assert "mean over the nodes" in " ".join(how_it_was_measured(on_nodes))
    assert in_one_place.variants[1].by_node == ratios_by_node(in_one_place) == []


def test_with_two_nodes_a_verdict_takes_one_block_more() -> None:
    ratios = [("a", 1.5), ("b", 1.5001), ("a", 1.5002)]
    few = compared(ratios)
    assert few.variants[1].verdict == "inconclusive"
    assert "fewer than 3 complete blocks, and one for each further node (1)" in few.notes[0]
    assert compared([*ratios, ("b", 1.5003)]).variants[1].speedup.ci95 is not None


def test_nodes_that_contradict_each_other_give_no_verdict() -> None:
    ratios = [("a", 1.10), ("b", 0.90), ("a", 1.101), ("b", 0.901), ("a", 1.10), ("b", 0.90)]
    found = compared(ratios)
    assert found.variants[1].verdict == "inconclusive"
    assert found.variants[1].more_blocks is None
    assert "'b' differs between nodes" in ratios_by_node(found)[1]
    assert not is_clear(records(ratios), POLICY)
    assert not gate.is_clear(records(ratios), POLICY, most_slowdown=0.2)
    assert gate.answer(found, most_slowdown=0.2) == "cannot_tell"


@pytest.mark.parametrize(("other", "differs"), [(0.97, True), (0.99, False), (1.2, False)])
def test_small_differences_contradict_nothing(other: float, differs: bool) -> None:
    rows = [NodeRatio(node=name, estimate=value, num_blocks=3) for name, value in (("a", 1.1), ("b", other))]
    assert differs_between_nodes(rows, POLICY) == differs


def test_identical_variants_are_called_different_no_more_often_than_promised() -> None:
    """Looking after every block, with nodes of another level and an unequal number of blocks."""
    random = np.random.default_rng(0)
    nodes = ["a", "b", "a", "a", "b", "a", "a", "b"]
    policy = Policy(planned_blocks=8, min_effect=0.0)
    wrong = 0
    for _ in range(1000):
        ratios = random.normal(0.0, 0.02, len(nodes)) + np.where(np.array(nodes) == "a", 0.05, -0.05)
        looks = (estimate(stratified(ratios[:n], nodes[:n]), policy) for n in range(3, len(nodes) + 1))
        wrong += any(verdict_of(look, policy) in ("faster", "slower") for look in looks)
    assert wrong / 1000 < 0.065  # 5 % are promised; two standard errors of a thousand are 1.4 %
