"""Records without their details: what a comparison of thousands of trials keeps in memory of each."""

from __future__ import annotations

from workbench.records.stage_times import LaneStats, StageStats
from workbench.records.trial import Batches, Isolated, Record

#: So many records of a comparison are kept whole: a whole one takes some 65 kB of memory, one without details 20 kB.
MOST_WHOLE = 1000


def as_kept(record: Record, number: int) -> Record:
    """A record of a comparison as it is kept in memory.

    Args:
        record: It, whole.
        number: How many are kept already.
    """
    return record if number < MOST_WHOLE else without_details(record)


def without_details(record: Record) -> Record:
    """A record without the times of its stages and lanes, and its lists of batches: no verdict rests on them.

    Of what has run in turns the batches stay, for its throughput is that of single steps. The whole one is on the disk.
    """
    stages: list[StageStats] = []
    lanes: list[LaneStats] = []
    changes = {"stages": stages, "lanes": lanes, "isolated": Isolated()}
    return record.model_copy(update=changes if record.slices else {**changes, "batches": Batches()})
