"""`record.json`: what one trial leaves, well or badly ended."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.joined import RecordedKnobs
from workbench.knobs.knob import Situation
from workbench.knobs.observed import ObservedKnobs
from workbench.records.engine import EngineFacts, TrainingFacts
from workbench.records.inside import FileInside, RunId
from workbench.records.parts import SCHEMA_VERSION, Node, Part
from workbench.records.script import ImageKind, Script
from workbench.records.stage_times import LaneStats, Origin, RankStats, StageStats
from workbench.stages import Catalogue, Lane, Stage
from workbench.units import counted_cores

FailureKind = Literal["bad_input", "error", "crash", "killed", "timeout", "cancelled"]
Phase = Literal[
    "launch", "imports", "dataset", "cache", "model", "engine", "workers", "warmup", "steady", "finish", "isolated"
]


class Failure(Part):
    """Why a trial ended badly."""

    kind: FailureKind
    phase: Phase = Field(description="what the trial was doing")
    message: str = Field(description="what happened, where, and what to do")
    stderr_tail: str = Field("", description="the last lines that the trial wrote to stderr")


class Environment(Part):
    """The machine and the software that the figures belong to."""

    python: str
    platform: str
    cpu: str
    cores: int = Field(description="cores that the trial may run on")
    quota: float | None = Field(
        None, gt=0.0, description="cores' worth of time that the control group (a container) allows; None: all"
    )
    memory_bytes: int = Field(description="memory of the machine, or what a control group (a container) allows")
    torch: str | None = None
    cuda: str | None = None
    gpu: str | None = None
    packages: dict[str, str] = Field(default_factory=dict, description="versions of what is measured")
    variables: dict[str, str] = Field(
        default_factory=dict, description="variables of the process's environment that can change how fast it is"
    )
    git: str | None = Field(None, description="commit of the workbench, with '+' where the tree was changed")

    @property
    def machine(self) -> tuple[str, int, float | None]:
        """What two runs of one machine have in common: processor, cores, quota. Another one may be like it."""
        return self.cpu, self.cores, self.quota

    @property
    def usable_cores(self) -> float:
        """Cores' worth of time that there is: the cores, or the quota where that is less."""
        return min(self.cores, self.quota or self.cores)

    @property
    def cores_text(self) -> str:
        """The cores in words: ``"2 cores, 1 by quota"``."""
        return counted_cores(self.cores, self.quota)


class Startup(Part):
    """All before the first counted step. The phases follow one another; what none of them covers is `other_s`."""

    imports_s: float = Field(description="from the start of the process until the libraries are there")
    dataset_s: float | None = Field(description="opening the data set; None: not told apart")
    cache_fill_s: float | None = Field(description="filling the cache; None without a cache")
    model_s: float | None = Field(description="building the model and bringing it to the device; None: likewise")
    engine_s: float | None = Field(None, description="building or loading the engine; None: no model was handed over")
    workers_s: float = Field(description="from starting the loader until its first batch is here")
    warmup_s: float = Field(description="the steps before the counted ones")
    building_s: float | None = Field(
        None, description="of an observed script: all else before its training loader was asked first"
    )
    other_s: float
    total_s: float


class Steady(Part):
    """The counted steps."""

    begin_ns: int = Field(description="on the clock of the spans: the warm-up was over, and the device done with it")
    end_ns: int = Field(description="likewise: the device was done with the last counted step")
    num_steps: int
    num_samples: int
    num_epochs: float = Field(description="samples counted over samples in the data set")
    warmup_steps: int
    wall_s: float = Field(description="from begin to end")
    samples_per_s: float


class Batches(Part):
    """The batches of a trial as they were, those of the warm-up among them: lists in the order of the steps."""

    number: list[int] = Field(default_factory=list, description="as spans name it")
    samples: list[int] = Field(default_factory=list, description="samples in it")
    num_bytes: list[int] = Field(default_factory=list, description="bytes of its arrays, as it arrived")
    end_ns: list[int] = Field(
        default_factory=list, description="when its step was over, on the clock of the spans; empty in older records"
    )

    def sizes(self) -> dict[int, int]:
        """Samples of each batch, by number."""
        return dict(zip(self.number, self.samples, strict=True))

    @property
    def bytes_per_batch(self) -> float | None:
        """Bytes of a batch on its way to the device, on the average; None where none was seen."""
        return sum(self.num_bytes) / len(self.num_bytes) if self.num_bytes else None

    @property
    def bytes_per_sample(self) -> float | None:
        """Bytes of a sample on its way to the device; None where no batch was seen."""
        return sum(self.num_bytes) / sum(self.samples) if sum(self.samples) else None


