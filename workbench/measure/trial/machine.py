"""What the machine did while a trial ran, apart from the trial; and whether that is too much."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Collection

import psutil

from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.control_group import find_quota
from workbench.records import Machine, Policy
from workbench.units import NS_PER_S, counted, format_share

#: What the kernel counts as work, time of guests included.
_BUSY = ("user", "nice", "system", "irq", "softirq")


class MachineWatch:
    """Watches the machine from its making until `describe`.

    Args:
        clock: Reads the time.
        also_own_s: Seconds on cores of processes that belong to the trial, and are none of this one's children.
    """

    def __init__(self, clock: Clock = monotonic_ns, also_own_s: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._also_own_s = also_own_s
        self._begin_ns = clock()
        self._load = os.getloadavg()[0]
        self._cores = os.sched_getaffinity(0)
        self._busy_s, self._stolen_s = _cpu_times(self._cores)
        self._own_s = _own_times() + also_own_s()
        self._quota = find_quota()
        self._stopped = self._quota.stopped() if self._quota is not None else None

    def describe(self) -> Machine:
        """What has happened since. The trial must have ended: what its processes took is known from then on."""
        wall_s = (self._clock() - self._begin_ns) / NS_PER_S
        busy_s, stolen_s = _cpu_times(self._cores)
        other_s = (busy_s - self._busy_s) - (_own_times() + self._also_own_s() - self._own_s)
        available_s = wall_s * len(self._cores)
        throttled_share, throttled_s = self._throttled()
        return Machine(
            wall_s=wall_s,
            num_cores=len(self._cores),
            other_cores=max(0.0, other_s / wall_s),
            steal_share=min(1.0, max(0.0, (stolen_s - self._stolen_s) / available_s)),
            throttled_share=throttled_share,
            throttled_s=throttled_s,
            load_1min=self._load,
            frequency_mhz=_frequency(),
            temperature_c=_temperature(),
        )

    def _throttled(self) -> tuple[float | None, float]:
        """Share of the quota's periods in which it was used up, and for how many seconds of cores that was."""
        if self._quota is None or self._stopped is None:
            return None, 0.0
        before, now = self._stopped, self._quota.stopped()
        periods = max(now.periods - before.periods, 1)
        return (now.used_up - before.used_up) / periods, now.stopped_s - before.stopped_s


def disturbances(machine: Machine | None, policy: Policy) -> list[str]:
    """What else the machine did, in words, as far as it is more than the policy lets pass."""
    found = []
    if machine is not None and machine.other_cores >= policy.disturbed_share * machine.num_cores:
        found.append(f"other processes kept {machine.other_cores:.2f} of {counted(machine.num_cores, 'core')} busy")
    if machine is not None and machine.steal_share >= policy.disturbed_steal:
        found.append(f"the host took {format_share(machine.steal_share)} of the cores away")
    return found


def _cpu_times(cores: Collection[int]) -> tuple[float, float]:
    """Seconds that these cores were busy, and that the host took away from them, since the machine started."""
    times = [one for core, one in enumerate(psutil.cpu_times(percpu=True)) if core in cores]
    busy = sum(sum(getattr(one, kind, 0.0) for kind in _BUSY) for one in times)
    return busy, sum(getattr(one, "steal", 0.0) for one in times)


def _own_times() -> float:
    """Seconds of CPU that this process and all that it has started and that have ended took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _frequency() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return float(frequency.current) if frequency is not None and frequency.current else None


def _temperature() -> float | None:
    read = getattr(psutil, "sensors_temperatures", None)
    try:
        sensors = read() if read else {}
    except OSError:
        return None
    temperatures = [entry.current for entries in sensors.values() for entry in entries if entry.current is not None]
    return float(max(temperatures)) if temperatures else None
