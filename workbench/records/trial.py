"""`record.json`: what one trial leaves, well or badly ended."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.knobs.knobs import Knobs
from workbench.records.part import SCHEMA_VERSION, Part

Lane = Literal["worker", "main", "device"]
Origin = Literal["measured", "simulated"]
FailureKind = Literal["bad_input", "error", "crash", "killed", "timeout", "cancelled"]
Phase = Literal["launch", "imports", "dataset", "cache", "model", "workers", "warmup", "steady", "finish"]


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
    memory_bytes: int
    torch: str | None = None
    cuda: str | None = None
    gpu: str | None = None
    packages: dict[str, str] = Field(default_factory=dict, description="versions of what is measured")
    git: str | None = Field(None, description="commit of the workbench, with '+' where the tree was changed")


class Startup(Part):
    """All before the first counted step. The phases follow one another; what none of them covers is `other_s`."""

    imports_s: float = Field(description="from the start of the process until the libraries are there")
    dataset_s: float = Field(description="reading the annotations and the pages' headers")
    cache_fill_s: float | None = Field(description="filling the cache; None without a cache")
    model_s: float = Field(description="building the model and bringing it to the device")
    workers_s: float = Field(description="from starting the loader until its first batch is here")
    warmup_s: float = Field(description="the steps before the counted ones")
    other_s: float
    total_s: float


class Steady(Part):
    """The counted steps."""

    num_steps: int
    num_pages: int
    num_epochs: float = Field(description="pages counted / pages in the data set")
    warmup_steps: int
    wall_s: float = Field(description="from the end of the warm-up until the device is through with the last step")
    samples_per_s: float


class StageStats(Part):
    """The times of one stage over the steady part."""

    lane: Lane
    name: str
    per: Literal["page", "batch"] = Field(description="what one span of this stage covers")
    count: int = Field(description="spans that ended in the steady part")
    mean_s: float
    p50_s: float
    p95_s: float
    total_s: float = Field(description="time inside the steady part, summed over the lane's processes")
    origin: Origin = "measured"
    background: bool = Field(False, description="runs in a background thread, so it is no part of the lane's sum")


class LaneStats(Part):
    """How much of a lane's wall time its stages explain."""

    lane: Lane
    processes: int = Field(description="processes (or streams) that make up the lane")
    wall_s: float = Field(description="wall time of the lane, summed over its processes")
    attributed_s: float = Field(description="time inside its stages, counted once")
    origin: Origin = "measured"
    cpu_s: float | None = Field(None, description="time on a core of the threads that do the lane's work, summed")
    ready_s: float | None = Field(None, description="time in which these were ready to run and had to wait for a core")
    background_cpu_s: float | None = Field(None, description="time on a core of all other threads of its processes")


class Closure(Part):
    """Share of each lane's wall time that its named stages explain, 0..1; None where nothing was timed."""

    main: float | None = None
    worker: float | None = None


class Memory(Part):
    """What the trial's process tree held."""

    peak_pss_bytes: int | None = Field(
        None, description="proportional set size of the tree, shared pages once: largest of the samples at phase ends"
    )
    pss_bytes_by_phase: dict[str, int] = Field(default_factory=dict)
    cache_bytes: int | None = Field(None, description="bytes of pages in the cache, one copy; None without a cache")
    cache_readings: int | None = Field(None, description="pages taken from the cache in the whole trial")
    cache_was_filled: bool = Field(False, description="the cache was found filled by an earlier run")
    peak_device_bytes: int | None = None


class Machine(Part):
    """What the machine did while a trial ran, apart from the trial."""

    wall_s: float = Field(description="from the start of the trial's process to its end")
    num_cores: int = Field(1, description="cores that the trial may run on")
    other_cores: float = Field(description="of these, how many other processes kept busy, on the average")
    steal_share: float = Field(description="share of the cores' time that the host took away, 0..1")
    load_1min: float = Field(description="load average before the trial")
    frequency_mhz: float | None = Field(None, description="of the cores, after the trial, where it can be read")
    temperature_c: float | None = Field(None, description="of the hottest core after the trial, where it can be read")


class ProfilerOverhead(Part):
    """What the profilers of a trial cost: the throughput without them over that with them."""

    profilers: list[str]
    factor: float = Field(description="mean of the trials without profilers, before and after; 1: nothing")
    lowest: float
    highest: float
    run_ids: list[str] = Field(description="the trials without profilers")


class Quality(Part):
    """Detection quality on the pages of the steady part, each counted once (ICDAR2015 rule, IoU over 0.5)."""

    hmean: float
    precision: float
    recall: float
    num_pages: int
    origin: Origin = "measured"


class PageCounts(Part):
    """What the pages were like, so that nothing odd is handled in silence."""

    num_pages: int
    num_words: int
    num_ignored_words: int
    turned_by_exif: int = 0
    not_rgb: dict[str, int] = Field(default_factory=dict, description="pages by colour mode, where it isn't plain RGB")
    without_words: int = 0
    dropped_words: dict[str, int] = Field(
        default_factory=dict, description="unusable words by reason (annotations: once; transforms: per page seen)"
    )
    notes: list[str] = Field(default_factory=list)


class Record(BaseModel):
    """What one trial leaves: `record.json`, written last; its presence says that the trial ended, well or badly."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    run_id: str
    created_at: str = Field(description="UTC, ISO 8601")
    status: Literal["ok", "failed"]
    failure: Failure | None = None
    knobs: Knobs
    device: str | None = Field(None, description="the device that `auto` came to, in words")
    simulated: bool = Field(False, description="true where a figure rests on the replay device")
    environment: Environment | None = None
    machine: Machine | None = None
    pages: PageCounts | None = None
    startup: Startup | None = None
    steady: Steady | None = None
    stages: list[StageStats] = Field(default_factory=list)
    lanes: list[LaneStats] = Field(default_factory=list)
    isolated: list[StageStats] = Field(
        default_factory=list,
        description="the stages of a few batches after the counted steps, with no other process at work",
    )
    closure: Closure = Closure()
    memory: Memory = Memory()
    quality: Quality | None = None
    profiles: dict[str, str] = Field(default_factory=dict, description="files of the profilers, in the run folder")
    profiler_overhead: ProfilerOverhead | None = Field(None, description="what the optional profilers cost; None without any")
    notes: list[str] = Field(default_factory=list, description="what a reader of the figures should know")
    dropped_spans: int = 0


SpanRow = dict[str, Any]
#: Columns of `spans.parquet`, one row a span of the steady part and the warm-up. `process` is the worker's number (0..)
#: in the worker lane and 0 in the others; `page` and `batch` are -1 where the span belongs to none.
SPAN_COLUMNS = ("lane", "process", "stage", "begin_ns", "end_ns", "page", "batch", "background", "origin")
