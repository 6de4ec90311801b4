"""The loop of a main process: where it asks for batches, and so where its steps begin and end.

A step lasts from where the loop asks a loader for a batch until it asks for the next one, so the steps tile the loop:
what no stage of ours explains is the script's own code, and is named that. The training loader is the one whose
batches are followed by a backward pass.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import weakref
from collections import Counter
from typing import Any

from . import device, model, packed_batch, profilers
from .clock import now_ns, pauses
from .counts import OFTEN_NS, SELDOM_NS
from .fetch import datasets_of
from .isolated import time_isolated
from .knobs import LoaderKnobs
from .look import look
from .packed_batch import Contents, size_of_batch
from .rows import BATCHES_PER_ITERATOR, NONE
from .session import Session
from .strategies.chosen import chosen
from .surroundings import environment, uses_cuda
from .timed import cost_ns
from .torch_trace import StageMarks

#: The part of a loop that no stage of ours explains.
YOUR_CODE = "your code"

#: After this number of steps a strategy must have been of use.
_STRATEGIES_AFTER = 3

#: After this number of batches in other threads, and none in the main one, it won't have any.
_FEW_IN_THREADS = 10

#: Batches of a step, at most.
_MOST_BATCHES = 8

#: Steps that are no longer the first ones: libraries have set themselves up.
_EXTRA_WARMUP_STEPS = 2


def warmup_steps(facts: dict[str, Any], asked: int | None, *, fills: bool) -> int:
    """Steps before the counted ones: as many as are asked for, or until the queue is as full as it stays.

    Args:
        facts: Of the loader that is followed.
        asked: None: nobody asks.
        fills: Whether a cache is filled in the first epoch, which no counted step is to be in.
    """
    if asked is not None:
        return asked
    return max(_ahead_of(facts) + _EXTRA_WARMUP_STEPS, (facts["num_batches"] or 0) if fills else 0)


def _ahead_of(facts: dict[str, Any]) -> int:
    """Batches that a loader's workers may be ahead."""
    return int(facts["num_workers"] * (facts["prefetch_factor"] or 0))


