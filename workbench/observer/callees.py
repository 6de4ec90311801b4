"""What a function of the script spends its time on, by the functions that it calls: Python 3.12 and later.

`sys.monitoring` tells of the calls in single code objects, and costs nothing anywhere else. Of a call to a function in
C it tells the end as well; a function in Python tells of its own, where it is asked to.
"""

from __future__ import annotations

import sys
import threading
from types import CodeType
from typing import Any

from .lane import current
from .session import Session
from .timed import call_of, is_timed

#: Callees of one function that get stages of their own.
_MOST = 24

#: Calls that are too small to be worth a stage.
_TRIVIAL = frozenset(("len", "isinstance", "range", "int", "float", "str", "getattr", "hasattr", "enumerate", "zip"))

_NAME = "workbench"


class _Callees:
    """Follows the calls that some functions make.

    Args:
        session: The session of this process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._tool: int = self._monitoring.PROFILER_ID
        self._prefixes: dict[CodeType, str] = {}
        self._known: dict[CodeType, dict[Any, str]] = {}
        self._returning: set[CodeType] = set()
        self._open = threading.local()
        events = self._monitoring.events
        self._monitoring.use_tool_id(self._tool, _NAME)
        for event, call in (
            (events.CALL, self._called),
            (events.C_RETURN, self._returned_from_c),
            (events.C_RAISE, self._returned_from_c),
            (events.PY_RETURN, self._returned),
            (events.PY_UNWIND, self._returned),
        ):
            self._monitoring.register_callback(self._tool, event, call)

    def watch(self, code: CodeType, prefix: str) -> None:
        """Name the direct callees of a function's code."""
        if code not in self._prefixes:
            self._prefixes[code] = prefix
            self._known[code] = {}
            self._monitoring.set_local_events(self._tool, code, self._monitoring.events.CALL)

    def _called(self, code: CodeType, offset: int, function: Any, first: Any) -> Any:
        lane = current.lane
        if lane is None or self._session.off:
            return None
        try:
            stack = self._stack()
            if stack:  # within a callee that is followed already
                return None
            name = self._name(code, function)
            if name is None:
                return None
            own = _code_of(function)
            if own is not None and own not in self._returning:
                if own in self._prefixes:  # it is looked at by itself
                    return None
                events = self._monitoring.events
                self._monitoring.set_local_events(self._tool, own, events.PY_RETURN)
                self._returning.add(own)
            stack.append((own, code, lane.depth))
            lane.enter(name)
        except Exception as error:
            self._session.fault(error)
        return None

    def _returned_from_c(self, code: CodeType, offset: int, function: Any, first: Any) -> None:
        stack = self._stack()
        if stack and stack[-1][0] is None and stack[-1][1] is code:
            self._leave(stack)

    def _returned(self, code: CodeType, offset: int, value: Any) -> None:
        stack = self._stack()
        if stack and stack[-1][0] is code:
            self._leave(stack)

    def _leave(self, stack: list[Any]) -> None:
        lane = current.lane
        depth = stack.pop()[2]
        if lane is not None:
            lane.leave_to(depth)

    def _stack(self) -> list[Any]:
        stack: list[Any] | None = getattr(self._open, "stack", None)
        if stack is None:
            stack = self._open.stack = []
        return stack

    def forget(self) -> None:
        """A sample or a batch is over: whatever an exception has left open is closed."""
        self._stack().clear()

    def _name(self, code: CodeType, function: Any) -> str | None:
        """The stage of a callee; None for one that is not worth it, or that has a stage already."""
        known = self._known[code]
        key = getattr(function, "__func__", function)
        try:
            if key in known:
                return known[key]
        except TypeError:  # it cannot be a key
            return None
        name = getattr(function, "__qualname__", None) or type(function).__name__
        is_ours = is_timed(key) or is_timed(call_of(function))
        if is_ours or isinstance(function, type) or name in _TRIVIAL or len(known) >= _MOST:
            return None
        known[key] = f"{self._prefixes[code]} > {name.rpartition('.')[2]}"
        return known[key]


def _code_of(function: Any) -> CodeType | None:
    """The code of a function in Python; None for one in C."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        code = getattr(call_of(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


_callees: _Callees | None = None


def watch(session: Session, function: Any, prefix: str) -> None:
    """Name the direct callees of a function as stages of their own; nothing before Python 3.12.

    Args:
        session: The session of this process.
        function: A function, a method, or an object that is called.
        prefix: What the stages begin with.
    """
    global _callees
    code = _code_of(function)
    # Lines are times of callees as well, and line_profiler wants the same tool of sys.monitoring.
    if code is None or not hasattr(sys, "monitoring") or session.off or "lines" in session.profilers:
        return
    if _callees is None:
        if sys.monitoring.get_tool(sys.monitoring.PROFILER_ID) is not None:  # type: ignore[attr-defined,unused-ignore]
            return  # somebody else's
        _callees = _Callees(session)
    _callees.watch(code, prefix)


def forget() -> None:
    """A batch is over."""
    if _callees is not None:
        _callees.forget()