class Slice(Part):
    """A time in which one trial ran, and those that take turns with it were frozen. On the clock of the spans."""

    begin_ns: int
    end_ns: int


class Limits(Part):
    """How far the parts of the pipeline may run ahead of each other."""

    device_steps: int | None = Field(None, description="steps in the device's queue before the main process waits")
    background_batches: int = Field(0, description="batches that may wait for the main process's background thread")
    loaded_batches: int = Field(0, description="batches that workers may have made, or have room for, ahead")


class Isolated(Part):
    """What a few batches took with no other process at work."""

    samples: list[int] = Field(default_factory=list, description="numbers of the samples that were timed")
    stages: list[StageStats] = Field(default_factory=list)


class Memory(Part):
    """What the trial's process tree held."""

    peak_pss_bytes: int | None = Field(
        None, description="proportional set size of the tree, shared pages once: largest of the samples at phase ends"
    )
    pss_bytes_by_phase: dict[str, int] = Field(default_factory=dict)
    peak_tree_bytes: int | None = Field(
        None,
        description="the most that the tree held, also within a step: what it held after the counted steps, and "
        "what the main process had held beyond that; None: the system does not say",
    )
    cache_bytes: int | None = Field(None, description="bytes of samples in the cache, one copy; None without a cache")
    cache_readings: int | None = Field(None, description="samples taken from the cache in the whole trial")
    cache_was_filled: bool = Field(False, description="the cache was found filled by an earlier run")
    peak_device_bytes: int | None = Field(None, description="of tensors, as torch's allocator counts them")
    device_process_bytes: int | None = Field(
        None, description="device memory of the trial's process with all libraries, as the driver counts it"
    )


class Machine(Part):
    """What the machine did while a trial ran, apart from the trial."""

    wall_s: float = Field(description="from the start of the trial's process to its end")
    num_cores: int = Field(1, description="cores that the trial may run on")
    other_cores: float = Field(description="of these, how many other processes kept busy, on the average")
    steal_share: float = Field(description="share of the cores' time that the host took away, 0..1")
    throttled_share: float | None = Field(
        None,
        description="share of the quota's periods at whose end it was used up, so that processes were stopped; None: "
        "no quota",
    )
    throttled_s: float = Field(0.0, description="seconds for which they were stopped, summed over the cores")
    load_1min: float = Field(description="load average before the trial")
    frequency_mhz: float | None = Field(None, description="of the cores, after the trial, where it can be read")
    temperature_c: float | None = Field(None, description="of the hottest core after the trial, where it can be read")


class ProfilerOverhead(Part):
    """What the profilers of a trial cost: the throughput without them over that with them."""

    profilers: list[str]
    factor: float = Field(description="mean of the trials without profilers, before and after; 1: nothing")
    lowest: float
    highest: float
    run_ids: list[RunId] = Field(description="the trials without profilers")


class Score(Part):
    """One figure of quality over the counted steps, every sample once."""

    value: float
    unit: str = ""
    higher_is_better: bool = True
    tolerance: float = Field(0.0, description="the most that two trials may differ and still pass for the same")
    num_samples: int = Field(description="samples that were scored")
    origin: Origin = "measured"
    note: str = Field("", description="what its reader has to know of it, where it is not what it seems")


class Count(Part):
    """A number of something in the data set."""

    name: str
    number: int


class Description(Part):
    """What the data set is like, so that nothing odd is handled in silence."""

    num_samples: int
    epoch_samples: int | None = Field(
        None, description="samples in an epoch, where a sampler draws another number than there are"
    )
    epoch_batches: int | None = Field(
        None, description="batches that a loader of a script's own makes in an epoch; None: those that its samples fill"
    )
    counts: list[Count] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    content: str | None = Field(
        None,
        description="digest of the samples, with the times of their files: another one, other data; None: not known",
    )


