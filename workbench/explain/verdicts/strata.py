"""Blocks that ran on several nodes: the effect is the mean over the nodes, the spread is that within each of them.

A node may make a variant faster by more than another node does. Taken as one pile, that difference would pass for noise
where nodes ran unequal numbers of blocks, or for a spread that none of the nodes has. So each node is a stratum: the
log ratios of its blocks have a mean of their own; the effect is the mean of these, every node counting alike, and its
error is what the blocks scatter around the means of their own nodes (n - k degrees of freedom for n blocks of k nodes),
as for any stratified sample (Cochran 1977, chapter 5).

The nodes are those there are, and not a sample of all machines: nothing is said of a further one.

All other rules take the blocks of one machine, so the blocks of nodes are brought into that form: n - k + 1 numbers
whose mean is the effect, and whose standard error is that of the stratified mean, with as many degrees of freedom. Each
of them is a sum of blocks' log ratios with fixed weights, so that ratios of several variants still share what they have
in common. With two nodes the first verdict takes one block more than on one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from workbench.explain.verdicts.effect import Samples, ended_well, paired_log_ratios
from workbench.records import NodeRatio, Policy, Record


def judged_log_ratios(variant: Sequence[Record], baseline: Sequence[Record]) -> Samples:
    """What a verdict on a variant goes by: its blocks' log ratios, or those of nodes in the form of one machine's."""
    return stratified(paired_log_ratios(variant, baseline), nodes_of(variant, baseline))


def nodes_of(variant: Sequence[Record], baseline: Sequence[Record]) -> list[str]:
    """The names of the nodes of each block that ended well; an empty one where it ran with the comparison itself."""
    pairs = zip(variant, baseline, strict=False)
    return [node_name(a) for a, b in pairs if ended_well(a, b)]


def node_name(record: Record) -> str:
    """Where a trial ran; empty: where the comparison itself was run."""
    return "" if record.node is None else record.node.name


def stratified(log_ratios: Samples, nodes: Sequence[str]) -> Samples:
    """The blocks of several nodes in the form of one machine's.

    Args:
        log_ratios: float64 [blocks].
        nodes: Name of the node of each block.

    Returns:
        float64 [blocks - nodes + 1]; the blocks themselves where they are of one node.
    """
    groups = [log_ratios[[node == name for node in nodes]] for name in dict.fromkeys(nodes)]
    if len(groups) < 2:
        return log_ratios
    within = np.concatenate([_contrasts(len(group)) @ group for group in groups])
    num_blocks = len(within) + 1
    share = sum(1.0 / len(group) for group in groups) / len(groups) ** 2  # variance of the mean, in units of a block's
    effect = float(np.mean([group.mean() for group in groups]))
    return np.asarray(effect + (num_blocks * share) ** 0.5 * (_contrasts(num_blocks).T @ within), np.float64)


def by_node(variant: Sequence[Record], baseline: Sequence[Record]) -> list[NodeRatio]:
    """The speed-up on each node, in the order in which they come up; none where all blocks ran in one place."""
    nodes, ratios = nodes_of(variant, baseline), paired_log_ratios(variant, baseline)
    names = list(dict.fromkeys(nodes))
    if len(names) < 2:
        return []
    own = {name: ratios[[node == name for node in nodes]] for name in sorted(names)}
    return [
        NodeRatio(node=name or "this machine", estimate=float(np.exp(group.mean())), num_blocks=len(group))
        for name, group in own.items()
    ]


def differs_between_nodes(ratios: Sequence[NodeRatio], policy: Policy) -> bool:
    """Whether a variant is faster on one node and slower on another, each by as much as matters."""
    estimates = [ratio.estimate for ratio in ratios]
    least = 1.0 + policy.min_effect
    return bool(estimates) and max(estimates) >= least and min(estimates) <= 1.0 / least


def _contrasts(count: int) -> Samples:
    """float64 [count - 1, count]: orthonormal rows that sum to zero."""
    return np.asarray(scipy.linalg.helmert(count), np.float64) if count > 1 else np.zeros((0, count))
