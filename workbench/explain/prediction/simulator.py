"""A pipeline in simulated time: workers, main process and device, as torch's DataLoader and an asynchronous device run.

What is modelled:

- The main process keeps `prefetch_factor` batches on order for every worker, dealt out in turn; taking a batch over
  makes room for one more order. Batches come through one queue; one that comes before its turn is taken over and kept.
- A worker makes its batches one after the other; a thread beside it sends them.
- Where batches are pinned, a thread of the main process receives them, and its loop finds them ready.
- The device takes steps one after the other, a bounded number of them ahead; who needs a result waits for it: the main
  process's loop, or its background thread, which has a bounded number of batches to work on.
- Where an epoch ends, orders end with it, and the workers run dry before the next one begins.
- Where the model runs on the CPU, torch's threads work beside the loop, which waits for them; and a loop may pause.
- All of it but the device shares the cores (see `cores`).

What is not: the interpreter's lock between the threads of a process; memory running short; how the scheduler favours
who has slept long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TypeVar

from workbench.explain.prediction.cores import Cores, Process
from workbench.explain.prediction.pipeline import BatchCosts, Outcome, PipelineConfig

Result = TypeVar("Result")

#: A part of a process that ends with a result.
Taking = Generator[float | None, None, Result]


def simulate(config: PipelineConfig, costs: BatchCosts) -> Outcome:
    """Run a pipeline once.

    Args:
        config: How it hangs together.
        costs: What its batches cost, of `config.all_steps` batches.
    """
    return _Run(config, costs).run()


class _Run:
    def __init__(self, config: PipelineConfig, costs: BatchCosts) -> None:
        self._config = config
        self._costs = costs
        self._cores = Cores(config.cores, config.slowdown, config.quota)
        self._load, self._blocked, self._send = costs.load.tolist(), costs.blocked.tolist(), costs.send.tolist()
        self._receive, self._submit_s = costs.receive.tolist(), costs.submit.tolist()
        self._collect, self._end, self._device = costs.collect.tolist(), costs.end.tolist(), costs.device.tolist()
        nothing = [0.0] * config.all_steps
        self._pause = nothing if costs.pause is None else costs.pause.tolist()
        self._helping = nothing if costs.helping is None else costs.helping.tolist()
        self._alone = None if costs.alone is None else costs.alone.tolist()
        self._to_help: list[deque[float]] = [deque() for _ in range(config.helpers)]
        self._helpers_at_work = 0
        workers = range(config.num_workers)
        self._orders: list[deque[int]] = [deque() for _ in workers]
        self._outbox: list[deque[int]] = [deque() for _ in workers]
        self._sent: deque[int] = deque()  # for the receiving thread, where there is one
        self._arrived: deque[int] = deque()  # for the main process's loop
        self._results: deque[tuple[int, float]] = deque()  # that nobody works on yet
        self._under_way = 0
        self._sleeping: dict[str, Process] = {}
        self._processes: dict[str, Process] = {}
        self._next_worker = 0
        self._device_free_at = 0.0
        self._device_queue: deque[float] = deque()
        self._done = False
        self._reset()

    def _reset(self) -> None:
        """Forget what the warm-up took."""
        self._waited_s = self._idle_s = self._sending_s = self._receiving_s = self._background_s = self._backlog_s = 0.0

    def run(self) -> Outcome:
        for worker in range(self._config.num_workers):
            self._begin(f"worker {worker}", self._worker(worker))
            self._begin(f"sender {worker}", self._sender(worker))
        for helper in range(self._config.helpers):
            self._begin(f"helper {helper}", self._helper(helper))
        if self._config.receiver:
            self._begin("receiver", self._receiver())
        if self._config.background:
            for number in range(self._config.side_by_side):
                self._begin(f"background {number}", self._background(f"background {number}"))
        self._begin("main", self._main())
        self._cores.run(lambda: self._done)
        wall_s = self._cores.now - self._began_at
        counted = slice(self._config.warmup_steps, None)
        load_s = self._cores.busy_s - self._was_busy_s
        num_workers = max(self._config.num_workers, 1)
        return Outcome(
            wall_s=wall_s,
            samples_per_s=float(self._costs.samples[counted].sum()) / wall_s,
            load=load_s / wall_s / self._config.cores,
            main_wait_share=self._waited_s / wall_s,
            device_busy_share=float(self._costs.device[counted].sum()) / wall_s,
            worker_idle_share=self._idle_s / wall_s / num_workers,
            backlog_share=self._backlog_s / wall_s,
            background_busy_share=self._background_s / wall_s / self._config.side_by_side,
            sender_busy_share=self._sending_s / wall_s / num_workers,
            receiver_busy_share=self._receiving_s / wall_s,
        )

    def _begin(self, name: str, process: Process) -> None:
        self._processes[name] = process
        self._cores.start(process)

    def _wake(self, name: str) -> None:
        process = self._sleeping.pop(name, None)
        if process is not None:
            self._cores.wake(process)

    def _worker(self, worker: int) -> Process:
        name, mine, orders, outbox = f"worker {worker}", f"sender {worker}", self._orders[worker], self._outbox[worker]
        cores, load, blocked = self._cores, self._load, self._blocked
        while True:
            idle_since = cores.now
            while not orders:
                self._sleeping[name] = self._processes[name]
                yield None
            self._idle_s += cores.now - idle_since
            batch = orders.popleft()
            if batch < 0:  # it has to start first
                yield -max(self._config.start_s, 1e-9)
                continue
            yield load[batch]
            if blocked[batch] > 0.0:
                yield -blocked[batch]
            outbox.append(batch)
            self._wake(mine)

    def _sender(self, worker: int) -> Process:
        name, outbox, send, cores = f"sender {worker}", self._outbox[worker], self._send, self._cores
        has_receiver = self._config.receiver
        queue, reader = (self._sent, "receiver") if has_receiver else (self._arrived, "main")
        while True:
            while not outbox:
                self._sleeping[name] = self._processes[name]
                yield None
            batch = outbox.popleft()
            began = cores.now
            yield send[batch]
            self._sending_s += cores.now - began
            queue.append(batch)
            self._wake(reader)

    def _receiver(self) -> Process:
        cores, sent, arrived, receive = self._cores, self._sent, self._arrived, self._receive
        while True:
            while not sent:
                self._sleeping["receiver"] = self._processes["receiver"]
                yield None
            batch = sent.popleft()
            began = cores.now
            yield receive[batch]
            self._receiving_s += cores.now - began
            arrived.append(batch)
            self._wake("main")

    def _helper(self, helper: int) -> Process:
        name, mine = f"helper {helper}", self._to_help[helper]
        while True:
            while not mine:
                self._sleeping[name] = self._processes[name]
                yield None
            yield mine.popleft()
            self._helpers_at_work -= 1
            if not self._helpers_at_work:
                self._wake("main")

    def _background(self, name: str) -> Process:
        cores = self._cores
        while True:
            while not self._results:
                self._sleeping[name] = self._processes[name]
                yield None
            batch, ready_at = self._results.popleft()
            self._under_way += 1
            if ready_at > cores.now:
                yield cores.now - ready_at
            began = cores.now
            yield self._collect[batch]
            self._background_s += cores.now - began
            self._under_way -= 1
            self._wake("main")

    def _main(self) -> Process:
        config, cores = self._config, self._cores
        yield from self._steps(0, config.warmup_steps)
        yield from self._flush()
        self._began_at = cores.now
        self._was_busy_s = cores.busy_s
        self._reset()
        yield from self._steps(config.warmup_steps, config.all_steps)
        yield from self._flush()
        self._done = True
        yield None

    def _steps(self, first: int, end: int) -> Process:
        config = self._config
        for step in range(first, end):
            if step % config.steps_per_epoch == 0 and (step == 0 or not config.epoch_overlap):
                yield from self._begin_epoch(step)
            batch = step
            if config.num_workers:
                batch = yield from self._take(step)
                if config.restarts and step % config.steps_per_epoch == 0:
                    yield config.after_start_s
            else:
                began = self._cores.now
                yield self._load[step]
                if self._blocked[step] > 0.0:
                    yield -self._blocked[step]
                self._waited_s += self._cores.now - began
            yield from self._do_step(batch)

    def _begin_epoch(self, step: int) -> Process:
        config = self._config
        end = len(self._load)
        self._epoch_end = end if config.epoch_overlap else min(step + config.steps_per_epoch, end)
        self._next_order = step
        self._kept: set[int] = set()
        self._next_worker = 0
        if config.epoch_s > 0.0 and step:
            yield -config.epoch_s
        if config.num_workers == 0:
            return
        if config.start_s > 0.0 and (config.restarts or step == 0):
            for worker, orders in enumerate(self._orders):
                orders.append(-1)
                self._wake(f"worker {worker}")
        for _ in range(config.num_workers * config.prefetch_factor):
            self._order()

    def _order(self) -> None:
        if self._next_order < self._epoch_end:
            worker = self._next_worker
            self._orders[worker].append(self._next_order)
            self._wake(f"worker {worker}")
            self._next_order += 1
            self._next_worker = (worker + 1) % self._config.num_workers

    def _take(self, step: int) -> Taking[int]:
        """Take a batch over; returns its number."""
        cores, kept, arrived, has_receiver = self._cores, self._kept, self._arrived, self._config.receiver
        began = cores.now
        took_s = 0.0
        wanted = step
        while wanted not in kept:
            if not self._config.in_order and kept:
                wanted = min(kept)
                break
            while not arrived:
                self._sleeping["main"] = self._processes["main"]
                yield None
            batch = arrived.popleft()
            if not has_receiver:
                received = cores.now
                yield self._receive[batch]
                took_s += cores.now - received
            kept.add(batch)
            if not self._config.in_order:
                wanted = batch
        kept.discard(wanted)
        self._waited_s += cores.now - began - took_s
        self._order()
        return wanted

    def _do_step(self, batch: int) -> Process:
        config, cores = self._config, self._cores
        submit_s, helping_s = self._submit_s[batch], self._helping[batch]
        if self._alone is not None and not cores.at_work:
            submit_s = helping_s = self._alone[batch]
        if helping_s > 0.0:
            self._helpers_at_work = config.helpers
            for helper, orders in enumerate(self._to_help):
                orders.append(helping_s)
                self._wake(f"helper {helper}")
        yield submit_s
        while self._helpers_at_work:
            self._sleeping["main"] = self._processes["main"]
            yield None
        if self._pause[batch] > 0.0:
            yield -self._pause[batch]
        ready_at = yield from self._submit(batch)
        if config.background:
            began = cores.now
            while len(self._results) + self._under_way >= config.background_batches:
                self._sleeping["main"] = self._processes["main"]
                yield None
            self._backlog_s += cores.now - began
            self._results.append((batch, ready_at))
            for number in range(config.side_by_side):
                self._wake(f"background {number}")
            yield self._end[batch]
        else:
            if ready_at > cores.now:
                yield cores.now - ready_at
            yield self._collect[batch] + self._end[batch]

    def _submit(self, batch: int) -> Taking[float]:
        """Give a batch to the device; returns when that will be through with it."""
        cores, queue = self._cores, self._device_queue
        if len(queue) >= self._config.device_steps:
            free_at = queue.popleft()
            if free_at > cores.now:
                yield cores.now - free_at
        self._device_free_at = max(cores.now, self._device_free_at) + self._device[batch]
        queue.append(self._device_free_at)
        return self._device_free_at

    def _flush(self) -> Process:
        while self._results or self._under_way:
            self._sleeping["main"] = self._processes["main"]
            yield None
        if self._device_free_at > self._cores.now:
            yield self._cores.now - self._device_free_at
