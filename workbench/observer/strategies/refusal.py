"""A strategy that is wrong for a script, said once."""

from __future__ import annotations

from ..session import Session

_said: set[str] = set()


def refuse(session: Session, strategy: str, reason: str, remedy: str) -> None:
    """Say that a strategy cannot be tried here; whoever looks on ends the trial."""
    if strategy not in _said:
        _said.add(strategy)
        session.tell("refused", strategy=strategy, reason=reason, remedy=remedy)
