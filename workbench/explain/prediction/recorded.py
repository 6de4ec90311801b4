"""What a run has recorded: what stages cost on a core, beside others and isolated; how long single samples took."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.explain.breakdown import BATCH_WAIT, receives
from workbench.explain.prediction.pipeline import Seconds
from workbench.records import LaneStats, Record, StageStats, Steady
from workbench.stages import Lane, Stage
from workbench.units import NS_PER_S

#: A stage that takes this many times longer isolated than beside others was not timed as it is: something else was
#: going on, such as memory that the kernel had to find first.
_IMPLAUSIBLE = 1.25

#: Threads that are on cores for this share of what the loop takes for the model work for it.
_HELPS = 0.1

#: A stage that was timed on fewer samples isolated says too little by itself.
_MIN_ISOLATED = 8

#: Steps after a start of workers count by themselves from this many starts on, and where they take this much longer.
_FEW_STARTS = 2
_LONGER = 0.25

#: Waits come once a round where, of at least three workers and three rounds, one wait of each makes up this share of
#: all, and three quarters of these are at least this part of the typical one: rare slow samples are waited for less
#: often.
_FEW_ROUNDS = 3
_FEW_WORKERS = 3
_OF_WAITS = 0.75
_ALIKE = 0.3


def counted_spans(steady: Steady, spans: pd.DataFrame) -> pd.DataFrame:
    """The spans that ended in the counted steps."""
    found: pd.DataFrame = spans[(spans["end_ns"] > steady.begin_ns) & (spans["end_ns"] <= steady.end_ns)]
    return found


class Recorded:
    """A run's record and spans, asked for costs. Counted steps only.

    Attributes:
        record: The record.
        steady: Its counted steps.
        in_main: Whether the main process loads the samples itself.
        isolated: The stages that were timed isolated, by lane and name; without those that took longer than beside
            others.
    """

    def __init__(self, record: Record, spans: pd.DataFrame) -> None:
        assert record.steady is not None
        self.record = record
        self.steady = record.steady
        self.in_main = record.knobs.num_workers == 0
        worker = record.lane("worker")
        self._is_split = self.in_main and worker is not None and worker.cpu_s is not None
        implausible = implausible_isolated(record)
        self.isolated = {
            (row.lane, row.name): row for row in record.isolated.stages if (row.lane, row.name) not in implausible
        }
        self._catalogue = record.catalogue
        self._sizes = record.batches.sizes()
        counted = counted_spans(record.steady, spans)
        self._spans = counted.assign(
            wall_s=(counted["end_ns"] - counted["begin_ns"]) / NS_PER_S, background=counted["background"].astype(bool)
        )

    @property
    def num_samples(self) -> int:
        """Samples in an epoch; of a data set that does not say it, more than there were in the run."""
        described = self.record.description
        known = (described.epoch_samples or described.num_samples) if described else 1
        steps = self.steady.num_steps + self.steady.warmup_steps
        return known or (steps + 1) * self.record.knobs.batch_size

    def kind(self, lane: Lane, stage: str) -> Stage:
        """What a stage is."""
        return self._catalogue.find(lane, stage)

    def of(self, lane: Lane, stage: str | None = None, *, background: bool | None = None) -> pd.DataFrame:
        """The spans of a lane, of one of its stages, or of its background threads; with `wall_s`."""
        wanted = self._spans["lane"] == lane
        if stage is not None:
            wanted &= self._spans["stage"] == stage
        if background is not None:
            wanted &= self._spans["background"] == background
        rows: pd.DataFrame = self._spans[wanted]
        return rows

    def work(self, lane: Lane) -> pd.DataFrame:
        """The spans of a lane that are work: neither waiting, nor the start of a process or of an epoch."""
        rows = self.of(lane)
        no_work = [name for name in rows["stage"].unique() if self.kind(lane, name).role in ("wait", "start", "epoch")]
        found: pd.DataFrame = rows[~rows["stage"].isin(no_work)]
        return found

    def has_background(self, *, receiver: bool) -> bool:
        """Whether the main process has a background thread: that which receives batches, or that for results."""
        kinds = [self.kind("main", row.name) for row in self.record.stages if row.lane == "main" and row.background]
        return any(receives(kind) is receiver for kind in kinds if kind.role != "wait")

    def work_s(self, lane: Lane) -> float:
        """Wall time in which a lane was at work, or ready to be."""
        stats = self.record.lane(lane)
        assert stats is not None
        own = [row for row in self.record.stages if row.lane == lane and not row.background]
        waiting = [row for row in own if self.kind(lane, row.name).role in ("wait", "start")]
        # A main process that loads by itself is at work while it waits for a batch.
        is_loading = lane == "main" and self.in_main and not self._is_split
        waited_s = sum(row.total_s for row in waiting if not (is_loading and row.name == BATCH_WAIT))
        return max(stats.wall_s - waited_s, 1e-9)

    def on_core(self, lane: Lane) -> float:
        """Share of a lane's work that it was on a core; 1 where that isn't known."""
        stats = self.counted(lane)
        return 1.0 if stats is None or stats.cpu_s is None else min(1.0, stats.cpu_s / self.work_s(self.source(lane)))

    def source(self, lane: Lane) -> Lane:
        """The lane whose process does the work of `lane`."""
        return "main" if self.in_main and not self._is_split else lane

    def counted(self, lane: Lane) -> LaneStats | None:
        """A lane with what the scheduler has counted; None where it could not be read."""
        stats = self.record.lane(self.source(lane))
        return stats if stats is not None and stats.cpu_s is not None else None

    def blocked_share(self, lane: Lane) -> float:
        """Time in which a lane's stages were neither on a core nor ready for one, over that on a core."""
        stats = self.counted(lane)
        if stats is None or stats.cpu_s is None or stats.ready_s is None or self.source(lane) != lane:
            return 0.0
        return max(0.0, self.work_s(lane) - stats.cpu_s - stats.ready_s) / max(stats.cpu_s, 1e-9)

    def pauses(self) -> tuple[float, float]:
        """How the main loop's time is spent where the model runs on the CPU.

        Returns:
            The share of its work in which it was not waiting for a core; and, of what it does beside the model, the
            share on no core, 0..1.
        """
        stats = self.counted("main")
        if stats is None or stats.cpu_s is None or stats.ready_s is None:
            return 1.0, 0.0
        work_s = self.work_s("main")
        there = min(1.0, max(work_s - stats.ready_s, 1e-9) / work_s)
        blocked_s = max(0.0, work_s - stats.ready_s - stats.cpu_s)
        beside_s = (
            sum(row.total_s for row in self._loop_stages() if self.kind("main", row.name).role != "submit") * there
        )
        return there, min(1.0, blocked_s / beside_s) if beside_s > 0.0 else 0.0

    def helping_share(self) -> float:
        """What other threads of the main process were on cores, over what its loop took for the model; 0 where none."""
        stats = self.counted("main")
        own_s = sum(row.total_s for row in self._loop_stages() if self.kind("main", row.name).role == "submit")
        share = (stats.background_cpu_s or 0.0) / own_s if stats is not None and own_s > 0.0 else 0.0
        return share if share >= _HELPS else 0.0

    def _loop_stages(self) -> list[StageStats]:
        """The stages of the main loop that are work."""
        return [
            row
            for row in self.record.stages
            if row.lane == "main" and not row.background and self.kind("main", row.name).role not in ("wait", "epoch")
        ]

    def isolated_share(self, stage: str, on_core: float) -> float:
        """What a stage costs where the main process loads, over its cost in a worker, on the same samples."""
        isolated = self.isolated.get(("worker", stage))
        if isolated is None or isolated.per != "sample" or isolated.count < _MIN_ISOLATED:
            return 1.0
        rows = self.of("worker", stage, background=False)
        own = rows[rows["sample"].isin(self.record.isolated.samples)]
        rows = own if len(own) >= _MIN_ISOLATED else rows
        # A stage may come several times in a sample, or be interrupted by others.
        by_sample = rows.groupby(["batch", "sample"])["wall_s"].sum()
        in_worker_s = float(by_sample.mean()) * on_core if len(by_sample) else 0.0
        isolated_s = isolated.total_s / max(len(self.record.isolated.samples), 1)
        return isolated_s / in_worker_s if in_worker_s > 0.0 else 1.0

    def isolated_per_sample(self, lane: Lane, stage: str) -> float | None:
        """Seconds of a stage for each sample that was timed isolated."""
        row: StageStats | None = self.isolated.get((lane, stage))
        return row.total_s / len(self.record.isolated.samples) if row and self.record.isolated.samples else None

    def share(self, own: pd.DataFrame, lane: Lane, share: float) -> float:
        """Share of its wall time that a stage was on a core. A background thread's own time was counted apart."""
        stats = self.counted(lane)
        if not bool(own["background"].all()) or stats is None or not stats.background_cpu_s:
            return share
        rows = self.of(lane, background=True)
        waits = [name for name in rows["stage"].unique() if self.kind(lane, name).role == "wait"]
        at_work_s = float(rows.loc[~rows["stage"].isin(waits), "wall_s"].sum())
        return min(1.0, stats.background_cpu_s / max(at_work_s, 1e-9))

    def per_sample(self, own: pd.DataFrame) -> Seconds:
        """float64 [batches]: seconds of a stage for each sample of a batch.

        Batches that were made ahead and that no step has taken have no size, and are left out.
        """
        known = own[own["batch"].isin(list(self._sizes))]
        if known.empty:  # done now and then, for no batch in particular
            return np.array([float(own["wall_s"].sum()) / self.steady.num_samples])
        by_batch = known.groupby("batch")["wall_s"].sum()
        return np.asarray(by_batch.to_numpy() / np.array([self._sizes[int(batch)] for batch in by_batch.index]))

    def first_steps(self) -> tuple[set[int], float]:
        """Batches whose step followed a start of workers, and the seconds that the model took longer there than else.

        Empty, and 0, where that can't be told: of one epoch, or where these steps are as long as the others. What else
        is longer in them may be an epoch's own beginning, and nothing of the workers.
        """
        work = self.submits(self.work("main"))
        work = work[~work["background"] & work["batch"].isin(list(self._sizes))].sort_values("begin_ns")
        starts = self.of("worker", "start")["begin_ns"]
        place = np.unique(np.searchsorted(work["begin_ns"].to_numpy(), starts.to_numpy(), side="left"))
        first = set(work["batch"].to_numpy()[place[place < len(work)]].tolist())
        steps_s = work.groupby("batch")["wall_s"].sum()
        is_first = steps_s.index.isin(list(first))
        if len(first) < _FEW_STARTS or 2 * len(first) > len(steps_s):
            return set(), 0.0
        excess_s = float(steps_s[is_first].median() - steps_s[~is_first].median())
        return (first, excess_s) if excess_s > _LONGER * steps_s[~is_first].median() else (set(), 0.0)

    def submits(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those spans of the main process in which it gives a batch to the model."""
        own = [name for name in rows["stage"].unique() if self.kind("main", name).role == "submit"]
        found: pd.DataFrame = rows[rows["stage"].isin(own)]
        return found

    def unattributed(self, lane: Lane, on_core: float) -> float:
        """Seconds of a lane for each sample that no stage explains, on a core."""
        stats = self.record.lane(lane)
        return 0.0 if stats is None else float(stats.wall_s - stats.attributed_s) * on_core / self.steady.num_samples

    def sending(self, per_sample: Seconds) -> Seconds:
        """What sending costs: the worker's other threads do nothing else, and more of it than is timed."""
        stats = self.counted("worker")
        if stats is None or self.in_main or not stats.background_cpu_s or per_sample.mean() <= 0.0:
            return per_sample
        level_s = stats.background_cpu_s / self.steady.num_samples
        return np.asarray(per_sample * (level_s / per_sample.mean()), np.float64)


def implausible_isolated(record: Record) -> dict[tuple[Lane, str], tuple[float, float]]:
    """The stages that took longer isolated than beside others, by lane and name: both means, in seconds."""
    busy = {(row.lane, row.name): row.mean_s for row in record.stages}
    return {
        (row.lane, row.name): (row.mean_s, busy[row.lane, row.name])
        for row in record.isolated.stages
        if record.catalogue.find(row.lane, row.name).role not in ("wait", "start", "epoch")
        and row.mean_s > _IMPLAUSIBLE * busy.get((row.lane, row.name), float("inf"))
    }


def sample_times(record: Record, spans: pd.DataFrame | None) -> pd.DataFrame:
    """A row for each time that a worker made a sample: `process`, `batch`, `sample`, `wall_s`.

    A sample lasts until the next one of its batch begins, or the batch is collated: so what happens between two stages
    counts for the sample before it, and what happens before a sample's first stage for the one before that.
    """
    columns = ["process", "batch", "sample", "wall_s"]
    if spans is None:
        return pd.DataFrame(columns=columns)
    no_work = record.catalogue.names("wait", "start", lane="worker")
    work = spans[(spans["lane"] == "worker") & ~spans["background"].astype(bool) & ~spans["stage"].isin(no_work)]
    work = work[(work["sample"] >= 0) & (work["batch"] >= 0)]
    if work.empty:
        return pd.DataFrame(columns=columns)
    samples = work.groupby(["process", "batch", "sample"], as_index=False).agg(
        begin_ns=("begin_ns", "min"), end_ns=("end_ns", "max")
    )
    samples = samples.sort_values(["process", "batch", "begin_ns"])
    following = samples.groupby(["process", "batch"])["begin_ns"].shift(-1)
    samples["wall_s"] = (following.fillna(samples["end_ns"]) - samples["begin_ns"]) / NS_PER_S
    return samples[columns]


def wait_of_a_round(steady: Steady, spans: pd.DataFrame | None, num_workers: int) -> float | None:
    """Seconds for which the main process waits once a round of the workers; None where its waits are otherwise.

    Workers make whole batches side by side: so that of each round the first is waited for, and the rest are there.

    Args:
        steady: The counted steps.
        spans: Their spans.
        num_workers: How many batches make a round.
    """
    rounds = round(steady.num_steps / max(num_workers, 1))
    if spans is None or num_workers < _FEW_WORKERS or rounds < _FEW_ROUNDS:
        return None
    waits = spans[(spans["lane"] == "main") & (spans["stage"] == BATCH_WAIT)]
    waits_s = np.sort(((waits["end_ns"] - waits["begin_ns"]) / NS_PER_S).to_numpy())
    longest_s, typical_s = waits_s[-rounds:], float(np.median(waits_s[-rounds:])) if len(waits_s) else 0.0
    if longest_s.sum() < _OF_WAITS * waits_s.sum() or np.quantile(longest_s, 0.25) < _ALIKE * typical_s:
        return None
    return typical_s or None


def starting_share(spans: pd.DataFrame | None, wall_s: float) -> float:
    """Share of the run's time in which the main process waited while a worker was starting."""
    if spans is None or wall_s <= 0.0:
        return 0.0
    starts = spans[(spans["lane"] == "worker") & (spans["stage"] == "start")]
    waits = spans[(spans["lane"] == "main") & spans["stage"].isin((BATCH_WAIT, "epoch"))]
    covered = 0
    for begin, end in _merged(starts):
        inside = waits["end_ns"].clip(upper=end) - waits["begin_ns"].clip(lower=begin)
        covered += int(inside.clip(lower=0).sum())
    return min(1.0, covered / NS_PER_S / wall_s)


def _merged(spans: pd.DataFrame) -> list[tuple[int, int]]:
    """The time that some spans cover, as intervals that don't overlap."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(zip(spans["begin_ns"].tolist(), spans["end_ns"].tolist(), strict=True)):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found
