"""The figures of a run that the rules look at, gathered once. Stages are asked for by what they do, not by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench.explain.breakdown import (
    BACKLOG,
    BATCH_WAIT,
    BUSY_FROM,
    IDLE,
    LaneBreakdown,
    bound_by_background,
    break_down,
    device_busy,
    find_lane,
    share_of,
)
from workbench.explain.diagnosis.cause import Thresholds
from workbench.explain.diagnosis.charges import LOADING, Charged, charge
from workbench.explain.diagnosis.core_use import CoreUse, core_use, off_core, threads_off_core
from workbench.explain.diagnosis.rare import beyond_the_median, rare_by_batch
from workbench.explain.prediction.recorded import (
    counted_spans,
    implausible_isolated,
    sample_times,
    starting_share,
    wait_of_a_round,
)
from workbench.explain.words.items import item_of, plural, with_article
from workbench.records import Record, StageStats, Steady
from workbench.stages import UNATTRIBUTED, Lane, Role, Stage
from workbench.units import format_duration, format_share


@dataclass(frozen=True)
class Facts:
    """A run in figures.

    Attributes:
        record: The run's record.
        steady: Its counted steps.
        lanes: Where its time went.
        main: The lane of the main process.
        cores: What the workers did with their time; None where the scheduler's counters are missing.
        samples: A row for each time that a sample was made (see `sample_times`); empty where that is not known.
        starting: Share of the time in which the main process waited for a worker to start.
        charged: How near the run is to its ceiling, and who holds it up.
        round_wait_s: What it waits once for each round of its workers, where it hardly waits otherwise; else None.
    """

    record: Record
    steady: Steady
    lanes: list[LaneBreakdown]
    main: LaneBreakdown
    cores: CoreUse | None
    samples: pd.DataFrame
    starting: float
    charged: Charged
    round_wait_s: float | None

    def is_held_up(self, limits: Thresholds) -> bool:
        """Whether loading holds up the run: the main process waits for samples, or the device for loading."""
        return self.wait >= limits.waits or self.charged.of(*LOADING) >= limits.charged

    @property
    def waiting_for_core(self) -> float:
        """Share of their work in which workers are ready and wait for a core; 0 where that isn't known.

        Workers that have nothing to do take no cores from anybody.
        """
        cores = self.cores if self.idle < BUSY_FROM else None
        return min(1.0, cores.ready_s / cores.work_s) if cores is not None and cores.work_s > 0.0 else 0.0

    @property
    def main_off_core(self) -> tuple[float, float]:
        """Shares of its work in which the main process's loop waits for a core, and for something else than that.

        Giving a step to a device with a full queue is waiting for the device, so that time is left out.
        """
        has_queue = find_lane(self.lanes, "device") is not None and self.record.device != "cpu"
        given = names_of(self.rows("main", "submit", background=False, moves=False)) if has_queue else ()
        return off_core(self.record.lane("main"), self.own_work - self.of_main(*given))

    @property
    def loop_on_core(self) -> float:
        """Share of its time in which the main process's loop is on a core; 0 where that isn't known."""
        lane = self.record.lane("main")
        return lane.cpu_s / lane.wall_s if lane is not None and lane.cpu_s is not None and lane.wall_s > 0.0 else 0.0

    @property
    def background_off_core(self) -> float:
        """Share of their work in which the main process's other threads are on no core; 0 where that isn't known."""
        return threads_off_core(self.record.lane("main"), self.main.background_busy + self.main.receiving_busy)

    @property
    def is_contended(self) -> bool:
        """Whether what workers wait for is something that they share: isolated, they do not wait for it.

        A stage that sleeps, or reads from afar, takes as long isolated; what it waits for is its own.
        """
        isolated = {row.name: row for row in self.record.isolated.stages if row.lane == "worker"}
        samples = len(self.record.isolated.samples)
        if self.record.script is None or self.cores is None:
            return True
        if not isolated:  # nobody knows what it takes isolated
            return False
        excess_s = sum(
            max(0.0, row.total_s - isolated[row.name].total_s / samples * self.steady.num_samples)
            for row in self.record.stages
            if row.lane == "worker" and not row.background and row.name in isolated
        )
        return excess_s >= 0.5 * self.cores.blocked_s

    @property
    def own_threads(self) -> int:
        """Threads that OpenCV has in each worker, where these do a good part of the workers' work; else 0."""
        script, lane, environment = self.record.script, self.record.lane("worker"), self.record.environment
        if script is None or lane is None or environment is None or lane.cpu_s is None:
            return 0
        sending_s = sum(row.total_s for row in self.record.stages if row.lane == "worker" and row.background)
        helping_s = max(0.0, (lane.background_cpu_s or 0.0) - sending_s)
        is_many = (script.opencv_threads or 0) * self.record.knobs.num_workers > environment.usable_cores
        return (script.opencv_threads or 0) if is_many and helping_s >= 0.2 * lane.cpu_s else 0

    @property
    def item(self) -> str:
        """What one sample is called."""
        return item_of(self.record)

    @property
    def items(self) -> str:
        """What several are called."""
        return plural(self.item)

    @property
    def worker(self) -> LaneBreakdown | None:
        """The lane of the workers, where their stages were timed."""
        return find_lane(self.lanes, "worker")

    @property
    def wait(self) -> float:
        """Share of its time in which the main process waits for samples."""
        return share_of(self.main, BATCH_WAIT)

    @property
    def wait_words(self) -> str:
        """What the main process does until it has a batch: it waits, or without workers loads the samples itself."""
        share = format_share(self.wait)
        if self.record.knobs.num_workers == 0:
            return f"the main process loads the {self.items} itself (num_workers=0), {share} of the time"
        return f"the main process waits for {self.items} {share} of the time"

    @property
    def backlog(self) -> float:
        """Share of its time in which the main process waits for its background thread."""
        return share_of(self.main, BACKLOG)

    @property
    def device_wait(self) -> float:
        """Share of its time in which the main process waits for the device."""
        others = (BATCH_WAIT, BACKLOG)
        return sum(part.share for part in self.main.parts if part.is_waiting and part.stage not in others)

    @property
    def without_core(self) -> float:
        """Share of its time in which the main process is ready and waits for a core; 0 where that isn't known."""
        lane = self.record.lane("main")
        return (lane.ready_s or 0.0) / lane.wall_s if lane is not None and lane.wall_s > 0.0 else 0.0

    @property
    def is_model_on_cpu(self) -> bool:
        """Whether a script's own model runs in the main process itself: then there is no device to be at work."""
        return self.record.script is not None and self.record.device == "cpu"

    @property
    def without_core_for_workers(self) -> float:
        """Share of its time in which the main process waits for a core that a worker has.

        Whoever else was at work had the others: other programs, and the main process's own further threads.
        """
        workers, main, machine = self.record.lane("worker"), self.record.lane("main"), self.record.machine
        if workers is None or main is None or workers.cpu_s is None or not main.wall_s:
            return 0.0
        theirs = (workers.cpu_s + (workers.background_cpu_s or 0.0)) / main.wall_s
        others = (main.background_cpu_s or 0.0) / main.wall_s + (machine.other_cores if machine else 0.0)
        return min(theirs, self.without_core * theirs / max(theirs + others, 1e-9))

    @property
    def is_short_of_cores(self) -> bool:
        """Whether workers and main process are more than the cores."""
        environment = self.record.environment
        has_workers = self.worker is not None and not self.worker.in_main
        return has_workers and environment is not None and self.record.knobs.num_workers + 1 > environment.usable_cores

    def is_throttled(self, limits: Thresholds) -> bool:
        """Whether a quota stops the run again and again, though there are more cores."""
        return self.record.throttled_share >= limits.throttled

    @property
    def own_work(self) -> float:
        """Share of its time in which the main process waits for nobody."""
        waiting = sum(part.share for part in self.main.parts if part.is_waiting)
        return max(0.0, 1.0 - waiting)

    @property
    def idle(self) -> float:
        """Share of their time in which the workers are idle: no batch is asked of them."""
        return share_of(self.worker, IDLE)

    @property
    def device_busy(self) -> float:
        """Share of the time in which the device is at work."""
        return device_busy(self.lanes)

    @property
    def is_bound_by_background(self) -> bool:
        """Whether the background thread that works on results bounds the run."""
        return bound_by_background(self.lanes)

    @property
    def device_name(self) -> str:
        """What to call the device."""
        return "simulated device" if self.record.simulated else "device"

    def rows(
        self, lane: Lane, *roles: Role, background: bool | None = None, moves: bool | None = None
    ) -> list[StageStats]:
        """The stages of a lane that do something, and were timed.

        Args:
            lane: Where they ran.
            roles: What they do.
            background: Only those of background threads, or only the others.
            moves: Only those that move bytes, or only the others.
        """

        def is_wanted(row: StageStats) -> bool:
            kind = self.kind(row)
            is_there = row.lane == lane and kind.role in roles and background in (None, row.background)
            return is_there and moves in (None, kind.moves_bytes)

        return [row for row in self.record.stages if is_wanted(row)]

    def kind(self, row: StageStats) -> Stage:
        """What a stage is."""
        return self.record.catalogue.find(row.lane, row.name)

    @cached_property
    def sending(self) -> list[StageStats]:
        """The stages that bring a batch from the worker that made it to the main process, and free its memory."""
        received = self.rows("main", "receive") + self.rows("main", "end", moves=True)
        return self.rows("worker", "send") + received

    @cached_property
    def transfers(self) -> list[StageStats]:
        """The stages that bring a batch from the main process to the device."""
        return self.rows("main", "submit", moves=True)

    @cached_property
    def results(self) -> list[StageStats]:
        """The stages that work on what the device has made of a batch."""
        return self.rows("main", "collect") + self.rows("main", "work", "end", background=True)

    @cached_property
    def moves(self) -> tuple[str, ...]:
        """Names of the workers' stages that only move a sample which is ready."""
        return names_of([*self.rows("worker", "work", moves=True), *self.rows("worker", "send")])

    @property
    def keeps_samples(self) -> bool:
        """Whether the run keeps samples in memory, or in a file of its own."""
        startup, knobs = self.record.startup, self.record.knobs
        if self.record.memory.cache_bytes is not None or (startup and startup.cache_fill_s is not None):
            return True
        values = ((getattr(knobs, name), row.effects) for name, row in knobs.rows().items() if row.effects)
        return any(effect.keeps for own, effects in values for value, effect in effects.items() if value == own)

    @property
    def work_s(self) -> float:
        """Seconds that the workers' stages took, what no stage explains included."""
        return sum(part.total_s for part in self.worker.parts if part.is_work) if self.worker else 0.0

    def of_work(self, *stages: str) -> float:
        """Share of the workers' work that some stages take."""
        if self.worker is None or self.work_s <= 0.0:
            return 0.0
        return sum(part.total_s for part in self.worker.parts if part.stage in stages) / self.work_s

    def of_main(self, *stages: str) -> float:
        """Share of the main process's time that some stages take."""
        return share_of(self.main, *stages)

    def of_background(self, *stages: str) -> float:
        """Share of the time that some stages take in the background threads of the main process."""
        return sum(part.share for part in self.main.background if part.stage in stages)

    def isolated(self, row: StageStats) -> StageStats | None:
        """The times of a stage with no other process at work."""
        rows = (each for each in self.record.isolated.stages if (each.lane, each.name) == (row.lane, row.name))
        return next(rows, None)

    def each(self, row: StageStats) -> str:
        """What a stage takes: ``"8.3 ms an image"``."""
        unit = with_article(self.item) if row.per == "sample" else "a batch"
        return f"{format_duration(self._each_s(row))} {unit}"

    def against_isolated(self, row: StageStats) -> str:
        """What it takes with no other process at work, in brackets; empty where that was not timed."""
        isolated = self.isolated(row)
        if isolated is None or row.mean_s <= 0.0 or (row.lane, row.name) in implausible_isolated(self.record):
            return ""
        return f" (isolated {format_duration(self._each_s(row) * isolated.mean_s / row.mean_s)})"

    def _each_s(self, row: StageStats) -> float:
        return row.total_s / (self.steady.num_samples if row.per == "sample" else self.steady.num_steps)

    def only_moves(self, limits: Thresholds) -> bool:
        """Whether the workers do next to nothing but move samples that are ready."""
        is_in_main = self.worker is not None and self.worker.in_main
        return not is_in_main and self.of_work(*self.moves) >= limits.moves

    def rare_share(self, limits: Thresholds) -> float | None:
        """Share of all samples' time that rare slow ones take beyond the median; None where there are none, or many."""
        beyond = beyond_the_median(self.samples, limits)
        return None if beyond is None else float(beyond.sum() / self.samples["wall_s"].sum())

    def waiting_stage(self) -> str | None:
        """The stage of the workers that has lost most against what it takes isolated, or what no stage explains."""
        lost = {row.name: self._lost_s(row) for row in self.rows("worker", "work", "send", background=False)}
        if self.worker is not None:
            lost[UNATTRIBUTED] = sum(part.total_s for part in self.worker.parts if part.stage == UNATTRIBUTED)
        largest = max(lost, key=lost.__getitem__, default=None)
        return largest if largest is not None and lost[largest] > 0.0 else None

    def _lost_s(self, row: StageStats) -> float:
        isolated = self.isolated(row)
        return 0.0 if isolated is None else (row.mean_s - isolated.mean_s) * row.count


