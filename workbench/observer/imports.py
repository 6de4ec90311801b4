"""What is done right after a module was imported; and how long imports take, each without those within it."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .clock import now_ns
from .session import Session

#: An import that takes less by itself is not named.
_WORTH_NAMING_NS = 20_000_000

After = Callable[[ModuleType], None]


class Imports:
    """A finder that asks the other ones, and looks on while they load a module.

    Args:
        session: Gets the facts of long imports.
        clock: Reads the time in nanoseconds.
    """

    def __init__(self, session: Session, clock: Callable[[], int] = now_ns) -> None:
        self._session = session
        self._clock = clock
        self._after: dict[str, list[After]] = {}
        self._asking = threading.local()
        self._thread = threading.get_ident()
        self._inner_ns: list[int] = []

    def after(self, module: str, call: After) -> None:
        """Call `call` with a module once it was imported; at once, if it was already."""
        if module in sys.modules:
            self._call(call, sys.modules[module])
        else:
            self._after.setdefault(module, []).append(call)

    def install(self) -> None:
        """Be asked first from here on."""
        sys.meta_path.insert(0, self)
        self._session.on_close.append(lambda: sys.meta_path.remove(self))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that another finder has for a module, with a loader that tells of its end."""
        if getattr(self._asking, "now", False) or self._session.off:
            return None
        self._asking.now = True
        try:
            spec = self._others(name, path, target)
        finally:
            self._asking.now = False
        # A loader that is a class (builtin, frozen) is everybody's.
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            self._follow(spec.loader, name)
        return spec

    def _others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec: ModuleSpec | None = find(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _follow(self, loader: Any, name: str) -> None:
        load = getattr(loader, "exec_module", None)
        if load is None:
            return

        def exec_module(module: ModuleType) -> None:
            with contextlib.suppress(AttributeError):
                del loader.exec_module
            began = self._begin()
            try:
                load(module)
            finally:
                self._end(name, began)
            for call in self._after.pop(name, ()):
                self._call(call, module)

        with contextlib.suppress(AttributeError):  # it may have no room for one
            loader.exec_module = exec_module

    def _begin(self) -> int | None:
        if threading.get_ident() != self._thread:
            return None
        self._inner_ns.append(0)
        return self._clock()

    def _end(self, name: str, began: int | None) -> None:
        if began is None or not self._inner_ns:
            return
        now = self._clock()
        took, inner = now - began, self._inner_ns.pop()
        if self._inner_ns:
            self._inner_ns[-1] += took
        own = took - inner
        if own >= _WORTH_NAMING_NS or (not self._inner_ns and took >= _WORTH_NAMING_NS):
            try:
                self._session.tell(
                    "import", module=name, begin_ns=began, end_ns=now, own_ns=own, depth=len(self._inner_ns)
                )
            except Exception as error:
                self._session.fault(error)

    def _call(self, call: After, module: ModuleType) -> None:
        if self._session.off:
            return
        try:
            call(module)
        except Exception as error:
            self._session.fault(error)
