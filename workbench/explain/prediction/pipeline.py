"""What a pipeline is to the simulator: its config, and what each batch costs at each of its stations.

Costs are seconds on a core that nobody else slows down (`blocked` and `device` excepted); the simulator makes wall time
of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PipelineConfig:
    """How the parts of a pipeline hang together.

    Attributes:
        num_workers: Loader workers; 0: the main process loads.
        prefetch_factor: Batches on order for each worker.
        cores: Cores of the machine.
        slowdown: By how much work takes longer where all cores are at work than where one is: 0.3 for 30 %. In between
            it grows with the number of busy cores.
        steps_per_epoch: Batches in an epoch; where one ends, workers run dry (but for `joined`).
        joined: Whether workers run on into the next epoch.
        in_order: Whether batches are taken in their order, or as they come.
        epoch_s: What beginning an epoch costs the main process.
        start_s: What a worker takes to start; where `restarts`, in every epoch.
        restarts: Whether workers are started anew for every epoch.
        device_queue: Steps that may lie in the device's queue.
        beside: Whether results are worked on in a thread beside the loop; at most `background_pending` of them wait.
        background_pending: See there.
        num_steps: Steps that are counted.
        warmup_steps: Steps before them.
    """

    num_workers: int
    prefetch_factor: int
    cores: int
    slowdown: float
    steps_per_epoch: int
    num_steps: int
    warmup_steps: int
    joined: bool = False
    in_order: bool = True
    epoch_s: float = 0.0
    start_s: float = 0.0
    restarts: bool = False
    device_queue: int = 2
    beside: bool = False
    background_pending: int = 3

    @property
    def all_steps(self) -> int:
        """Steps in all."""
        return self.warmup_steps + self.num_steps


@dataclass(frozen=True)
class BatchCosts:
    """What each batch costs, float64 [all steps] each, in seconds.

    Attributes:
        make: In the worker, on a core: its pages, the collating, whatever it does itself to send.
        blocked: In the worker, not on a core: files, locks.
        send: In the worker's sending thread.
        receive: In the main process, when it takes the batch over.
        launch: In the main process, until the device has the batch.
        finish: With what the device has made of it: in the main process, or beside it.
        close: In the main process, when all is done.
        device: On the device.
        pages: Pages in the batch, int64.
    """

    make: Seconds
    blocked: Seconds
    send: Seconds
    receive: Seconds
    launch: Seconds
    finish: Seconds
    close: Seconds
    device: Seconds
    pages: Numbers


@dataclass(frozen=True)
class Outcome:
    """What a simulated run came to, over its counted steps.

    Attributes:
        wall_s: Their time.
        samples_per_s: Their pages over it.
        load: Share of the cores that was at work, on the average.
        main_wait_share: Share of the time in which the main process waited for a batch.
        device_busy_share: Share in which the device was at work.
        worker_idle_share: Share of the workers' time without an order.
    """

    wall_s: float
    samples_per_s: float
    load: float
    main_wait_share: float
    device_busy_share: float
    worker_idle_share: float
