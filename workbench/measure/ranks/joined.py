"""The records of several ranks as one: rank 0's, with the steps of all."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.records import Memory, RankStats, Record
from workbench.stages import EXCHANGE, RANK_WAIT
from workbench.units import NS_PER_S

#: In these a rank waits for others, and does nothing of its own.
_OF_ALL = (RANK_WAIT, EXCHANGE)


class RanksDiffer(Exception):
    """Ranks that have trained together hold different parameters: what was measured is no training of one model."""


def joined_record(records: Sequence[Record], run_id: str) -> Record:
    """One record of all ranks.

    Args:
        records: Of ranks that ended well, in their order.
        run_id: Of the run as a whole.

    Raises:
        RanksDiffer: Where their parameters differ.
    """
    first = records[0]
    assert first.steady is not None
    _refuse_different(records)
    steadies = [record.steady for record in records if record.steady is not None]
    begin, end = min(steady.begin_ns for steady in steadies), max(steady.end_ns for steady in steadies)
    num_samples, wall_s = sum(steady.num_samples for steady in steadies), (end - begin) / NS_PER_S
    steady = first.steady.model_copy(
        update={
            "num_samples": num_samples,
            "num_epochs": sum(steady.num_epochs for steady in steadies),
            "samples_per_s": num_samples / wall_s,
            "wall_s": wall_s,
            "begin_ns": begin,
            "end_ns": end,
        }
    )
    training = first.training
    if training is not None:
        per_step = sum(record.training.samples_per_step for record in records if record.training is not None)
        training = training.model_copy(update={"samples_per_step": per_step})
    own = set(first.notes)
    notes = [f"rank {rank}: {note}" for rank, record in enumerate(records) for note in record.notes if note not in own]
    return first.model_copy(
        update={
            "run_id": run_id,
            "steady": steady,
            "training": training,
            "memory": _memory([record.memory for record in records]),
            "ranks": [_stats(rank, record) for rank, record in enumerate(records)],
            "notes": [*first.notes, *notes],
            "dropped_spans": sum(record.dropped_spans for record in records),
        }
    )


def _stats(rank: int, record: Record) -> RankStats:
    assert record.steady is not None
    main = {row.name: row.total_s for row in record.stages if row.lane == "main" and not row.background}
    steps, wall_s = record.steady.num_steps, record.steady.wall_s
    own = {name: took for name, took in main.items() if name not in _OF_ALL}
    is_timed = RANK_WAIT in main or EXCHANGE in main
    return RankStats(
        rank=rank,
        num_steps=steps,
        samples_per_s=record.steady.samples_per_s,
        wait_share=main.get("wait", 0.0) / wall_s,
        own_step_s=sum(own.values()) / steps,
        own_stage=max(own, key=own.__getitem__, default=""),
        rank_wait_s=main.get(RANK_WAIT, 0.0) / steps if is_timed else None,
        exchange_s=main.get(EXCHANGE, 0.0) / steps if is_timed else None,
        lanes=record.lanes,
    )


def _refuse_different(records: Sequence[Record]) -> None:
    held = [record.training.parameters if record.training is not None else None for record in records]
    if None not in held and len(set(held)) > 1:
        listed = ", ".join(f"rank {rank} {digest}" for rank, digest in enumerate(held))
        raise RanksDiffer(f"after the last step the ranks hold different parameters ({listed}): gradients were lost")


def _memory(of_ranks: Sequence[Memory]) -> Memory:
    """Memory of all: shares of pages add up, and so do devices."""

    def total(values: Sequence[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    phases = dict.fromkeys(phase for memory in of_ranks for phase in memory.pss_bytes_by_phase)
    return of_ranks[0].model_copy(
        update={
            "peak_pss_bytes": total([memory.peak_pss_bytes for memory in of_ranks]),
            "pss_bytes_by_phase": {
                phase: sum(memory.pss_bytes_by_phase.get(phase, 0) for memory in of_ranks) for phase in phases
            },
            "cache_bytes": total([memory.cache_bytes for memory in of_ranks]),
            "peak_device_bytes": total([memory.peak_device_bytes for memory in of_ranks]),
            "device_process_bytes": total([memory.device_process_bytes for memory in of_ranks]),
        }
    )
