"""What a setting has to keep to, before its speed counts: memory, start-up, and the result."""

from __future__ import annotations

from workbench.explain.tuning.forecast import Forecast
from workbench.records import Candidate, Fate, MeasuredValue, TuneLimits
from workbench.records.checks import CheckStatus
from workbench.units import format_bytes, format_duration

#: What is only expected has to be over a limit by this much to rule a setting out: its own trial says more.
_EXPECTED = 1.15

_RESULTS: dict[CheckStatus, str] = {
    "different": "its result is not the baseline's",
    "within_tolerance": "its result is within tolerance, and not the same",
    "cannot_tell": "whether its result is the baseline's cannot be told",
}


def refused_by(limits: TuneLimits, measured: MeasuredValue | Candidate) -> str:
    """Why a limit rules out what was measured, with the figures; empty where none does."""
    return broken(limits, measured.memory_bytes, measured.startup_s, measured.result)[1]


def broken(
    limits: TuneLimits, memory_bytes: float | None, startup_s: float | None, result: CheckStatus | None
) -> tuple[Fate | None, str]:
    """Which limit figures break, and how; None and nothing where they keep to all of them, or are not known."""
    if limits.memory_bytes is not None and memory_bytes is not None and memory_bytes > limits.memory_bytes:
        return "memory", f"it takes {format_bytes(memory_bytes)}, and may take {format_bytes(limits.memory_bytes)}"
    if limits.startup_s is not None and startup_s is not None and startup_s > limits.startup_s:
        took, allowed = format_duration(startup_s), format_duration(limits.startup_s)
        return "startup", f"its start-up takes {took}, and may take {allowed}"
    is_too_far = result == "different" or (limits.result == "same" and result in ("within_tolerance", "cannot_tell"))
    if result is not None and is_too_far:
        return "result", _RESULTS[result]
    return None, ""


def expected_to_break(limits: TuneLimits, forecast: Forecast) -> tuple[Fate | None, str]:
    """Likewise for what is expected of a setting; it has to be over the limit by 15 %."""
    if forecast.is_measured:
        return broken(limits, forecast.memory_bytes, forecast.startup_s, None)
    memory = None if forecast.memory_bytes is None else forecast.memory_bytes / _EXPECTED
    startup = None if forecast.startup_s is None else forecast.startup_s / _EXPECTED
    return broken(limits, memory, startup, None)