def names_of(rows: Iterable[StageStats]) -> tuple[str, ...]:
    """Names of stages."""
    return tuple(row.name for row in rows)


def largest_of(rows: Iterable[StageStats]) -> StageStats:
    """The stage that takes most time in all."""
    return max(rows, key=lambda row: row.total_s)


def gather(record: Record, spans: pd.DataFrame | None, limits: Thresholds) -> Facts | None:
    """The figures of a run; None where it failed, or timed no stages.

    Args:
        record: Its record.
        spans: Its spans (`run_folder.read_spans`), where there are any.
        limits: From where on something is called a cause.
    """
    lanes = break_down(record)
    main = find_lane(lanes, "main")
    if record.steady is None or main is None:
        return None
    worker = find_lane(lanes, "worker")
    counted = None if spans is None else counted_spans(record.steady, spans)
    samples = sample_times(record, counted)
    return Facts(
        record=record,
        steady=record.steady,
        lanes=lanes,
        main=main,
        cores=None if worker is None or worker.in_main else core_use(record, worker),
        samples=samples,
        starting=starting_share(counted, record.steady.wall_s),
        charged=charge(record, lanes, spans, rare_by_batch(samples, limits)),
        round_wait_s=wait_of_a_round(record.steady, counted, record.knobs.num_workers),
    )