class Steps:
    """Follows the loop of this process.

    Args:
        session: The session of this process.
        knobs: Knows the loaders.
    """

    def __init__(self, session: Session, knobs: LoaderKnobs) -> None:
        self._session = session
        self._knobs = knobs
        self.pid = os.getpid()
        self.lane = session.lane("main")
        self._device: device.DeviceTimes | None = None
        self._profilers = profilers.of(session)
        self._counts = session.counts()
        self._cores_every: dict[int, int] = {}
        self._reads_cores = False
        self._needed: dict[int, int] = {}
        self._iterators: weakref.WeakKeyDictionary[Any, tuple[int, int]] = weakref.WeakKeyDictionary()
        self._given: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._num_iterators = 0
        self._loaders: list[str] = []
        self._asked: list[int] = []
        self._facts: dict[int, dict[str, Any]] = {}
        self._arrived: dict[int, Contents] = {}
        self._last = NONE
        self._last_samples = 0
        self._asked_in_threads = 0
        self._last_key = NONE
        self._backwards: Counter[int] = Counter()
        self.training = NONE
        self._is_over = False
        self._has_looked = False
        self._datasets: dict[int, Any] = {}
        self._parts: dict[int, tuple[Any, int | None]] = {}
        atexit.register(self._at_exit)  # of a script that ends before it is stopped
        self.model = model.Model(session, self.lane)
        packed_batch.on_arrival.append(self._arrives)
        session.on_close.append(self._forget)

    def _forget(self) -> None:
        """The observer takes itself away in a process that goes on."""
        global _steps
        self.lane.leave_to(0)
        self._end_looking()
        atexit.unregister(self._at_exit)
        self.model.remove()
        packed_batch.on_arrival.clear()
        _steps = None

    @property
    def is_in_loop(self) -> bool:
        """Whether this thread is in the loop that is followed."""
        return self.lane.depth > 0 and threading.current_thread() is threading.main_thread()

    def iterator_made(self, iterator: Any, loader: Any) -> int:
        """A loader is about to be iterated; gives the number of its iterator."""
        facts = self._knobs.facts_of(loader, iterator)
        name = facts["name"]
        if name not in self._loaders:
            self._loaders.append(name)
            self._asked.append(0)
        number = self._loaders.index(name)
        self._num_iterators += 1
        self._iterators[iterator] = (self._num_iterators, number)
        if self.is_knocked_out(name):  # it loads nothing, and is as the one before it
            return self._num_iterators
        self._facts[number] = facts
        self._needed[number] = self._warmup_of(number) + (self._session.settings.get("steps") or 0)
        # Where this process loads, that is kept apart from its other work, step by step.
        self._cores_every[number] = SELDOM_NS if facts["num_workers"] else OFTEN_NS
        # None: the data set gives whole batches. 0: a sampler of the script's own makes them.
        size = (getattr(iterator._index_sampler, "batch_size", None) or 0) if iterator._auto_collation else None
        size = size if facts["takes_knobs"] else facts["batch_size"]
        self._parts[number] = (iterator._collate_fn, size)
        self._profilers.time_lines(datasets_of(iterator._dataset), iterator._collate_fn, "main")
        if self._num_iterators == 1:
            self._session.tell("environment", **environment())
        self._session.tell("iterator", number=self._num_iterators, loader=number, **facts)
        return self._num_iterators

    def asked(self, iterator: Any) -> None:
        """The loop asks for a batch: what came before is over."""
        now = now_ns()
        number, loader = self._iterators.get(iterator, (0, 0))
        lane = self.lane
        if self._session.profilers and loader == self._followed:
            lane.leave_to(0)
            self._profile(loader)
        if self._session.is_quiet(self._asked[loader] if self._asked else 0):
            lane.leave_to(0)
            self._counts.add("asked", now, loader, number)
            self._asked[loader] += 1
            return
        lane.restart(YOUR_CODE)
        lane.batch = NONE
        if not self._asked:
            return
        self._counts.add("asked", now, loader, number)
        self._reads_cores = self._counts.cores(now, self._cores_every[loader])
        self._asked[loader] += 1
        if self._asked[loader] == 3:
            self._datasets[loader] = datasets_of(iterator._dataset)[0]  # a script may let go of it before its end
        if sum(self._asked) <= 2:  # the model may be made in the first step only
            lane.enter("workbench")
            self.model.find_roots()
            self._look_at_device()
            lane.leave()
        if self._asked[loader] == _STRATEGIES_AFTER and loader == self._followed:
            chosen().normalization.check()
        if not self._is_over and self._asked[loader] > self._needed[loader] and self._is_enough(loader):
            self._is_over = True
            self._end_counting(iterator, loader)
        lane.enter("wait")

    def asked_in_thread(self, iterator: Any) -> None:
        """Another thread than the main one asks for a batch: where only such a one does, there is no loop to follow."""
        self._asked_in_threads += 1
        if self._asked_in_threads != _FEW_IN_THREADS or any(self._asked):
            return
        _, loader = self._iterators.get(iterator, (0, 0))
        name = self._loaders[loader] if self._loaders else "a loader"
        reason = f"{name} is iterated in a thread of its own, '{threading.current_thread().name}'"
        self._session.refuse("the loop", reason, "Iterate it in the main thread: only loops there are followed")

    def _profile(self, loader: int) -> None:
        """A step of the followed loader is over; the profilers begin before the last one of the warm-up."""
        self._profilers.step()
        if self._asked[loader] + 1 == max(self._warmup_of(loader), 1):
            self.lane.enter("workbench")
            self._profilers.begin()
            self.lane.leave()
            if self._profilers.recorder is not None:
                self.lane.watchers.append(StageMarks(self._profilers.recorder))

    def _look_at_device(self) -> None:
        """Time what the loop does on a device, from where it is seen to have one."""
        if self._device is None and uses_cuda():
            self._device = device.DeviceTimes(lambda: self.lane.batch)
            self.lane.watchers.append(self._device)
            device.watch_copies(self._session, running)
            self._session.tell("environment", **environment())

    def _is_enough(self, loader: int) -> bool:
        """Whether all steps are done that are to be counted; never, where training may be yet to come."""
        wanted: int | None = self._session.settings.get("steps")
        if pauses is not None and not pauses.is_over:
            return False
        if wanted is None or (self.training == NONE and self.model.has_optimizer):
            return False
        if self.training not in (NONE, loader):
            return False
        needed, asked = self._needed[loader], self._asked[loader]
        # A step may take several batches; but one that is not trained on is no reason to go on for ever.
        counts_backward = self.training == loader and asked < _MOST_BATCHES * needed
        return (min(asked, self._backwards[loader] + 1) if counts_backward else asked) > needed

    def _warmup_of(self, loader: int) -> int:
        settings = self._session.settings
        fills = settings.get("cache", "none") != "none"
        return warmup_steps(self._facts[loader], settings.get("warmup"), fills=fills)

    def _at_exit(self) -> None:
        if self.pid != os.getpid() or self._session.off:
            return
        try:
            self._end_looking()
            self._look_at_samples()
        except Exception as error:  # nothing of ours is the script's last word
            self._session.fault(error)

    def _end_looking(self) -> None:
        self._profilers.end()
        if self._device is not None:
            self.lane.watchers.remove(self._device)
            with contextlib.suppress(RuntimeError):  # a device that has failed, which the script says itself
                self._device.write(self._session)
            self._device = None

    def _end_counting(self, iterator: Any, loader: int) -> None:
        self._end_looking()
        self._session.tell("counted", loader=loader, training=self.training)
        if self._session.settings.get("let_finish"):
            return
        _halt_workers(iterator)
        self._look_at_samples()
        self._session.tell("stop")
        self._session.wait_for_the_end()

    def _look_at_samples(self) -> None:
        """Make some samples once more, of the loader that was followed."""
        if self._has_looked or self._session.off or self.pid != os.getpid():
            return
        self._has_looked = True
        loader = self._last if self.training == NONE else self.training
        collate, size = self._parts.get(loader, (None, None))
        dataset = self._datasets.get(loader)
        if dataset is None or collate is None:
            return
        began = now_ns()
        try:
            look(self._session, dataset, collate, self._loaders[loader])
            time_isolated(self._session, dataset, collate, self._last_samples if size == 0 else size)
        except Exception as error:  # whatever the script's own data set raises
            self._session.tell("note", text=f"no samples were looked at: {type(error).__name__}: {error}")
        self._session.tell("looked", begin_ns=began, call_ns=cost_ns())

    def replayed(self, iterator: Any) -> Any:
        """A batch that is given again, in a list, where the loader is knocked out; None where it is to be loaded.

        Raises:
            StopIteration: Where an epoch ends.
        """
        knocked = chosen().knocked_loader
        number, loader = self._iterators.get(iterator, (0, NONE))
        if knocked is None or loader != self._followed or not knocked.is_ready:
            return None
        if not knocked.is_on and self._asked[loader] <= _ahead_of(self._facts[loader]) + 1:
            return None
        knocked.is_on = True
        done = self._given[iterator] = self._given.get(iterator, iterator._num_yielded) + 1
        if done > len(iterator):
            raise StopIteration
        batch, (_, samples, size) = knocked.next()
        self._arrived[id(batch)] = ((number + 1) * BATCHES_PER_ITERATOR - 1 - done, samples, size)
        return [batch]

    def is_knocked_out(self, name: str) -> bool:
        """Whether a loader needs no workers any more."""
        knocked = chosen().knocked_loader
        return knocked is not None and knocked.is_on and self._loaders[self._followed] == name

    def given(self, iterator: Any, batch: Any) -> Any:
        """A batch is given to the loop."""
        try:
            number, loader = self._iterators.get(iterator, (0, 0))
            contents = self._arrived.pop(id(batch), None)
            if contents is None:  # it came another way than the one that is followed
                contents = (number + 1) * BATCHES_PER_ITERATOR - 1, size_of_batch(batch), 0
            key, samples, size = contents
            knocked = chosen().knocked_loader
            if knocked is not None and loader == self._followed:
                knocked.keep(batch, contents)
            self.lane.batch = key
            self.lane.leave_to(1)
            now = now_ns()
            self._counts.add("given", now, key, samples, size)
            self._last_samples, self._last_key = samples, key
            if self._reads_cores:
                self._counts.cores(now)
            self._last = loader
        except Exception as error:
            self._session.fault(error)
        return batch

    def ended(self, iterator: Any) -> None:
        """The loader has no more batches."""
        try:
            number, loader = self._iterators.get(iterator, (0, 0))
            self._work_on()
            self._asked[loader] -= 1
            self._knobs.ended(self._loaders[loader])
            self._counts.add("ended", now_ns(), loader, number)
        except Exception as error:
            self._session.fault(error)

    def failed(self) -> None:
        """Asking for a batch has raised; the script may go on."""
        self._work_on()

    def _work_on(self) -> None:
        """The loop goes on without a batch, maybe with one that it has had for a while: that is a visit of its own."""
        self.lane.leave_to(1)
        if self._last_key != NONE:
            self.lane.batch = self._last_key + BATCHES_PER_ITERATOR // 2

    def backward(self) -> None:
        """A backward pass begins."""
        last = self._last
        if last != NONE:
            self._backwards[last] += 1
        # It may become another one: a script may train a part of its model first, on other samples.
        if last not in (NONE, self.training) and self._backwards[last] > self._backwards[self.training]:
            self.training = last
            self._session.tell("training", loader=last)
        self._counts.add("backward", now_ns(), self._last)

    @property
    def _followed(self) -> int:
        """The loader that trains, or, in a script that does not train, the one that was asked last."""
        return self._last if self.training == NONE and not self.model.has_optimizer else self.training

    def _arrives(self, batch: Any, contents: Contents) -> None:
        if len(self._arrived) > 10_000:  # nobody asks for them
            self._arrived.clear()
        self._arrived[id(batch)] = contents

    def pinned(self, batch: Any, pinned: Any) -> None:
        """A batch is now another object."""
        contents = self._arrived.pop(id(batch), None)
        if contents is not None:
            self._arrived[id(pinned)] = contents


def _halt_workers(iterator: Any) -> None:
    """Let a loader's workers, which make batches ahead, do nothing more: this script is going to be ended."""
    for worker in getattr(iterator, "_workers", ()):
        if worker.pid:
            with contextlib.suppress(OSError):
                os.kill(worker.pid, signal.SIGSTOP)


_steps: Steps | None = None


def of(session: Session, knobs: LoaderKnobs) -> Steps:
    """The steps of this process, followed from the first call on."""
    global _steps
    if _steps is None or _steps.pid != os.getpid():
        packed_batch.on_arrival.clear()
        _steps = Steps(session, knobs)
    return _steps


def running() -> Steps | None:
    """The steps of this process, where a loader is iterated in it, and this is the thread of its loop."""
    if _steps is None or _steps.pid != os.getpid() or not _steps.is_in_loop:
        return None
    return _steps
