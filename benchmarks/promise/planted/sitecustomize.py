"""Plants a fault in a trial's process: Python runs this file first where its folder is on PYTHONPATH.

`PLANTED_FAULT` names the fault and its size: ``"straggler:60"``. The classes are wrapped when they are imported; the
workbench itself knows nothing of it.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any


def on_a_core(seconds: float) -> None:
    """Keep a core busy for this long, counted in this thread's own time on it."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def straggler(module: ModuleType, ms: float) -> None:
    """The first worker takes longer for every page."""
    from torch.utils.data import get_worker_info

    make = module.PageDataset.__getitem__

    @functools.wraps(make)
    def slow(self: Any, number: int) -> Any:
        worker = get_worker_info()
        if worker is not None and worker.id == 0:
            on_a_core(ms * 1e-3)
        return make(self, number)

    module.PageDataset.__getitem__ = slow


def lock(module: ModuleType, ms: float) -> None:
    """From decoding on, only one worker at a time makes a page, and sleeps in it: all others wait for the lock."""
    page_maker = sys.modules["workbench.workloads.ocr.chain.page_maker"]
    make, decode = module.PageDataset.__getitem__, page_maker.choose_decoder
    files: dict[int, int] = {}

    def own() -> int:
        """This very file, opened by this process itself: an inherited file would share its lock."""
        if os.getpid() not in files:
            files[os.getpid()] = os.open(__file__, os.O_RDONLY)
        return files[os.getpid()]

    def locked_decoder(name: str) -> Callable[..., Any]:
        plain = decode(name)

        def locked(*arguments: Any) -> Any:
            fcntl.flock(own(), fcntl.LOCK_EX)
            return plain(*arguments)

        return locked

    @functools.wraps(make)
    def released(self: Any, number: int) -> Any:
        try:
            made = make(self, number)
            time.sleep(ms * 1e-3)
            return made
        finally:
            fcntl.flock(own(), fcntl.LOCK_UN)

    page_maker.choose_decoder = locked_decoder
    module.PageDataset.__getitem__ = released


def slow_start(module: ModuleType, ms: float) -> None:
    """Every worker takes longer to start, as if it imported a large library."""
    start = module.StartWorker.__call__

    @functools.wraps(start)
    def slow(self: Any, number: int) -> None:
        on_a_core(ms * 1e-3)
        start(self, number)

    module.StartWorker.__call__ = slow


def heavy_send(module: ModuleType, megabytes: float) -> None:
    """Every batch carries bytes that nobody needs."""
    collate = module.IndexedCollate.__call__

    @functools.wraps(collate)
    def heavy(self: Any, made: Any) -> Any:
        indexed = collate(self, made)
        indexed.data.burden = bytes(int(megabytes * 1e6))
        return indexed

    module.IndexedCollate.__call__ = heavy


#: Which module a fault is planted in, and how.
FAULTS: dict[str, tuple[str, Callable[[ModuleType, float], None]]] = {
    "straggler": ("workbench.workloads.ocr.pages.dataset", straggler),
    "lock": ("workbench.workloads.ocr.pages.dataset", lock),
    "slow_start": ("workbench.measure.loaders.torch_loader", slow_start),
    "heavy_send": ("workbench.measure.loaders.torch_loader", heavy_send),
}


class Planter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in the usual way, and plants the fault when it has been imported."""

    def __init__(self, name: str, plant: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._plant = plant
        self._loader: Any = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The usual spec, with this object as its loader."""
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As usual."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Import it, then plant."""
        self._loader.exec_module(module)
        self._plant(module)


wanted, _, amount = os.environ.get("PLANTED_FAULT", "").partition(":")
if wanted:
    where, how = FAULTS[wanted]
    sys.meta_path.insert(0, Planter(where, lambda module: how(module, float(amount or 0))))
