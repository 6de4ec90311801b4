"""Which loader trains, which of its steps are counted, and what the time between them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.measure.attach.seen import Fact, Numbers, ProcessSeen
from workbench.observer.steps import warmup_steps as steps_before

#: What is so in this share of the steps is so: a loader that is asked in them belongs to the step.
_IN_EVERY_STEP = 0.8


class TooFewSteps(Exception):
    """A loop that is over before anything could be counted.

    Attributes:
        steps: The steps that there were.
    """

    def __init__(self, steps: int) -> None:
        super().__init__(f"{steps} steps")
        self.steps = steps


@dataclass(frozen=True)
class Loop:
    """The loop of one process.

    Attributes:
        process: The process.
        loaders: The facts of the last iterator of each loader, by number.
        training: Number of the training loader.
        is_trained: Whether a backward pass followed its batches.
        in_step: Numbers of the loaders that a step takes batches of, the training loader among them.
        ask_ns: int64 [asks]: when a loader was asked for a batch.
        ask_loader: int64 [asks]: which one.
        ask_brought: bool [asks]: whether that brought a batch; one that does not ends an epoch.
        step_ns: int64 [steps]: when each step began.
        last_ns: When the last step was over.
        given_key: int64 [steps]: key of its batch, as the worker's spans name it.
        given_samples: int64 [steps]: of all loaders that the step takes batches of.
        given_bytes: int64 [steps]: likewise.
        given_ns: int64 [steps]: when the batch was there.
    """

    process: ProcessSeen
    loaders: dict[int, Fact]
    training: int
    is_trained: bool
    in_step: tuple[int, ...]
    ask_ns: Numbers
    ask_loader: Numbers
    ask_brought: npt.NDArray[np.bool_]
    step_ns: Numbers
    last_ns: int
    given_key: Numbers
    given_samples: Numbers
    given_bytes: Numbers
    given_ns: Numbers

    @property
    def loader(self) -> Fact:
        """The facts of the training loader."""
        return self.loaders[self.training]

    @property
    def num_steps(self) -> int:
        """Steps that are over."""
        return len(self.step_ns)

    @property
    def num_given(self) -> int:
        """Batches that the training loader has given, also one whose step was never over."""
        return int(self.ask_brought[self.ask_loader == self.training].sum())

    @property
    def samples_of_an_epoch(self) -> int | None:
        """Samples that the first epoch had; None where none was over."""
        ends = self.ask_ns[(self.ask_loader == self.training) & ~self.ask_brought]
        first = ends[ends > self.step_ns[0]]
        # What was asked last, of a script that was stopped, brought nothing yet.
        if not len(first) or first[0] >= self.ask_ns[-1]:
            return None
        return int(self.given_samples[self.step_ns < first[0]].sum())

    @property
    def loader_of(self) -> dict[int, int]:
        """The loader of each iterator, by their numbers."""
        return {fact["number"]: fact["loader"] for fact in self.process.of("iterator")}

    @property
    def iterators(self) -> set[int]:
        """Numbers of the iterators of the training loader (and of others within the step)."""
        return {number for number, loader in self.loader_of.items() if loader in self.in_step}


def loop_of(process: ProcessSeen) -> Loop:
    """The loop of a process as far as it has come.

    Args:
        process: A process that has iterated a loader.

    Raises:
        TooFewSteps: Where no step was over.
    """
    asked, given, backward = (process.count(name) for name in ("asked", "given", "backward"))
    loaders = {fact["loader"]: fact for fact in process.of("iterator")}
    if not len(given.at_ns) or not loaders:
        raise TooFewSteps(0)
    # What follows the ask that brought a batch is its step; an ask that brought none ends an epoch.
    place = np.searchsorted(asked.at_ns, given.at_ns, side="right") - 1
    loader = asked.first[place]
    trained = backward.first[backward.first >= 0]
    counted = np.bincount(trained if len(trained) else loader)
    training = int(counted.argmax())
    own = loader == training
    if len(trained):
        own[np.flatnonzero(own)[~_begins_step(asked.at_ns[place[own]], backward.at_ns)]] = False
    step_ns = asked.at_ns[place[own]]
    ends = asked.at_ns[asked.first == training].tolist()
    # The last step is over where another loader is asked, if its own never was again.
    after = asked.at_ns[asked.at_ns > step_ns[-1]]
    last_ns = max(max(ends), int(after[0]) if len(after) else 0)
    is_over = step_ns < last_ns
    others = _in_every_step(training, asked.first, asked.at_ns, step_ns)
    counts = np.isin(loader, (training, *others))
    samples, num_bytes = (
        _in_step(column[counts], given.at_ns[counts], step_ns) for column in (given.second, given.third)
    )
    return Loop(
        process=process,
        loaders=loaders,
        training=training,
        is_trained=bool(len(trained)),
        in_step=(training, *others),
        ask_ns=asked.at_ns,
        ask_loader=asked.first,
        ask_brought=np.isin(np.arange(len(asked.at_ns)), place),
        step_ns=step_ns[is_over],
        last_ns=last_ns,
        given_key=given.first[own][is_over],
        given_samples=samples[is_over],
        given_bytes=num_bytes[is_over],
        given_ns=given.at_ns[own][is_over],
    )


def _begins_step(ask_ns: Numbers, backward_ns: Numbers) -> npt.NDArray[np.bool_]:
    """Whether a step begins where a batch is asked for, bool [asks]; where steps take several, it does with the first.

    Args:
        ask_ns: int64 [asks]: when the training loader was asked for the batches that it gave.
        backward_ns: int64 [backward passes].
    """
    trained = np.unique(np.searchsorted(ask_ns, backward_ns, side="right") - 1)
    trained = trained[trained >= 0]
    apart = np.diff(trained)
    if len(apart) < 2 or np.median(apart) < 2 or np.mean(apart == np.median(apart)) < _IN_EVERY_STEP:
        return np.ones(len(ask_ns), np.bool_)
    begins = np.zeros(len(ask_ns), np.bool_)
    begins[0] = True
    begins[(trained + 1)[trained + 1 < len(ask_ns)]] = True
    return begins


def _in_step(column: Numbers, at_ns: Numbers, step_ns: Numbers) -> Numbers:
    """int64 [steps]: sum of what came in each step; a second loader's batch may be that of the next one.

    Args:
        column: int64 [batches].
        at_ns: int64 [batches]: when they were there.
        step_ns: int64 [steps].
    """
    step = np.searchsorted(step_ns, at_ns, side="right") - 1
    return np.bincount(step[step >= 0], column[step >= 0], len(step_ns)).astype(np.int64)


def _in_every_step(training: int, loader: Numbers, ask_ns: Numbers, step_ns: Numbers) -> tuple[int, ...]:
    """Loaders that nearly every step asks for a batch as well."""
    if len(step_ns) < 3:
        return ()
    found = []
    for other in sorted(set(loader.tolist()) - {training}):
        own = ask_ns[loader == other]
        steps = np.unique(np.searchsorted(step_ns, own, side="right"))
        if len(steps) >= _IN_EVERY_STEP * len(step_ns) and len(own) <= 1.5 * len(step_ns):
            found.append(other)
    return tuple(found)


@dataclass(frozen=True)
class Window:
    """The counted steps.

    Attributes:
        first: Number of the first one.
        num_steps: How many.
        begin_ns: When the first one began.
        end_ns: When the last one was over.
        is_short: Whether the warm-up had to be cut short, so that there was anything to count.
    """

    first: int
    num_steps: int
    begin_ns: int
    end_ns: int
    is_short: bool


def window_of(loop: Loop, *, num_steps: int, warmup_steps: int | None, fills: bool = False) -> Window:
    """The steps that count: those after the warm-up, as many as were asked for or as there are.

    Args:
        loop: The loop, as far as it has come.
        num_steps: How many are to count.
        warmup_steps: How many come before; None: nobody says.
        fills: Whether a cache is filled in the first epoch.

    Raises:
        TooFewSteps: Where there are fewer than two.
    """
    wanted = steps_before(loop.loader, warmup_steps, fills=fills)
    if loop.num_steps < 2:
        raise TooFewSteps(loop.num_steps)
    # A loop that is over before all is counted has at least half of its steps counted.
    first = wanted if loop.num_steps >= wanted + num_steps else min(wanted, loop.num_steps // 2)
    count = min(num_steps, loop.num_steps - first)
    bounds = [*loop.step_ns.tolist(), loop.last_ns]
    return Window(first, count, bounds[first], bounds[first + count], is_short=first < wanted)


def intervals(loop: Loop) -> Sequence[tuple[int, int, int, bool]]:
    """The time between asks: begin, end, loader that was asked, whether a batch came. They tile the loop."""
    ends = [*loop.ask_ns[1:].tolist(), max(int(loop.ask_ns[-1]), loop.last_ns)]
    return list(zip(loop.ask_ns.tolist(), ends, loop.ask_loader.tolist(), loop.ask_brought.tolist(), strict=True))
