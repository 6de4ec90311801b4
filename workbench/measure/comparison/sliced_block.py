"""A block whose trials live at once and take turns: one runs for a slice of some seconds, all others are frozen.

What the machine does within seconds hits all variants alike, which it does not where one trial runs after the other.
What differs from process to process is sampled by the blocks: each has trials of its own.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.trial.control_group import usable_memory
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import INTERRUPTED, Launch, Stopped
from workbench.measure.trial.machine import MachineWatch
from workbench.measure.trial.template import Template
from workbench.records import Record, Slicing
from workbench.units import format_bytes

#: How often it is looked at a trial that runs.
_POLL_S = 0.01

#: A slice is at most this many times as long as one is meant to be, however slow the steps are.
_LONGEST = 5.0

#: Slices are longer and shorter by up to this share, so that none keeps step with epochs or with a neighbour.
_JITTER = 0.15

#: A trial is only started where there is room for this many times the most that one has held so far.
_ROOM = 1.2


class NoRoom(WorkbenchError):
    """The variants do not fit into memory at once."""


def run_sliced_block(
    variants: Mapping[str, Knobs],
    runs: Path,
    orders: Sequence[Sequence[str]],
    slicing: Slicing,
    *,
    seed: int,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    template: Template | None = None,
    make: Callable[..., Launch] = Launch,
) -> dict[str, Record]:
    """Run one trial of every variant, in turns.

    Args:
        variants: Knobs by name; they are started in this order, one at a time.
        runs: Folder of the run folders.
        orders: Names in the order of their slices, for every round.
        slicing: How they take turns.
        seed: Of the lengths of the slices.
        on_event: Called with the progress of the trial that runs, named.
        cancel: When set, all are ended.
        template: What trials are forked from, where they can be.
        make: Makes a trial that is to be started.

    Returns:
        The records by name; also of trials that failed.

    Raises:
        NoRoom: Where memory would not do for all of them. None is left running.
        KeyboardInterrupt: On an interrupt, after all have been ended.
    """
    tell, stop = on_event or (lambda event: None), cancel or threading.Event()
    return _SlicedBlock(variants, runs, slicing, seed, tell, stop, template, make).run(orders)


class _SlicedBlock:
    def __init__(
        self,
        variants: Mapping[str, Knobs],
        runs: Path,
        slicing: Slicing,
        seed: int,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
        template: Template | None,
        make: Callable[..., Launch],
    ) -> None:
        self._variants = variants
        self._runs = runs
        self._slicing = slicing
        self._draw = random.Random(seed)
        self._on_event = on_event
        self._cancel = cancel
        self._template = template
        self._make = make
        self._launches: dict[str, Launch] = {}
        self._stopped: dict[str, Stopped | None] = {}

    def run(self, orders: Sequence[Sequence[str]]) -> dict[str, Record]:
        template = self._template
        watch = MachineWatch() if template is None else MachineWatch(also_own_s=lambda: template.cpu_s)
        try:
            for name in self._variants:
                self._start(name)
            for order in orders:
                for name in order:
                    self._run_slice(name)
            self._finish()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self._stopped.update(dict.fromkeys(self._launches, INTERRUPTED))
            raise
        finally:
            for name, launch in self._launches.items():
                launch.end(self._stopped.get(name))
            machine = watch.describe()
            records = {name: launch.record(machine) for name, launch in self._launches.items()}
        for launch in self._launches.values():
            launch.raise_callers_error()
        return records

    def _start(self, name: str) -> None:
        """Start a trial, and freeze it where its counted steps begin."""
        if self._cancel.is_set():
            return
        self._refuse_without_room(name)

        def tell(event: Event) -> None:
            self._on_event(event.model_copy(update={"trial": name}))

        launch = self._make(self._variants[name], self._runs, on_event=tell, in_turns=True, template=self._template)
        self._launches[name] = launch
        launch.start()
        while self._goes_on(name) and launch.phase != "steady":
            launch.wait(_POLL_S)
        self._freeze(name)

    def _run_slice(self, name: str) -> None:
        launch = self._launches.get(name)
        if launch is None or not self._goes_on(name):
            return
        assert launch.freezer is not None
        wanted_s = self._slicing.least_steps * (launch.step_s or 0.0)
        length_s = min(max(self._slicing.slice_s, wanted_s), _LONGEST * self._slicing.slice_s)
        length_s *= self._draw.uniform(1.0 - _JITTER, 1.0 + _JITTER)
        launch.freezer.thaw()
        until_s = launch.ran_s + length_s
        while (left_s := until_s - launch.ran_s) > 0.0 and self._goes_on(name):
            launch.wait(min(_POLL_S, left_s))
        self._freeze(name)

    def _finish(self) -> None:
        """Let all come to their end: side by side between the last step and what is timed isolated, else one by one.

        Of a script that is observed nobody knows beforehand when that begins, so such trials end one by one.
        """
        alive = {name: launch for name, launch in self._launches.items() if self._goes_on(name)}
        for launch in alive.values():
            launch.finish()
        beside = [name for name in alive if not isinstance(self._variants[name], ObservedKnobs)]
        for name in beside:
            self._thaw(name)
            while self._goes_on(name) and alive[name].phase == "steady":
                alive[name].wait(_POLL_S)
            self._freeze(name)
        for name in beside:
            self._thaw(name)
        while beside:
            for name in list(beside):
                alive[name].wait(_POLL_S)
                if not self._goes_on(name) or alive[name].phase == "isolated":
                    self._freeze(name)
                    beside.remove(name)
        for name, launch in alive.items():
            self._thaw(name)
            while self._goes_on(name):
                launch.wait(_POLL_S)
            launch.end(self._stopped.get(name))

    def _thaw(self, name: str) -> None:
        launch = self._launches[name]
        if not launch.has_ended:
            assert launch.freezer is not None
            launch.freezer.thaw()

    def _freeze(self, name: str) -> None:
        launch = self._launches[name]
        if not launch.has_ended:
            assert launch.freezer is not None
            launch.freezer.freeze()

    def _goes_on(self, name: str) -> bool:
        """Whether a trial lives, and nothing speaks against its going on."""
        launch = self._launches[name]
        if launch.has_ended or self._stopped.get(name) is not None:
            return False
        self._stopped[name] = launch.look(self._cancel)
        return self._stopped[name] is None

    def _refuse_without_room(self, name: str) -> None:
        if not self._launches:
            return
        needed = _ROOM * max(launch.memory_bytes for launch in self._launches.values())
        free = usable_memory().free
        if needed > free:
            raise NoRoom(
                f"there is no room for '{name}' beside the others: {format_bytes(free)} of memory are free, and one of "
                f"them holds {format_bytes(needed / _ROOM)}"
            )
