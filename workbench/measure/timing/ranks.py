"""Processes that train one model together: when each has its gradients, and so who waits for whom.

The gradients of all ranks are summed while the backward pass goes on. What this costs shows where it ends: from when a
rank has its last gradient it waits for the slowest rank to have its own (`rank wait`); what is left from there on is
exchange that nothing hides (`exchange`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import nn

from workbench.measure.timing.rank_clocks import Offset, RankClock, offset_here
from workbench.measure.timing.spans import Clock, Spans, TrackSpans, monotonic_ns
from workbench.stages import EXCHANGE, RANK_WAIT

Nanoseconds = npt.NDArray[np.int64]

#: When this process had its last gradient, in each backward pass that exchanges them.
_ready_ns: list[int] = []


@dataclass(frozen=True)
class Rank:
    """Which of several processes this is.

    Attributes:
        number: 0..total - 1.
        total: How many there are.
        local: Its number on this machine.
    """

    number: int = 0
    total: int = 1
    local: int = 0

    @classmethod
    def here(cls) -> Rank:
        """What torchrun's variables say; alone where there are none."""
        get = os.environ.get
        return cls(int(get("RANK", "0")), int(get("WORLD_SIZE", "1")), int(get("LOCAL_RANK", "0")))


#: The only process.
ALONE = Rank()


def join_ranks(device: str, rank: Rank) -> None:
    """Let this process and the other ranks find each other.

    Args:
        device: `cuda`, where NCCL exchanges, or `cpu`, where Gloo does.
        rank: Which one this is.
    """
    _ready_ns.clear()
    if device == "cuda":
        torch.cuda.set_device(rank.local)
    dist.init_process_group("nccl" if device == "cuda" else "gloo", rank=rank.number, world_size=rank.total)


def leave_ranks() -> None:
    """This process is done, and no other one waits for it."""
    if dist.is_initialized():
        dist.destroy_process_group()


def distributed(module: nn.Module, clock: Clock = monotonic_ns) -> Any:
    """A module whose gradients are averaged over all ranks; where there is one process only, the module itself.

    Every rank has the parameters of rank 0 from here on. The running statistics of normalizations are each rank's own:
    nothing is exchanged in the forward pass, so that a rank waits for others in the backward pass alone.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return module
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

    def exchange(state, bucket):  # type: ignore[no-untyped-def]  # torch reads annotations
        if bucket.is_last():
            _ready_ns.append(clock())
        return allreduce_hook(state, bucket)

    wrapped = nn.parallel.DistributedDataParallel(module, broadcast_buffers=False)
    wrapped.register_comm_hook(None, exchange)
    return wrapped


def ready_on_all_ranks(before: Offset | None) -> Nanoseconds:
    """When each rank had its last gradient, int64 [backward passes, ranks], on this rank's clock.

    To be called by all ranks, after the counted steps.

    Args:
        before: How far rank 0's clock was ahead of this rank's before them (see `rank_clocks.offset_here`).
    """
    after = offset_here()
    own = RankClock(() if before is None or after is None else (before, after))
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, own.on_rank_0(np.array(_ready_ns, np.int64)))
    passes = min(len(times) for times in every)
    on_rank_0 = np.array([times[:passes] for times in every], np.int64).reshape(len(every), passes).T
    # What others' clocks are off by is the same as what this one's is, the other way round.
    here = np.array(_ready_ns[:passes], np.int64)
    return on_rank_0 + (here - on_rank_0[:, dist.get_rank()])[:, None]


def with_waits(track: TrackSpans, ready_ns: Nanoseconds, rank: int) -> TrackSpans:
    """A track whose backward passes are told apart from waiting for other ranks, and from exchanging with them.

    Args:
        track: Of the main process, or of a device that is done when it says so.
        ready_ns: See `ready_on_all_ranks`.
        rank: Whose track it is.
    """
    spans = track.spans
    if "backward" not in spans.names or not len(ready_ns):
        return track
    own, last = ready_ns[:, rank], ready_ns.max(axis=1)
    names = (*spans.names, *(name for name in (RANK_WAIT, EXCHANGE) if name not in spans.names))
    begins, ends = spans.begin_ns, spans.end_ns.copy()
    rows = []
    for row in np.flatnonzero(spans.stage == spans.names.index("backward")):
        at = int(np.searchsorted(own, begins[row]))
        if at == len(own) or own[at] > ends[row]:
            continue  # gradients that are only summed up here
        everybody = min(int(last[at]), int(ends[row]))
        rows.append((names.index(RANK_WAIT), int(own[at]), everybody, row))
        rows.append((names.index(EXCHANGE), everybody, int(ends[row]), row))
        ends[row] = own[at]
    stage, begin, end, source = np.array(rows, np.int64).reshape(-1, 4).T
    divided = Spans(
        names,
        np.concatenate([spans.stage, stage]),
        np.concatenate([begins, begin]),
        np.concatenate([ends, end]),
        np.concatenate([spans.sample, spans.sample[source]]),
        np.concatenate([spans.batch, spans.batch[source]]),
    )
    return replace(track, spans=divided)
