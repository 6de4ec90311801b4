"""What the observer knows in one process of the script: its settings, its patches, and the files that it leaves.

In the folder that the environment names:

===========================  =========================================================================
`settings.json`              what is asked for; written before the script starts
`facts-PID.jsonl`            what a process has seen, one JSON object a line, each with `fact` and `at_ns`
`PID.LANE.NUMBER.rows`       the segments of a thread (`lane`)
`PID.counts.0.rows`          the steps of a main process (`steps`)
===========================  =========================================================================
"""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from .clock import now_ns
from .counts import Counts
from .lane import Lane, current, on_fault
from .rows import RowsFile

#: Names the folder of an observed script; where it is not set, nothing is observed.
VARIABLE = "WORKBENCH_OBSERVE"

#: Names a fault that is made on purpose, to see that a script goes on without the observer.
FAULT = "WORKBENCH_OBSERVE_FAULT"

SETTINGS = "settings.json"

#: Room for rows in each file (40 bytes each, taken only as it fills).
_CAPACITY = 1_000_000


class Session:
    """One process of an observed script.

    Attributes:
        folder: Where the files lie.
        settings: What is asked for.
        off: Whether the observer has taken itself away.
        is_worker: Whether this is a loader worker.
        knows_its_part: Whether its data set has asked which worker it is.
        on_close: What is called when the observer takes itself away in good order.

    Args:
        folder: See above.
        settings: See above.
    """

    def __init__(self, folder: str, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self._begun_by = os.getpid(), os.getppid()
        self.off = False
        self.is_worker = False
        self.knows_its_part = False
        self._patched: list[tuple[Any, str, Any]] = []
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._counts: Counts | None = None
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        self.on_close: list[Callable[[], None]] = []

    def tell(self, fact: str, **values: Any) -> None:
        """Write down what was seen."""
        line = json.dumps({"fact": fact, "at_ns": now_ns(), **values}, default=str)
        with open(f"{self.folder}/facts-{os.getpid()}.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def wait_for_the_end(self) -> None:
        """Wait until who looks on ends this process; where nobody does any more, it ends by itself."""
        pid, parent = self._begun_by
        parent = parent if pid == os.getpid() else os.getppid()  # a script may fork
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # here the script is writing nothing

    def rows(self, lane: str, number: int = 0) -> RowsFile:
        """A new file of rows of this process."""
        if os.environ.get(FAULT) == "rows":
            raise OSError("a fault on purpose")
        return RowsFile(f"{self.folder}/{os.getpid()}.{lane}.{number}.rows", _CAPACITY)

    def lane(self, lane: str, number: int = 0) -> Lane:
        """The lane of a thread of this process, made on first use.

        Args:
            lane: `main`, `worker`, `sender`, `receiver`, `device`, `isolated` or `look`.
            number: Of a worker.
        """
        with self._lock:
            found = self._lanes.get((lane, number))
            if found is None:
                found = self._lanes[lane, number] = Lane(self.rows(lane, number))
            return found

    def counts(self) -> Counts:
        """The counts of this process, made on first use, by the thread that they are of."""
        if self._counts is None:
            self._counts = Counts(self.rows("counts"))
        return self._counts

    def refuse(self, strategy: str, reason: str, remedy: str) -> None:
        """Say, once, that a strategy is wrong for this script; whoever looks on ends the trial."""
        if strategy not in self._refused:
            self._refused.add(strategy)
            self.tell("refused", strategy=strategy, reason=reason, remedy=remedy)

    @property
    def profilers(self) -> list[str]:
        """The profilers that the script is run with."""
        return self.settings.get("profilers") or []

    def is_quiet(self, step: int) -> bool:
        """Whether a step is only counted, and not looked into: so `benchmarks/attach.py` finds what looking costs."""
        group: int | None = self.settings.get("alternate")
        return group is not None and step // group % 2 == 1

    def patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace an attribute by what `make` makes of it, until something of ours goes wrong."""
        original = owner.__dict__[name] if name in getattr(owner, "__dict__", {}) else getattr(owner, name)
        setattr(owner, name, make(original))
        self._patched.append((owner, name, original))

    def close(self) -> None:
        """Take everything away, in a process that goes on without being observed."""
        self.off = True
        current.lane = None
        self._unpatch()
        for call in self.on_close:
            call()

    def unpatch(self, *owners: Any) -> None:
        """Put back what was replaced of some owners."""
        own = [entry for entry in self._patched if any(entry[0] is owner for owner in owners)]
        self._patched = [entry for entry in self._patched if entry not in own]
        for owner, name, original in reversed(own):
            setattr(owner, name, original)

    def _unpatch(self) -> None:
        self.unpatch(*[owner for owner, _, _ in self._patched])

    def fault(self, error: BaseException) -> None:
        """Something of ours has gone wrong: take everything away, and leave a note. Never raises."""
        self.off = True
        current.lane = None
        try:
            self._unpatch()
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            self.tell("fault", error=f"{type(error).__name__}: {error}", traceback="".join(lines))
        except Exception:  # nowhere to write it  # nosec B110
            pass

    def forked(self) -> None:
        """In a child: what the parent writes to is the parent's."""
        self._lanes = {}
        self._counts = None
        self._lock = threading.Lock()
        current.lane = None


#: That of this process, where it is observed.
_session: Session | None = None


def open_session(folder: str) -> Session:
    """Begin to observe this process.

    Raises:
        OSError: Where the settings cannot be read.
    """
    global _session
    with open(f"{folder}/{SETTINGS}", encoding="utf-8") as file:
        session = _session = Session(folder, json.load(file))
    on_fault[:] = [session.fault]
    os.register_at_fork(after_in_child=session.forked)
    return session


def the_session() -> Session:
    """The session of this process. There must be one."""
    assert _session is not None
    return _session
