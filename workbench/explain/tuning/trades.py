"""The answer of a search: what to take, and what can be had for less memory, or less start-up."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.records import Trade

#: A result is worth the more, the nearer it is to the baseline's.
_RESULTS = {"same": 0, None: 1, "not_comparable": 1, "within_tolerance": 2, "cannot_tell": 3, "different": 4}

#: Memory and start-up that are as near as this are the same: neither is known better.
_ALIKE = 0.05

#: Likewise throughput.
_AS_FAST = 0.01


def pareto(trades: Sequence[Trade]) -> list[Trade]:
    """Those that no other one beats: as good in speed, memory, start-up and result, and better in one of them.

    Args:
        trades: Any; the baseline, of no settings, always stays.

    Returns:
        Fastest first.
    """
    found = [trade for trade in trades if not trade.settings or not any(_beats(other, trade) for other in trades)]
    return sorted(found, key=lambda trade: -trade.speedup.estimate)


def _beats(one: Trade, other: Trade) -> bool:
    if one is other:
        return False
    gains = [
        _compared(other.speedup.estimate, one.speedup.estimate, _AS_FAST),  # more is better
        _compared(one.memory_bytes, other.memory_bytes, _ALIKE),
        _compared(one.startup_s, other.startup_s, _ALIKE),
        _compared(_RESULTS[one.result], _RESULTS[other.result], 0.0),
    ]
    is_simpler = len(one.settings) < len(other.settings)
    return all(gain <= 0 for gain in gains) and (any(gain < 0 for gain in gains) or is_simpler)


def _compared(value: float | None, other: float | None, alike: float) -> int:
    """-1 where the first is smaller, 1 where it is larger, 0 where they are alike or one is not known."""
    if value is None or other is None or abs(value - other) <= alike * max(abs(value), abs(other)):
        return 0
    return -1 if value < other else 1