class Record(BaseModel):
    """What one trial leaves: `record.json`, written last; its presence says that the trial ended, well or badly."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    run_id: RunId
    created_at: str = Field(description="UTC, ISO 8601")
    status: Literal["ok", "failed"]
    failure: Failure | None = None
    knobs: RecordedKnobs
    asked: dict[str, Any] = Field(
        default_factory=dict,
        description="of an observed script: what was set in it from outside; knobs says what arrived",
    )
    images: list[ImageKind] = Field(
        default_factory=list, description="by kind of file, fastest to decode by pixel first; empty: not looked at"
    )
    script: Script | None = Field(None, description="None for a trial that the workbench drives itself")
    item: str = Field("sample", description="what the workload calls its samples")
    workload_stages: list[Stage] = Field(default_factory=list, description="the workload's own part of the catalogue")
    device: str | None = Field(None, description="the device that `auto` came to, in words")
    engine: EngineFacts | None = Field(None, description="what ran the model; None: none was handed over")
    training: TrainingFacts | None = Field(None, description="None where nothing was trained, or nobody said")
    simulated: bool = Field(False, description="true where a figure rests on the replay device")
    environment: Environment | None = None
    machine: Machine | None = None
    node: Node | None = Field(
        None, description="where it ran, of a comparison on several machines; None: where the comparison was run"
    )
    description: Description | None = None
    startup: Startup | None = None
    steady: Steady | None = None
    batches: Batches = Batches()
    slices: list[Slice] = Field(
        default_factory=list,
        description="when it ran, of a trial that took turns with others; empty: it ran by itself. Its clock stood "
        "still between two of them",
    )
    forked: bool = Field(
        False,
        description="whether its process was forked from one that had imported everything: what its start-up took, and "
        "its memory, say nothing of a trial by itself",
    )
    limits: Limits = Limits()
    stages: list[StageStats] = Field(default_factory=list)
    lanes: list[LaneStats] = Field(default_factory=list)
    ranks: list[RankStats] = Field(
        default_factory=list,
        description="of processes that train together; steps and samples are then those of all, stages and lanes those "
        "of rank 0, and each rank has a record of its own in `rank-N`. Empty where there is one only",
    )
    isolated: Isolated = Isolated()
    memory: Memory = Memory()
    quality: dict[str, Score] = Field(default_factory=dict)
    profiles: dict[str, FileInside] = Field(
        default_factory=dict, description="files of the profilers, in the run folder"
    )
    profiler_overhead: ProfilerOverhead | None = Field(None, description="what the profilers cost; None without any")
    profiled_run_id: RunId | None = Field(
        None, description="the same run with profilers; None where they weren't asked for"
    )
    notes: list[str] = Field(default_factory=list, description="what a reader of the figures should know")
    dropped_spans: int = 0

    @property
    def throttled_share(self) -> float:
        """Share of a quota's periods in which the trial was stopped, where it gives less than the cores there are."""
        is_less = self.environment is not None and self.environment.usable_cores < self.environment.cores
        return (self.machine.throttled_share or 0.0) if is_less and self.machine is not None else 0.0

    @property
    def catalogue(self) -> Catalogue:
        """What its stages are."""
        return Catalogue(self.workload_stages)

    @property
    def asked_knobs(self) -> RecordedKnobs:
        """The knobs that another trial like this one is asked for; of a script, its own say what was in force."""
        if self.script is None or not isinstance(self.knobs, ObservedKnobs):
            return self.knobs
        return self.knobs.with_asked(self.asked)

    @property
    def situation(self) -> Situation:
        """Its knobs in the place where they ran."""
        names = {(row.lane, row.name) for row in self.stages}
        return Situation(
            knobs=self.knobs,
            simulated=self.simulated,
            gpu=self.environment.gpu if self.environment else None,
            workers_started=("worker", "start") in names if names else None,
            counts={count.name: count.number for count in self.description.counts} if self.description else {},
        )

    def lane(self, name: Lane) -> LaneStats | None:
        """A lane, where anything in it was timed."""
        return next((lane for lane in self.lanes if lane.lane == name), None)

    def stage(self, name: str, lane: Lane | None = None) -> StageStats | None:
        """The times of a stage, in one lane or in the first that has it."""
        rows = (row for row in self.stages if row.name == name and lane in (None, row.lane))
        return next(rows, None)


SpanRow = dict[str, Any]
#: Columns of `spans.parquet`, one row a span: of start-up, warm-up, the counted steps, and the epoch after them in
#: which samples are recorded. `process` is the worker's number (0..) in the worker lane and 0 in the others; `sample`
#: and `batch` are -1 where the span belongs to none.
SPAN_COLUMNS = ("lane", "process", "stage", "begin_ns", "end_ns", "sample", "batch", "background", "origin")
