"""What a diagnosis is made of: causes that cost a run its time, and from where on something is called one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.explain.breakdown import BUSY_FROM

Name = Literal[
    "loader-bound",
    "device-bound",
    "transfer-bound",
    "main-thread-bound",
    "background-thread-bound",
    "interpreter lock",
    "sending-thread-bound",
    "receiving-thread-bound",
    "start-up-bound",
    "slow worker start",
    "one slow worker",
    "rare slow samples",
    "heavy send and receive",
    "cores oversubscribed",
    "throttled by a quota",
    "lock contention",
    "slow files",
    "memory-bound cache",
    "idle at epoch ends",
    "slowest rank",
    "gradient exchange",
    "breakdown does not close",
    "healthy",
]


#: They explain time that stages take, so what they explain doesn't count for the stages again.
APART: tuple[Name, ...] = ("one slow worker", "slow worker start")


@dataclass(frozen=True)
class Thresholds:
    """From where on something is called a cause, each with its reason.

    Attributes:
        notable: Share of the run's time from which on a cause is mentioned. Two runs of one machine differ by some
            2.5 % (`prediction.predictor.Confidence.run_to_run`): what costs less than twice that could hardly be seen
            in a comparison.
        charged: Share of the run's time from which on a cause is mentioned that the gap to the ceiling is charged with:
            that is measured within one run, and need not be seen in a comparison of two.
        ceiling: Share of the time that may be missing to the ceiling of a run that is called healthy. A run of some
            dozens of steps has no more than that at its end, where the last results are worked on; a fault that costs
            a twentieth of the time has more.
        stands_out: Causes that cost this much come before what bounds the run; others gain less than a tenth.
        waits: Share of its time that the main process must wait for samples before loading is to blame: where an epoch
            ends, and where samples differ in size, it always waits a little. The same share as in `predictor.limit_of`.
        busy: A device, or a thread, that is at work for this share of the time bounds the run. Likewise.
        headroom: Where a device twice as fast would gain at least half of what it could (100 %), all else could feed a
            much faster one: the device alone bounds the run. Below, the rest is matched to it: a healthy pipeline.
        idle: Workers that are idle for this share of their time could load twice as much; taken for `headroom` where
            nothing can be predicted.
        straggler: The slowest worker's median sample over that of the others. Their samples are of one kind and their
            medians within some 10 % of each other; half as long again is no accident of the samples.
        own_samples: Of workers that each make samples of their own, fewer than this tell nothing about a worker.
        rare_sample: From this multiple of the median on, a sample is a rare slow one. Samples that differ in size and
            content spread over two to three times their median.
        rare_samples: Rare is no more than this share of the samples; beyond it they are a kind of samples.
        ready: Seconds that workers were ready and waited for a core, for each second that they had one. From 1 on, on
            the average, every core has as many in its queue as at work.
        throttled: Share of the periods of a control group's quota in which it was used up. Imports and epochs'
            beginnings use one up now and then; from here on it is the rule.
        blocked: Share of their work in which workers are neither on a core nor waiting for one. The counters and the
            spans agree within a few per cent; more than this waits for something.
        files: Share of that time that the stage `read` must take to be the one that waits: more than any other.
        moves: Workers that only move samples which are ready spend at least this share of their work on it.
        start_up: Preparing outweighs the counted steps where it takes this multiple of their time. It must also take
            longer than the imports: less than what any start takes is no reason to look for one.
        memory: Share of the machine's memory that leaves no room for the kernel's own cache of files.
    """

    notable: float = 0.05
    charged: float = 0.02
    ceiling: float = 0.03
    stands_out: float = 0.10
    waits: float = 0.15
    busy: float = BUSY_FROM
    headroom: float = 0.50
    idle: float = 0.50
    straggler: float = 1.5
    own_samples: int = 16
    rare_sample: float = 5.0
    rare_samples: float = 0.10
    ready: float = 1.0
    throttled: float = 0.25
    blocked: float = 0.15
    files: float = 0.50
    moves: float = 0.80
    start_up: float = 1.0
    memory: float = 0.90


@dataclass(frozen=True)
class Cause:
    """One reason why a run is no faster.

    Attributes:
        name: What it is.
        stage: The stage that it is about, where it is about one.
        evidence: A sentence with the figures that show it.
        cost: Share of the run's time that it costs, 0..1: what would be saved without it, all else as it is; no less
            than what the gap to the ceiling is charged with for it.
        bounds: Whether it is a thread that is at work all the time: it is named whatever it costs, for whoever makes
            anything else faster will gain nothing.
        of_loading: Share of the workers' work that it explains, 0..1, which then is none of their stages'; of what the
            causes before it have left.
        charged: Share of the run's time that the gap to its ceiling has for it, 0..1. These do not overlap.
    """

    name: Name
    stage: str | None
    evidence: str
    cost: float
    bounds: bool = False
    of_loading: float = 0.0
    charged: float = 0.0

    @property
    def title(self) -> str:
        """Name and stage: ``"loader-bound by 'read'"``."""
        return self.name if self.stage is None else f"{self.name} by '{self.stage}'"

    def is_worth_mentioning(self, limits: Thresholds) -> bool:
        """Whether it costs enough, or bounds the run."""
        return self.bounds or self.cost >= limits.notable or self.charged >= limits.charged
