"""What a pipeline is to the simulator: how it hangs together, and what each batch costs at each of its stations.

Costs are seconds on a core that nobody else slows down (`blocked` and `device` excepted); the simulator makes wall time
of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

#: The stations that a batch passes: made in a worker, sent, received, given to the device, its results worked on, done.
Station = Literal["load", "send", "receive", "submit", "collect", "end"]

STATIONS: tuple[Station, ...] = ("load", "send", "receive", "submit", "collect", "end")


@dataclass(frozen=True)
class PipelineConfig:
    """How the parts of a pipeline hang together.

    Attributes:
        num_workers: Loader workers; 0: the main process loads.
        prefetch_factor: Batches on order for each worker.
        cores: Cores of the machine.
        slowdown: By how much work takes longer where all cores are at work than where one is: 0.3 for 30 %. In between
            it grows with the number of busy cores.
        steps_per_epoch: Batches in an epoch; where one ends, workers run dry (but for `epoch_overlap`).
        num_steps: Steps that are counted.
        warmup_steps: Steps before them.
        epoch_overlap: Whether workers go on into the next epoch.
        in_order: Whether batches are taken in their order, or as they come.
        epoch_s: What beginning an epoch costs the main process.
        start_s: What a worker takes to start; where `restarts`, in every epoch.
        restarts: Whether workers are started anew for every epoch.
        after_start_s: What the main process's first step after that takes longer than others: of memory that it shares
            with forked workers, it copies what it writes to.
        device_steps: Steps that may lie in the device's queue.
        background: Whether results are worked on in a background thread; at most `background_batches` of them wait.
        background_batches: See there.
        side_by_side: How many of them are worked on at once.
        receiver: Whether a thread of the main process receives the batches (and pins them), and not its loop.
        helpers: Threads that work beside the main process's loop while it gives a batch to the model, as those of torch
            on the CPU do; it waits for them.
        quota: Cores' worth of time that all of them together may take; None: as many as there are.
    """

    num_workers: int
    prefetch_factor: int
    cores: int
    slowdown: float
    steps_per_epoch: int
    num_steps: int
    warmup_steps: int
    epoch_overlap: bool = False
    in_order: bool = True
    epoch_s: float = 0.0
    start_s: float = 0.0
    restarts: bool = False
    after_start_s: float = 0.0
    device_steps: int = 2
    background: bool = False
    background_batches: int = 3
    side_by_side: int = 1
    receiver: bool = False
    helpers: int = 0
    quota: float | None = None

    @property
    def usable_cores(self) -> float:
        """Cores' worth of time that there is."""
        return min(self.cores, self.quota or self.cores)

    @property
    def all_steps(self) -> int:
        """Steps in all."""
        return self.warmup_steps + self.num_steps


@dataclass(frozen=True)
class BatchCosts:
    """What each batch costs, float64 [all steps] each, in seconds.

    Attributes:
        load: In the worker, on a core: its samples, the collating, whatever it does itself to send.
        blocked: In the worker, not on a core: files, locks.
        send: In the worker's sending thread.
        receive: When it is taken over: in the main process's loop, or in its receiving thread.
        submit: In the main process, until the device has the batch.
        collect: With what the device has made of it: in the main process's loop, or in its background thread.
        end: In the main process, when all is done.
        device: On the device.
        samples: Samples in the batch, int64.
        pause: In the main process's loop, not on a core: sleeping, waiting for others than the pipeline; None: nothing.
        helping: On the cores of each of its helpers; None: nothing.
        alone: What `submit` and each helper take where nobody else is at work; None: as much as beside others.
    """

    load: Seconds
    blocked: Seconds
    send: Seconds
    receive: Seconds
    submit: Seconds
    collect: Seconds
    end: Seconds
    device: Seconds
    samples: Numbers
    pause: Seconds | None = None
    helping: Seconds | None = None
    alone: Seconds | None = None


@dataclass(frozen=True)
class Outcome:
    """How a simulated run went, over its counted steps.

    Attributes:
        wall_s: Their time.
        samples_per_s: Their samples over it.
        load: Share of the cores that was at work, on the average.
        main_wait_share: Share of the time in which the main process waited for a batch.
        device_busy_share: Share in which the device was at work.
        worker_idle_share: Share of the workers' time without an order.
        backlog_share: Share of the time in which the main process waited for its background thread.
        background_busy_share: Share in which the background thread was at work on results, or waited for a core.
        sender_busy_share: Likewise of the workers' sending threads, on the average.
        receiver_busy_share: Likewise of the receiving thread.
    """

    wall_s: float
    samples_per_s: float
    load: float
    main_wait_share: float
    device_busy_share: float
    worker_idle_share: float
    backlog_share: float = 0.0
    background_busy_share: float = 0.0
    sender_busy_share: float = 0.0
    receiver_busy_share: float = 0.0
